// clip_apart: gradients of a network and of the seeds that learn behind it, each clipped by itself.
#pragma once

#include <optional>

#include <kasmina/optim/clip_gradients.hpp>
#include <kasmina/train/learner_groups.hpp>

namespace kasmina::train {

/// Clips the network as one, and each seed that learns behind it by itself: how steep its lesson is
/// must not shorten the host's step (I-1). Waits for nothing.
template <class Clipper, class Model, class Optimiser>
void clip_apart(Clipper& clipper, const Model& model, const Optimiser& optimiser) {
    clipper.clip_unread(model.context(), optimiser,
                        [&](const auto& tracked) { return !is_behind(model, tracked.name); });
    for (const auto& slot : model.slots()) {
        if (!learns_behind(slot)) continue;
        clipper.clip_unread(model.context(), optimiser,
                            [&](const auto& tracked) { return is_of(tracked.name, slot.name()); });
    }
}

/// What clips to that norm, if any. Errors: OptionError for a norm that is not positive.
template <class B>
[[nodiscard]] std::optional<optim::GradientClipper<B>> clipper_of(std::optional<double> max_norm) {
    if (!max_norm) return std::nullopt;
    return optim::GradientClipper<B>(*max_norm);
}

}  // namespace kasmina::train
