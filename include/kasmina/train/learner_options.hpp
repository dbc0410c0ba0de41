// LearnerOptions: what a learner is told: its optimiser's options, lessons and clipping.
#pragma once

#include <kasmina/requirements.hpp>

#include <optional>

namespace kasmina::train {

/// Options of an optimiser for the host, and for seeds apart.
template <class Rule>
struct LearnerOptions {
    typename Rule::Options host{};
    typename Rule::Options seeds{};
    /// What share of the seeds' rate a seed learns with behind the host. Nothing can adapt to it
    /// there, so at the full rate the shortest way to do no harm is to fall silent, and a branch
    /// that has fallen silent learns no more (docs/growth.md). Under both incubations.
    double lesson_rate = 0.04;
    /// With each how many steps a seed behind the host gets a lesson: the first with its first
    /// step. A lesson may cost more than the host's own step, and with each fourth the steps cost
    /// about 1.6 of the host's in the mean at most (docs/benchmarks.md).
    int lesson_every = 4;
    /// How many batches are one step of the optimiser: their gradients are summed, each with its
    /// share of the mean, so that for equal batches the step is that of one large batch (but where
    /// norms take statistics of a batch, which are those of the small ones). Lessons, clipping, the
    /// judge's shadow and gradient health count such steps.
    int accumulate_batches = 1;
    /// Of the network's gradients together, and of each seed's that learns behind it; none: no
    /// clipping.
    std::optional<double> max_gradient_norm{};
};

}  // namespace kasmina::train
