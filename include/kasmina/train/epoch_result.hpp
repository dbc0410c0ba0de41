// EpochResult and StepResult: what those who watch a trainer hear.
#pragma once

#include <optional>
#include <type_traits>

#include <kasmina/model/mean_scores.hpp>
#include <kasmina/policy/grower.hpp>

namespace kasmina::train {

/// A training step that is over, as an observer hears of it. Where several batches are one step of
/// the optimiser (`LearnerOptions::accumulate_batches`), each of them is told of by itself.
struct StepResult {
    int epoch = 0;      ///< from 1
    int step = 0;       ///< of the epoch, from 1
    double loss = 0.0;  ///< of its batch
};

/// For those who do not watch.
struct UnobservedSteps {
    void operator()(const StepResult&) const noexcept {}
};

/// What an epoch was.
struct EpochResult {
    double loss = 0.0;  ///< mean over its batches
    /// Mean score of its training batches as the network learned from them: each by the network of
    /// its step, in training mode. Where options ask for it.
    std::optional<double> training_score{};
    double rate_factor = 1.0;  ///< what the schedule gave, the last time in the epoch
    EpochReport report{};      ///< of the growth at its end; has the epoch's number and the score
};

namespace detail {

/// What a score gives for a training batch; nothing where it does not take one.
template <class Score, class Batch, class Output>
struct TrainingScoreOf {
    using Type = double;
    static constexpr bool exists = false;
};
template <class Score, class Batch, class Output>
    requires requires(Score& score, Batch& batch, const Output& output) {
        { score(batch, output) } -> ScoreResult;
    }
struct TrainingScoreOf<Score, Batch, Output> {
    using Type = std::invoke_result_t<Score&, Batch&, const Output&>;
    static constexpr bool exists = true;
};

}  // namespace detail

}  // namespace kasmina::train
