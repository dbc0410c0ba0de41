// The controller concept: what decides, once an epoch, which seeds to grow, keep and prune.
#pragma once

#include <array>
#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/reflect/enumerators.hpp>
#include <kasmina/slot/options.hpp>
#include <kasmina/slot/report.hpp>
#include <kasmina/statistics/sequential_rule.hpp>

namespace kasmina {

/// What a controller sees of an epoch, valid during that call.
struct EpochObservation {
    int epoch = 0;       ///< from 1
    double score = 0.0;  ///< on held-out data, of the kind below
    std::span<const SlotReport> slots{};
    /// For each slot, whether the gate on its forward step would let it pass now.
    std::span<const bool> gate_passes{};
    /// For each slot, what the judge makes of its seed: undecided unless it is held (J-2).
    std::span<const judge::Verdict> verdicts{};
    ScoreKind score_kind = ScoreKind::accuracy();
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

[[nodiscard]] constexpr std::string_view name_of(Decision::Action action) noexcept {
    switch (action) {
        case Decision::Action::germinate: return "germinate";
        case Decision::Action::advance: return "advance";
        case Decision::Action::prune: return "prune";
    }
    return "(invalid)";
}

template <>
struct reflect::Enumerators<Decision::Action> {
    static constexpr std::array all{Decision::Action::germinate, Decision::Action::advance,
                                    Decision::Action::prune};
};

/// Decides after each epoch; decisions are carried out in order, then the slots tick.
template <class C>
concept Controller = requires(C controller, const EpochObservation& observation) {
    { controller.decide(observation) } -> std::same_as<std::vector<Decision>>;
};

/// A controller that says beforehand which slots and blueprints it will ever name, so that a name
/// that does not exist is an error before anything was trained (E-5).
template <class C>
concept NamesWhatItGrows = requires(const C& controller) {
    { controller.slots() } -> std::convertible_to<std::span<const std::string>>;
    { controller.blueprints() } -> std::convertible_to<std::span<const std::string>>;
};

/// A controller that says beforehand whether its bounds can be held against such a score (N-3):
/// `check_score_kind` throws an OptionError that names the bound.
template <class C>
concept ChecksScoreKind =
    requires(const C& controller, const ScoreKind& kind) { controller.check_score_kind(kind); };

/// A controller that a checkpoint can hold: it gives its whole memory as a plain struct `State` and
/// takes it back (P-7). One that remembers nothing has an empty struct.
template <class C>
concept RestorableController =
    Controller<C> && requires(C controller, const C& constant, const typename C::State& state) {
        { constant.state() } -> std::same_as<typename C::State>;
        controller.restore(state);
    };

}  // namespace kasmina
