// The controller concept: what decides, once an epoch, which seeds to grow, keep and prune.
#pragma once

#include <concepts>
#include <span>
#include <string>
#include <vector>

#include <kasmina/slot/options.hpp>
#include <kasmina/slot/report.hpp>
#include <kasmina/statistics/sequential_rule.hpp>

namespace kasmina {

/// What a controller sees of an epoch. Accuracy in percentage points, of a validation set.
struct EpochObservation {
    int epoch = 0;  ///< from 1
    double accuracy = 0.0;
    std::span<const SlotReport> slots{};
    /// For each slot, whether the gate on its forward step would let it pass now.
    std::span<const bool> gate_passes{};
    /// For each slot, what the judge makes of its seed: undecided unless it is held (J-2).
    std::span<const judge::Verdict> verdicts{};
};

/// One thing to do with one slot.
struct Decision {
    enum class Action : unsigned char { germinate, advance, prune };

    std::string slot{};
    Action action = Action::advance;
    std::string blueprint{};       ///< of a germination
    std::string reason{};          ///< of a prune
    GerminationOptions options{};  ///< of a germination
};

/// Decides after each epoch; decisions are carried out in order, then the slots tick.
template <class C>
concept Controller = requires(C controller, const EpochObservation& observation) {
    { controller.decide(observation) } -> std::same_as<std::vector<Decision>>;
};

/// A controller that a checkpoint can hold: it gives its whole memory as a plain struct `State` and
/// takes it back (P-7). One that remembers nothing has an empty struct.
template <class C>
concept RestorableController =
    Controller<C> && requires(C controller, const C& constant, const typename C::State& state) {
        { constant.state() } -> std::same_as<typename C::State>;
        controller.restore(state);
    };

}  // namespace kasmina
