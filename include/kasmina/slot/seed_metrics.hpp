// SeedMetrics: what is measured of one seed from germination to its end (spec S-8).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <kasmina/finite.hpp>
#include <kasmina/health/gradient_health.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/statistics/estimate.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// Accuracies and contributions are percentage points. The amplitude and its ramp are not among
/// these: they are the controller's alone, and SlotReport::alpha shows them. A value that may
/// be absent has never been measured; absence is not zero.
struct SeedMetrics {
    int epochs_total = 0;
    int epochs_in_stage = 0;

    std::optional<double> initial_accuracy{};
    std::optional<double> current_accuracy{};
    std::optional<double> best_accuracy{};
    std::optional<double> accuracy_at_stage_start{};
    std::optional<double> accuracy_at_blending_start{};

    /// How much the network leans on the seed: accuracy with it minus that with its amplitude at 0.
    std::optional<double> dependence{};
    /// In training, before anything has adapted to it: accuracy with the seed at its target
    /// amplitude minus accuracy without it, over the last epochs (G-10).
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
        &SeedMetrics::epochs_total, &SeedMetrics::epochs_in_stage, &SeedMetrics::initial_accuracy,
        &SeedMetrics::current_accuracy, &SeedMetrics::best_accuracy,
        &SeedMetrics::accuracy_at_stage_start, &SeedMetrics::accuracy_at_blending_start,
        &SeedMetrics::dependence, &SeedMetrics::readiness, &SeedMetrics::contribution,
        &SeedMetrics::contribution_by, &SeedMetrics::previous_contribution,
        &SeedMetrics::contribution_velocity, &SeedMetrics::gradient_ratio,
        &SeedMetrics::parameter_health, &SeedMetrics::gradient_norm_average,
        &SeedMetrics::host_parameters, &SeedMetrics::seed_parameters, &SeedMetrics::interaction_sum,
        &SeedMetrics::boost_received, &SeedMetrics::upstream_alpha_sum,
        &SeedMetrics::downstream_alpha_sum, &SeedMetrics::auto_pruned, &SeedMetrics::prune_reason>;
    /// Fields that may hold what is no finite number (I-4).
    using MayBeNotFinite = reflect::List<&SeedMetrics::gradient_ratio>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;

    friend bool operator==(const SeedMetrics&, const SeedMetrics&) = default;

    /// Current minus initial accuracy; 0 before anything was measured.
    [[nodiscard]] double total_improvement() const noexcept {
        return difference(current_accuracy, initial_accuracy);
    }

    /// Current accuracy minus the one at the stage's start; what G2 reads.
    [[nodiscard]] double improvement_since_stage_start() const noexcept {
        return difference(current_accuracy, accuracy_at_stage_start);
    }

    /// Current accuracy minus the one when blending began; 0 before. Not causal: host and seed
    /// have both trained since. The causal figure is `contribution`.
    [[nodiscard]] double blending_delta() const noexcept {
        return difference(current_accuracy, accuracy_at_blending_start);
    }

    /// Improvements clamped to +-10 points and scaled to +-1, for observers.
    [[nodiscard]] static double scaled(double improvement) noexcept {
        return std::clamp(improvement, -10.0, 10.0) / 10.0;
    }

    void record_accuracy(double accuracy) noexcept {
        if (!initial_accuracy) initial_accuracy = accuracy;
        if (!accuracy_at_stage_start) accuracy_at_stage_start = accuracy;
        current_accuracy = accuracy;
        best_accuracy = best_accuracy ? std::max(*best_accuracy, accuracy) : accuracy;
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
        accuracy_at_stage_start = current_accuracy;
    }

private:
    [[nodiscard]] static double difference(const std::optional<double>& now,
                                           const std::optional<double>& then) noexcept {
        return now && then ? *now - *then : 0.0;
    }
};

}  // namespace kasmina
