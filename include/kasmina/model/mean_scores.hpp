// Scores a network on a data set under several configurations of amplitudes, in one pass.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <span>
#include <utility>
#include <vector>

#include <kasmina/error.hpp>
#include <kasmina/model/counterfactual.hpp>

namespace kasmina {

/// Samples of a data set, with the class of each.
template <class B>
struct LabelledBatch {
    Tensor<B> images;
    std::vector<std::int32_t> labels;
};

/// A range of things with a tensor `images`, samples first. It may make them on the way.
template <class R, class B>
concept BatchRange =
    std::ranges::input_range<R> && requires(std::ranges::range_reference_t<R> batch) {
        { batch.images } -> std::convertible_to<const Tensor<B>&>;
    };

/// `score(batch, logits)`: a number for the batch that is a sum over its samples.
template <class S, class R, class B>
concept BatchScore =
    requires(S& score, std::ranges::range_reference_t<R> batch, const Variable<B>& logits) {
        { score(batch, logits) } -> std::convertible_to<double>;
    };

/// Scores 100 per sample whose largest logit is at its label, so that the mean is the accuracy in
/// percentage points. Labels are `batch.labels`.
struct AccuracyScore {
    template <class Batch, class B>
    [[nodiscard]] double operator()(const Batch& batch, const Variable<B>& logits) const {
        const Index hits =
            B::count_correct(logits.tape().context(), logits.shape()[0], logits.shape()[1],
                             logits.data(), std::span<const std::int32_t>(batch.labels));
        return 100.0 * static_cast<double>(hits);
    }
};

/// For each configuration the mean of `score` over the samples of `batches`, with the network's
/// amplitudes overridden by it. One pass over the data, in which configurations share what they
/// can (`evaluate_each`). Nothing is mutated. Errors: OptionError without samples; those of
/// `evaluate_each`.
template <class Model, class Batches, class Score>
    requires BatchRange<Batches, typename Model::Backend> &&
             BatchScore<Score, Batches, typename Model::Backend>
[[nodiscard]] std::vector<double> mean_scores(const Model& model, typename Model::Context& context,
                                              std::span<const AlphaOverrides> configurations,
                                              Batches&& batches, Score&& score) {
    using B = typename Model::Backend;
    std::vector<double> means(configurations.size());
    Index samples = 0;
    for (auto&& batch : batches) {
        const Tensor<B>& images = batch.images;
        evaluate_each(model, context, images, configurations,
                      [&](std::size_t k, const Variable<B>& logits) {
                          means[k] += static_cast<double>(score(batch, logits));
                      });
        samples += images.shape()[0];
    }
    if (samples == 0) {
        throw OptionError("there is no data to score a network on", "mean_scores",
                          "at least one batch", "none", "pass a range with samples");
    }
    for (double& mean : means) mean /= static_cast<double>(samples);
    return means;
}

}  // namespace kasmina
