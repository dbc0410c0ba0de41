// GateEvidence and GateThresholds: what gates read, and the bounds they hold it against.
#pragma once

#include <optional>
#include <string_view>

#include <kasmina/alpha/controller.hpp>
#include <kasmina/check_option.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/statistics/score_kind.hpp>
#include <kasmina/statistics/sequential_rule.hpp>

namespace kasmina {

/// Bounds of the quality gates (spec section 2). Those of gains are in the score's unit, or in
/// points of it, as the defaults are.
struct GateThresholds {
    ScoreBound min_training_improvement = points(0.5);
    int min_blending_epochs = 3;
    /// Of holding that a shadow's judge leaves out: it takes the network some epochs to make use of
    /// a seed at full amplitude, and how it fares meanwhile is no sign of what the seed will bring.
    int settling_epochs = 0;
    double min_seed_gradient_ratio = 0.10;
    double min_gradient_health = 0.7;
    ScoreBound min_readiness = points(-0.25);
    ScoreBound min_fossilize_contribution = points(0.25);  ///< by a shadow, or one's own measure
    ScoreBound min_fossilize_dependence = points(1.0);     ///< with ablation as the measure
    double judgement_errors = 2.0;  ///< standard errors between a contribution and the bound
    int min_judgement_epochs = 5;   ///< at full amplitude, settled, before a seed is judged
    /// Epochs after which half as many errors are enough. A greater minimum comes first; of fewer
    /// than three leads no error is known, and with such a patience the value decides.
    int judgement_patience = 20;
    double alpha_tolerance = 1e-6;
    using Fields = reflect::List<
        &GateThresholds::min_training_improvement, &GateThresholds::min_blending_epochs,
        &GateThresholds::settling_epochs, &GateThresholds::min_seed_gradient_ratio,
        &GateThresholds::min_gradient_health, &GateThresholds::min_readiness,
        &GateThresholds::min_fossilize_contribution, &GateThresholds::min_fossilize_dependence,
        &GateThresholds::judgement_errors, &GateThresholds::min_judgement_epochs,
        &GateThresholds::judgement_patience, &GateThresholds::alpha_tolerance>;
};

/// Errors: OptionError naming the bound, for one that no measurement could be held against: a NaN
/// would refuse every seed, and no gain is greater than the score's span.
KASMINA_RARE inline void check_thresholds(const GateThresholds& bound,
                                          const ScoreKind& score = ScoreKind::accuracy()) {
    constexpr std::string_view where = "GateThresholds";
    const auto check = [&](std::string_view name, double value, const OptionRange& range) {
        check_option(where, name, value, range, "choose a bound in the range");
    };
    const auto check_gain = [&](std::string_view name, const ScoreBound& value) {
        check_score_bound(where, name, value, score, OptionRange::any());
    };
    const OptionRange from_zero = OptionRange::at_least(0.0);
    check_gain("min_training_improvement", bound.min_training_improvement);
    check("min_blending_epochs", bound.min_blending_epochs, from_zero);
    check("settling_epochs", bound.settling_epochs, from_zero);
    check("min_seed_gradient_ratio", bound.min_seed_gradient_ratio, from_zero);
    check("min_gradient_health", bound.min_gradient_health, from_zero.at_most(1.0));
    check_gain("min_readiness", bound.min_readiness);
    check_gain("min_fossilize_contribution", bound.min_fossilize_contribution);
    check_gain("min_fossilize_dependence", bound.min_fossilize_dependence);
    check("judgement_errors", bound.judgement_errors, from_zero);
    check("min_judgement_epochs", bound.min_judgement_epochs, from_zero);
    check("judgement_patience", bound.judgement_patience, OptionRange::at_least(1.0));
    check("alpha_tolerance", bound.alpha_tolerance, from_zero.at_most(1.0));
}

/// The same for a gate set, before it decides: its thresholds may have been set at any time. A set
/// of a user's own need not have any.
template <class Gates>
void check_gates(const Gates& gates, const ScoreKind& score) {
    if constexpr (requires { gates.thresholds; }) check_thresholds(gates.thresholds, score);
}

/// Gradient statistics as G2 reads them (I-7).
struct GradientEvidence {
    double health = 1.0;
    bool vanishing = false;
    bool exploding = false;
};

/// Everything that a gate may look at. An absent value has never been measured.
struct GateEvidence {
    Stage stage = Stage::unknown;
    bool has_seed_id = false;
    bool has_blueprint_id = false;
    int epochs_in_stage = 0;
    double point = 1.0;                          ///< what a point of the score is worth in its unit
    double improvement_since_stage_start = 0.0;  ///< a gain, as readiness and contribution are
    std::optional<double> gradient_ratio{};
    std::optional<GradientEvidence> gradients{};
    double alpha = 0.0;
    double alpha_target = 0.0;
    AlphaMode alpha_mode = AlphaMode::hold;
    std::optional<judge::Estimate> readiness{};
    std::optional<judge::Estimate> contribution{};
    judge::MeasureKind contribution_by = judge::MeasureKind::none;
    bool host_frozen = false;  ///< nothing of the host is trained, so there is no ratio to it
    bool in_optimiser = true;  ///< false: no optimiser steps the seed, so it never learns
    bool healthy = true;       ///< finite metrics, no exploding gradient, and not dead
    bool dead = false;         ///< its branch has died: its gradient has vanished for an epoch
};

/// The rule that contributions are judged by (J-2).
[[nodiscard]] constexpr judge::SequentialRule contribution_rule(const GateThresholds& bound,
                                                                double point) noexcept {
    return {bound.min_fossilize_contribution.in_unit(point), bound.judgement_errors,
            bound.min_judgement_epochs, bound.judgement_patience};
}

/// What the sequential rule makes of a contribution (J-2); a dead seed does not help. With ablation
/// as the measure the value decides at once (G-6).
[[nodiscard]] constexpr judge::Verdict judgement(const GateEvidence& seen,
                                                 const GateThresholds& bound) noexcept {
    if (!seen.contribution) return judge::Verdict::undecided;
    if (seen.dead) return judge::Verdict::does_not_help;
    if (seen.contribution_by == judge::MeasureKind::ablation) {
        const double dependence = seen.contribution->value;
        return is_finite(dependence) &&
                       dependence >= bound.min_fossilize_dependence.in_unit(seen.point)
                   ? judge::Verdict::helps
                   : judge::Verdict::does_not_help;
    }
    return contribution_rule(bound, seen.point)(*seen.contribution);
}

}  // namespace kasmina
