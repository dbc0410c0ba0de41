// SeedMetrics: what is measured of one seed from germination to its end (spec S-8).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <kasmina/finite.hpp>
#include <kasmina/health/gradient_health.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/statistics/estimate.hpp>
#include <kasmina/statistics/score_kind.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// As it was in schema 1, when scores were accuracies.
struct SeedMetricsBefore2 {
    int epochs_total = 0;
    int epochs_in_stage = 0;
    std::optional<double> initial_accuracy{};
    std::optional<double> current_accuracy{};
    std::optional<double> best_accuracy{};
    std::optional<double> accuracy_at_stage_start{};
    std::optional<double> accuracy_at_blending_start{};
    std::optional<double> dependence{};
    std::optional<judge::Estimate> readiness{};
    std::optional<judge::Estimate> contribution{};
    judge::MeasureKind contribution_by = judge::MeasureKind::none;
    std::optional<double> previous_contribution{};
    double contribution_velocity = 0.0;
    std::optional<double> gradient_ratio{};
    std::optional<ParameterHealth> parameter_health{};
    double gradient_norm_average = 0.0;
    Index host_parameters = 0;
    Index seed_parameters = 0;
    double interaction_sum = 0.0;
    double boost_received = 0.0;
    double upstream_alpha_sum = 0.0;
    double downstream_alpha_sum = 0.0;
    bool auto_pruned = false;
    std::string prune_reason{};

    using Fields = reflect::List<
        &SeedMetricsBefore2::epochs_total, &SeedMetricsBefore2::epochs_in_stage,
        &SeedMetricsBefore2::initial_accuracy, &SeedMetricsBefore2::current_accuracy,
        &SeedMetricsBefore2::best_accuracy, &SeedMetricsBefore2::accuracy_at_stage_start,
        &SeedMetricsBefore2::accuracy_at_blending_start, &SeedMetricsBefore2::dependence,
        &SeedMetricsBefore2::readiness, &SeedMetricsBefore2::contribution,
        &SeedMetricsBefore2::contribution_by, &SeedMetricsBefore2::previous_contribution,
        &SeedMetricsBefore2::contribution_velocity, &SeedMetricsBefore2::gradient_ratio,
        &SeedMetricsBefore2::parameter_health, &SeedMetricsBefore2::gradient_norm_average,
        &SeedMetricsBefore2::host_parameters, &SeedMetricsBefore2::seed_parameters,
        &SeedMetricsBefore2::interaction_sum, &SeedMetricsBefore2::boost_received,
        &SeedMetricsBefore2::upstream_alpha_sum, &SeedMetricsBefore2::downstream_alpha_sum,
        &SeedMetricsBefore2::auto_pruned, &SeedMetricsBefore2::prune_reason>;
    using MayBeNotFinite = reflect::List<&SeedMetricsBefore2::gradient_ratio>;
    static constexpr int schema = 1;
};

/// Scores are in their unit, and differences of them are gains, above 0 where the network is better
/// (`ScoreKind`). The amplitude and its ramp are not among these: they are the controller's alone
/// and SlotReport::alpha shows them. A value that may be absent has never been measured;
/// absence is not zero.
struct SeedMetrics {
    int epochs_total = 0;
    int epochs_in_stage = 0;

    bool score_falls = false;  ///< better when it is less (`ScoreKind::falls`)

    std::optional<double> initial_score{};
    std::optional<double> current_score{};
    std::optional<double> best_score{};
    std::optional<double> score_at_stage_start{};
    std::optional<double> score_at_blending_start{};

    /// How much the network leans on the seed: the gain of the network as it is over the same with
    /// the seed's amplitude at 0.
    std::optional<double> dependence{};
    /// In training, before anything has adapted to it: the gain with the seed at its target
    /// amplitude over without it, in the mean of the last epochs (G-10).
    std::optional<judge::Estimate> readiness{};
    /// How much it helps, by the measure that `contribution_by` names (J-1).
    std::optional<judge::Estimate> contribution{};
    judge::MeasureKind contribution_by = judge::MeasureKind::none;
    std::optional<double> previous_contribution{};
    double contribution_velocity = 0.0;  ///< 0.7 * velocity + 0.3 * change

    std::optional<double> gradient_ratio{};
    std::optional<ParameterHealth> parameter_health{};
    double gradient_norm_average = 0.0;  ///< EMA of the seed's gradient norm

    Index host_parameters = 0;
    Index seed_parameters = 0;

    double interaction_sum = 0.0;       ///< of its pairwise interactions with other blended seeds
    double boost_received = 0.0;        ///< the largest of these, where one is above 0
    double upstream_alpha_sum = 0.0;    ///< of the slots before this one
    double downstream_alpha_sum = 0.0;  ///< of the slots behind it

    bool auto_pruned = false;
    std::string prune_reason{};

