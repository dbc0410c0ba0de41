// SlotState: everything that a slot is beside its tensors, as plain structs (spec C-1, C-8).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <kasmina/alpha/state.hpp>
#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/reflect/values.hpp>
#include <kasmina/slot/options.hpp>
#include <kasmina/slot/seed_record.hpp>
#include <kasmina/tensor/index.hpp>
#include <kasmina/topology.hpp>

namespace kasmina {

/// A prune that waits for alpha to reach 0 (S-5).
struct ScheduledPrune {
    std::string reason{};
    std::string initiator{};
    using Fields = reflect::List<&ScheduledPrune::reason, &ScheduledPrune::initiator>;

    friend bool operator==(const ScheduledPrune&, const ScheduledPrune&) = default;
};

/// What is true of one parameter of a seed or its gate network beside its values.
struct ParameterFlags {
    std::string name{};             ///< "seed/...", "gate/..."
    bool trainable = true;          ///< it learns
    bool warm = false;              ///< a second backward pass has reached it (I-7)
    bool thaws_after_ramp = false;  ///< the blend-out froze it and will thaw it (I-6)
    using Fields = reflect::List<&ParameterFlags::name, &ParameterFlags::trainable,
                                 &ParameterFlags::warm, &ParameterFlags::thaws_after_ramp>;

    friend bool operator==(const ParameterFlags&, const ParameterFlags&) = default;
};

/// What a live seed has and a pruned one has not.
struct LiveSeedState {
    reflect::Values blueprint_options{};  ///< as the blueprint's module was made with
    GerminationOptions blend{};
    bool has_gate_network = false;  ///< with the gate algorithm, and only then (A-6)
    bool isolated = false;
    Generator::State random{};                 ///< where its random operations go on
    std::vector<ParameterFlags> parameters{};  ///< all of the seed's and its gate network's
    using Fields = reflect::List<&LiveSeedState::blueprint_options, &LiveSeedState::blend,
                                 &LiveSeedState::has_gate_network, &LiveSeedState::isolated,
                                 &LiveSeedState::random, &LiveSeedState::parameters>;

    friend bool operator==(const LiveSeedState&, const LiveSeedState&) = default;
};

/// A slot but for its tensors: what `Slot::state` gives and `Slot::restore` takes. Parts that a
/// stage has not are absent.
struct SlotState {
    std::string name{};
    Topology topology = Topology::cnn;
    Index width = 0;
    SlotOptions options{};
    Stage stage = Stage::dormant;
    std::optional<SeedRecord> record{};
    std::optional<LiveSeedState> seed{};
    std::optional<AlphaState> alpha{};
    std::optional<ScheduledPrune> scheduled_prune{};
    std::optional<int> embargo_ticks_left{};
    using Fields = reflect::List<&SlotState::name, &SlotState::topology, &SlotState::width,
                                 &SlotState::options, &SlotState::stage, &SlotState::record,
                                 &SlotState::seed, &SlotState::alpha, &SlotState::scheduled_prune,
                                 &SlotState::embargo_ticks_left>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;

    friend bool operator==(const SlotState&, const SlotState&) = default;
};

}  // namespace kasmina
