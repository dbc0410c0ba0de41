// From the start: the network that a run ended with, as one that has been so from its first step.
#pragma once

#include <cstddef>
#include <utility>

#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/slot/slot_state.hpp>

namespace kasmina::examples {

/// Gives `model` the seeds that fossilized in `grown`, at full amplitude, with values as they are
/// drawn at a germination. Both are made alike, and `model` has no seeds yet: trained for as many
/// epochs with a controller that does nothing (IdleController), it is what growing has to be
/// compared with.
template <class Model>
void plant_fossils(Model& model, const Model& grown) {
    for (const auto& kept : grown.slots()) {
        if (kept.stage() != Stage::fossilized) continue;
        auto& slot = model.slot(kept.name());
        SlotState state = kept.state();
        slot.germinate(state.record->blueprint, state.seed->blend);
        const SlotState born = slot.state();
        state.seed->random = born.seed->random;
        state.seed->parameters = born.seed->parameters;
        auto next = slot.prepare(state);
        const auto drawn = slot.contents().parameters;
        const auto into = next.contents().parameters;
        for (std::size_t i = 0; i < drawn.size(); ++i) {
            into[i].parameter->value().copy_from(model.context(), drawn[i].parameter->value());
        }
        slot.exchange(next);
    }
}

}  // namespace kasmina::examples