    using Fields = reflect::List<
        &SeedMetrics::epochs_total, &SeedMetrics::epochs_in_stage, &SeedMetrics::score_falls,
        &SeedMetrics::initial_score, &SeedMetrics::current_score, &SeedMetrics::best_score,
        &SeedMetrics::score_at_stage_start, &SeedMetrics::score_at_blending_start,
        &SeedMetrics::dependence, &SeedMetrics::readiness, &SeedMetrics::contribution,
        &SeedMetrics::contribution_by, &SeedMetrics::previous_contribution,
        &SeedMetrics::contribution_velocity, &SeedMetrics::gradient_ratio,
        &SeedMetrics::parameter_health, &SeedMetrics::gradient_norm_average,
        &SeedMetrics::host_parameters, &SeedMetrics::seed_parameters, &SeedMetrics::interaction_sum,
        &SeedMetrics::boost_received, &SeedMetrics::upstream_alpha_sum,
        &SeedMetrics::downstream_alpha_sum, &SeedMetrics::auto_pruned, &SeedMetrics::prune_reason>;
    /// Fields that may hold what is no finite number (I-4).
    using MayBeNotFinite = reflect::List<&SeedMetrics::gradient_ratio>;

    /// Of its form in a checkpoint. 1: scores were accuracies. 2: of any score, which may fall.
    static constexpr int schema = 2;
    using Before = SeedMetricsBefore2;
    [[nodiscard]] static SeedMetrics migrated(Before&& before) {
        return {.epochs_total = before.epochs_total,
                .epochs_in_stage = before.epochs_in_stage,
                .score_falls = false,
                .initial_score = before.initial_accuracy,
                .current_score = before.current_accuracy,
                .best_score = before.best_accuracy,
                .score_at_stage_start = before.accuracy_at_stage_start,
                .score_at_blending_start = before.accuracy_at_blending_start,
                .dependence = before.dependence,
                .readiness = before.readiness,
                .contribution = before.contribution,
                .contribution_by = before.contribution_by,
                .previous_contribution = before.previous_contribution,
                .contribution_velocity = before.contribution_velocity,
                .gradient_ratio = before.gradient_ratio,
                .parameter_health = before.parameter_health,
                .gradient_norm_average = before.gradient_norm_average,
                .host_parameters = before.host_parameters,
                .seed_parameters = before.seed_parameters,
                .interaction_sum = before.interaction_sum,
                .boost_received = before.boost_received,
                .upstream_alpha_sum = before.upstream_alpha_sum,
                .downstream_alpha_sum = before.downstream_alpha_sum,
                .auto_pruned = before.auto_pruned,
                .prune_reason = std::move(before.prune_reason)};
    }

    friend bool operator==(const SeedMetrics&, const SeedMetrics&) = default;

    /// The gain since the first score; 0 before anything was measured.
    [[nodiscard]] double total_improvement() const noexcept {
        return gain(initial_score, current_score);
    }

    /// The gain since the stage's start; what G2 reads.
    [[nodiscard]] double improvement_since_stage_start() const noexcept {
        return gain(score_at_stage_start, current_score);
    }

    /// The gain since blending began; 0 before. Not causal: host and seed have both trained since.
    /// The causal figure is `contribution`.
    [[nodiscard]] double blending_delta() const noexcept {
        return gain(score_at_blending_start, current_score);
    }

    void record_score(double score) noexcept {
        if (!initial_score) initial_score = score;
        if (!score_at_stage_start) score_at_stage_start = score;
        current_score = score;
        if (!best_score || gain(best_score, current_score) > 0.0) best_score = score;
    }

    void record_contribution(const judge::Estimate& estimate, judge::MeasureKind by) noexcept {
        previous_contribution.reset();
        if (contribution && contribution_by == by) previous_contribution = contribution->value;
        if (previous_contribution) {
            contribution_velocity =
                0.7 * contribution_velocity + 0.3 * (estimate.value - *previous_contribution);
        }
        contribution = estimate;
        contribution_by = by;
    }

    [[nodiscard]] static bool is_automatic(std::string_view reason) noexcept {
        return reason.starts_with("governor_");
    }

    /// Reasons that start with governor_ mark a prune as automatic (S-4).
    void record_prune(std::string reason) {
        auto_pruned = is_automatic(reason);
        prune_reason = std::move(reason);
    }

    /// `health` is absent for the seed's first backward pass (I-7). A norm that is not finite
    /// stays out of the average, which it would spoil for good.
    void record_gradients(std::optional<double> ratio, double seed_norm,
                          std::optional<ParameterHealth> health) noexcept {
        gradient_ratio = ratio;
        if (health) parameter_health = health;
        if (!is_finite(seed_norm)) return;
        gradient_norm_average =
            gradient_norm_decay * gradient_norm_average + (1.0 - gradient_norm_decay) * seed_norm;
    }

    /// The baseline and the count of a new stage (L-8).
    void enter_stage() noexcept {
        epochs_in_stage = 0;
        score_at_stage_start = current_score;
    }

private:
    [[nodiscard]] double gain(const std::optional<double>& then,
                              const std::optional<double>& now) const noexcept {
        if (!now || !then) return 0.0;
        return ScoreKind{.falls = score_falls}.gain(*then, *now);
    }
};

}  // namespace kasmina
