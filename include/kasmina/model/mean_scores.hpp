// Scores a network on a data set under several configurations of amplitudes, in one pass.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/error.hpp>
#include <kasmina/model/counterfactual.hpp>

namespace kasmina {

/// Samples of a data set, with the class of each.
template <class B, class Input = Tensor<B>>
struct LabelledBatch {
    Input input;
    ClassLabels<B> labels;
};

/// What a loop over a range is given.
template <class R>
using BatchReference = std::iter_reference_t<decltype(std::ranges::begin(std::declval<R&>()))>;

/// A range of things with a member `input`, which is what the host takes. It may make them on the
/// way. (In the words of <iterator>: <ranges> is long, and nothing else here is of it.)
template <class R, class Input>
concept BatchRange = requires(R& range) {
    { std::ranges::begin(range) } -> std::input_iterator;
    std::ranges::end(range);
} && requires(BatchReference<R> batch) {
    { batch.input } -> std::convertible_to<const Input&>;
};

/// A number, or one on its way: something with `get()`.
template <class T>
concept ScoreResult = std::convertible_to<T, double> || requires(T& pending) {
    { pending.get() } -> std::convertible_to<double>;
};

/// `score(batch, output)`: a number for the batch that is a sum over its samples, or one on its
/// way.
template <class S, class R, class Output>
concept BatchScore = requires(S& score, BatchReference<R> batch, const Output& output) {
    { score(batch, output) } -> ScoreResult;
};

/// The number, waited for where it is on its way.
template <ScoreResult Result>
[[nodiscard]] double score_value(Result& result) {
    if constexpr (std::convertible_to<Result, double>) {
        return static_cast<double>(result);
    } else {
        return static_cast<double>(result.get());
    }
}

/// Hits on their way, and the points that each is.
template <class Hits>
struct PendingPoints {
    Hits hits;
    double points;

    [[nodiscard]] double get() { return points * static_cast<double>(hits.get()); }
};

namespace detail {

using ops::count_correct;

/// `count_correct(output, labels)`: one of ops, or one of the output's own namespace.
template <class Output, class Labels>
concept CountsHits =
    requires(const Output& output, const Labels& labels) { count_correct(output, labels); };

template <class Output, class Labels>
[[nodiscard]] auto hits_of(const Output& output, const Labels& labels) {
    return count_correct(output, labels);
}

}  // namespace detail

/// Scores a sample 100 times the share of its labels whose logit is the largest, so that the mean
/// is the accuracy in percentage points: of images, which have one label each, or of the tokens of
/// sequences. Labels are `batch.labels`, as many for each sample.
struct AccuracyScore {
    static constexpr bool falls = false;

    template <class Batch, class Output>
        requires requires(const Batch& batch) {
            requires detail::CountsHits<Output, decltype(batch.labels)>;
        }
    [[nodiscard]] auto operator()(const Batch& batch, const Output& logits) const {
        auto hits = detail::hits_of(logits, batch.labels);
        return PendingPoints<decltype(hits)>{std::move(hits), 100.0 / labels_of_a_sample(batch)};
    }

private:
    /// 1 where nobody says how many samples there are.
    template <class Batch>
    [[nodiscard]] static double labels_of_a_sample(const Batch& batch) {
        if constexpr (requires { hosts::samples(batch.input); }) {
            const Index samples = std::max<Index>(1, hosts::samples(batch.input));
            return static_cast<double>(std::max<Index>(1, batch.labels.size() / samples));
        } else {
            return 1.0;
        }
    }
};

/// For each configuration the mean of `score` over the samples of `batches`, with the network's
/// amplitudes overridden by it. One pass over the data, in which configurations share what they
/// can (`evaluate_each`). Scores that are on their way are waited for when the next batch is under
/// way. Nothing is mutated. Errors: OptionError without samples; those of `evaluate_each`.
template <class Model, class Batches, class Score>
[[nodiscard]] std::vector<double> mean_scores(const Model& model, typename Model::Context& context,
                                              std::span<const AlphaOverrides> configurations,
                                              Batches&& batches, Score&& score) {
    static_assert(BatchRange<Batches, typename Model::Input>,
                  "BatchRange: pass a range of batches, each with a member `input`, which is what "
                  "the model's host takes");
    static_assert(BatchScore<Score, Batches, typename Model::Output>,
                  "BatchScore: let the score be called as `score(batch, output)` and return a "
                  "number, or something with `double get()`");
    using Batch = BatchReference<Batches>;
    using Result = std::invoke_result_t<Score&, Batch, const typename Model::Output&>;
    std::vector<double> means(configurations.size());
    std::vector<std::pair<std::size_t, Result>> waiting;
    const auto collect = [&means, &waiting] {
        for (auto& [k, result] : waiting) means[k] += score_value(result);
    };
    Index samples = 0;
    for (auto&& batch : batches) {
        std::vector<std::pair<std::size_t, Result>> next;
        next.reserve(configurations.size());
        const typename Model::Input& input = batch.input;
        evaluate_each(model, context, input, configurations,
                      [&](std::size_t k, const typename Model::Output& output) {
                          next.emplace_back(k, score(batch, output));
                      });
        collect();
        waiting = std::move(next);
        samples += hosts::samples(input);
    }
    collect();
    if (samples == 0) {
        throw OptionError("there is no data to score a network on", "mean_scores",
                          "at least one batch", "none", "pass a range with samples");
    }
    for (double& mean : means) mean /= static_cast<double>(samples);
    return means;
}

}  // namespace kasmina
