// note_step: what a training step of a growing network depends on, as the key of its recording.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <kasmina/autodiff/variable.hpp>
#include <kasmina/backend/precision.hpp>
#include <kasmina/slot/alpha_overrides.hpp>
#include <kasmina/tensor/tensor.hpp>
#include <kasmina/train/step_recorder.hpp>

namespace kasmina::train {

namespace detail {

/// Its address tells types apart.
template <class T>
inline constexpr char type_mark = 0;

}  // namespace detail

/// Adds to `key` all that the step depends on; false for one that cannot be recorded. The seeds in
/// the slots `waiting` have no lesson with it.
template <class Model, class Loss, class Optimiser>
[[nodiscard]] bool note_step(StepKey& key, const Model& model, const typename Model::Input& input,
                             const Loss& loss, const Optimiser& optimiser,
                             const AlphaOverrides& overrides,
                             std::span<const std::size_t> waiting) {
    key.add(static_cast<const void*>(&detail::type_mark<Loss>));
    key.add(input);
    for (const std::uintptr_t number : loss.reads()) key.add(number);
    if constexpr (ComputePrecisionBackend<typename Model::Backend>) {
        key.add(static_cast<std::uintptr_t>(model.context().precision()));
    }
    key.add(static_cast<std::uintptr_t>(model.host_statistics()));
    key.add(std::uintptr_t{waiting.size()});
    for (const std::size_t slot : waiting) key.add(static_cast<std::uintptr_t>(slot));
    for (const auto& slot : model.slots()) {
        key.add(static_cast<std::uintptr_t>(slot.stage()));
        const void* amplitude = slot.recorded_amplitude();
        key.add(amplitude);
        if (amplitude == nullptr) key.add(slot.alpha());
        const AlphaOverride* chosen = overrides.find(slot.name());
        if (chosen != nullptr && chosen->per_sample()) return false;
        key.add(chosen != nullptr ? chosen->values.front() : -1.0);
    }
    for (std::size_t group = 0; group < optimiser.groups(); ++group) {
        for (const auto& tracked : optimiser.tracked(group)) {
            const auto parameter = tracked.parameter.lock();
            if (!parameter) return false;
            key.add(static_cast<const void*>(parameter->value.data()));
            for (const void* address : parameter->gradient.addresses()) key.add(address);
            key.add(static_cast<std::uintptr_t>(parameter->takes_rows && !parameter->watched));
            // Of an earlier batch of the same step, to which this one's is added.
            const bool adds_to_rows = parameter->has_gradient && parameter->gradient.in_rows();
            key.add(static_cast<std::uintptr_t>(adds_to_rows));
            key.add(adds_to_rows ? static_cast<std::uintptr_t>(parameter->gradient.form().count)
                                 : std::uintptr_t{0});
            key.add(static_cast<std::uintptr_t>(parameter->trainable));
        }
    }
    return true;
}

}  // namespace kasmina::train
