// LossScore: the mean loss on held-out data as the score of a network, which falls (spec N-3).
#pragma once

#include <utility>

#include <kasmina/autodiff/variable.hpp>
#include <kasmina/hosts/host.hpp>
#include <kasmina/train/source.hpp>

namespace kasmina::train {

/// The mean of a batch's loss on its way, times its samples.
template <class B>
struct PendingLossSum {
    Pending<B> mean;
    double samples;

    [[nodiscard]] double get() { return samples * static_cast<double>(mean.get()); }
};

/// Scores a network by a loss (`LossOfBatch`): the mean over all samples of the means of batches.
/// It falls, so the model is made with a `ModelOptions::score` that does:
///
///     {.score = {.name = "validation loss", .falls = true, .point = 0.001}}
template <class Loss>
struct LossScore {
    static constexpr bool falls = true;

    Loss loss{};  ///< called as `loss(output, batch)`

    template <class Batch, class Output>
        requires requires(const Loss& of, const Output& output, const Batch& batch) {
            of(output, batch).read();
        }
    [[nodiscard]] auto operator()(const Batch& batch, const Output& output) const {
        return over_samples(loss(output, batch), hosts::samples(batch.input));
    }

private:
    template <class B>
    [[nodiscard]] static PendingLossSum<B> over_samples(const Variable<B>& mean, Index samples) {
        return {mean.read(), static_cast<double>(samples)};
    }
};

}  // namespace kasmina::train
