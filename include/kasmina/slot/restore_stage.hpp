// From a slot's stage to its plain state, and from a checked state and a new seed back to the
// stage.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include <kasmina/slot/check_slot_state.hpp>
#include <kasmina/slot/stage_access.hpp>
#include <kasmina/slot/stages.hpp>

namespace kasmina::slot_detail {

/// Everything of a stage but its tensors and the options of its blueprint.
template <class B>
void describe(const AnyStage<B>& stages, SlotState& state) {
    state.stage = stage_of(stages);
    if (const SeedRecord* record = record_of(stages)) state.record = *record;
    if (const AlphaController* controller = controller_of(stages)) {
        state.alpha = controller->state();
    }
    if (const auto* embargoed = stages.template get_if<Embargoed>()) {
        state.embargo_ticks_left = embargoed->ticks_left;
    }
    const auto* blending = stages.template get_if<Blending<B>>();
    if (blending != nullptr) state.scheduled_prune = blending->scheduled_prune;
    const LiveSeed<B>* live = live_seed(stages);
    if (live == nullptr) return;
    LiveSeedState seed;
    seed.blend = live->blend();
    seed.has_gate_network = live->gate() != nullptr;
    seed.isolated = live->isolated;
    seed.random = live->random().state();
    for (const auto& [name, parameter] : live->contents().parameters) {
        const auto& flags = *parameter->state();
        const auto is_this = [&](const auto& frozen) { return frozen.lock().get() == &flags; };
        const bool thaws = blending != nullptr && std::ranges::any_of(blending->frozen, is_this);
        seed.parameters.push_back({name, flags.trainable, flags.warm, thaws});
    }
    state.seed = std::move(seed);
}

/// Sets the flags of a new seed's parameters; gives back those that thaw after the ramp. Errors:
/// StateError when the state is of other parameters.
template <class B>
[[nodiscard]] std::vector<std::weak_ptr<ParameterState<B>>> set_flags(const LiveSeed<B>& live,
                                                                      const LiveSeedState& seed,
                                                                      const std::string& where) {
    const auto& parameters = live.contents().parameters;
    if (parameters.size() != seed.parameters.size()) {
        refuse_state(where, "seed.parameters",
                     std::to_string(parameters.size()) + ", as the seed has",
                     std::to_string(seed.parameters.size()));
    }
    std::vector<std::weak_ptr<ParameterState<B>>> frozen;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const ParameterFlags& flags = seed.parameters[i];
        const auto& [name, parameter] = parameters[i];
        if (flags.name != name) {
            refuse_state(where, "seed.parameters[" + std::to_string(i) + "].name", name,
                         flags.name);
        }
        parameter->set_trainable(flags.trainable);
        parameter->state()->warm = flags.warm;
        if (flags.thaws_after_ramp) frozen.push_back(parameter->state());
    }
    return frozen;
}

/// The stage of a state that was checked, around a module that was made for it (null without a
/// live seed). Errors: StateError where the seed and the state differ.
template <class B>
[[nodiscard]] AnyStage<B> restored_stage(typename B::Context& context, const SlotState& state,
                                         std::unique_ptr<SeedModule<B>> module,
                                         const std::string& where) {
    switch (state.stage) {
        case Stage::pruned: return Pruned{*state.record};
        case Stage::embargoed: return Embargoed{*state.record, *state.embargo_ticks_left};
        case Stage::resetting: return Resetting{*state.record};
        default: break;
    }
    if (module == nullptr) return Dormant{};

    Generator scratch(0);  // the values of a gate network are loaded after this, as all are
    auto live =
        std::make_unique<LiveSeed<B>>(context, std::move(module), state.seed->blend, scratch);
    const Index counted = live->record.metrics.seed_parameters;
    if (state.record->metrics.seed_parameters != counted) {
        refuse_state(where, "record.metrics.seed_parameters", std::to_string(counted),
                     std::to_string(state.record->metrics.seed_parameters));
    }
    live->record = *state.record;
    live->isolated = state.seed->isolated;
    live->random() = Generator::from_state(state.seed->random);
    auto frozen = set_flags(*live, *state.seed, where);
    AlphaController alpha;
    if (state.alpha) alpha.restore(*state.alpha, where);
    switch (state.stage) {
        case Stage::germinated: return Germinated<B>{std::move(live)};
        case Stage::training: return Training<B>{std::move(live)};
        case Stage::holding: return Holding<B>{std::move(live), alpha};
        case Stage::fossilized: return Fossilized<B>{std::move(live), alpha};
        default: break;
    }
    return Blending<B>{std::move(live), alpha, state.scheduled_prune, std::move(frozen)};
}

}  // namespace kasmina::slot_detail
