// The gates G0 to G5 as policies, strict and permissive (spec G-1 to G-6).
#pragma once

#include <limits>

#include <kasmina/code_size.hpp>
#include <kasmina/gates/evidence.hpp>
#include <kasmina/gates/result.hpp>

namespace kasmina::gates {

namespace detail {

constexpr double magnitude(double value) noexcept {
    return value < 0.0 ? -value : value;
}

/// A seed that nobody steps does not learn, whatever its gradients say (E-5).
constexpr void require_stepped(GateResult& result, const GateEvidence& seen) {
    if (seen.in_optimiser) return;
    result.require("seed_in_optimiser", false, "no optimiser steps the seed's parameters");
}

}  // namespace detail

/// G-1: the seed and its blueprint have names.
struct Identity {
    static constexpr Gate gate = Gate::g0;

    KASMINA_RARE constexpr GateResult operator()(const GateEvidence& seen,
                                                 const GateThresholds&) const {
        return GateResult(gate)
            .require("seed_id_present", seen.has_seed_id)
            .require("blueprint_id_present", seen.has_blueprint_id)
            .with_score(seen.has_seed_id && seen.has_blueprint_id ? 1.0 : 0.0);
    }
};

/// G-2: the seed has germinated.
struct Germination {
    static constexpr Gate gate = Gate::g1;

    KASMINA_RARE constexpr GateResult operator()(const GateEvidence& seen,
                                                 const GateThresholds&) const {
        const bool germinated = seen.stage == Stage::germinated;
        return GateResult(gate)
            .require("stage_is_germinated", germinated)
            .with_score(germinated ? 1.0 : 0.0);
    }
};

/// G-3: the network improved while the seed trained, for long enough, and the seed learned.
struct StrictTraining {
    static constexpr Gate gate = Gate::g2;

    KASMINA_RARE constexpr GateResult operator()(const GateEvidence& seen,
                                                 const GateThresholds& bound) const {
        GateResult result(gate);
        result
            .require_at_least("training_improvement", seen.improvement_since_stage_start,
                              bound.min_training_improvement.in_unit(seen.point))
            .require_at_least("epochs_in_stage", seen.epochs_in_stage, bound.min_blending_epochs);
        if (seen.gradient_ratio) {
            result.require_at_least("seed_gradient_ratio", *seen.gradient_ratio,
                                    bound.min_seed_gradient_ratio);
        } else {
            result.require("seed_gradient_ratio_measured", false,
                           seen.host_frozen ? "the host is frozen" : "it was never measured");
        }
        detail::require_stepped(result, seen);
        return result.with_score(seen.improvement_since_stage_start / (5.0 * seen.point));
    }
};

/// G-4: the seed's gradients are sane for long enough; improvement is not asked for.
struct PermissiveTraining {
    static constexpr Gate gate = Gate::g2;

    KASMINA_RARE constexpr GateResult operator()(const GateEvidence& seen,
                                                 const GateThresholds& bound) const {
        GateResult result(gate);
        result.require_at_least("epochs_in_stage", seen.epochs_in_stage, bound.min_blending_epochs);
        detail::require_stepped(result, seen);
        if (!seen.gradients) return result.require("gradient_statistics_measured", false);
        return result.require("gradients_not_exploding", !seen.gradients->exploding)
            .require_at_least("gradient_health", seen.gradients->health, bound.min_gradient_health)
            .with_score(seen.gradients->health);
    }
};

/// G-5: the ramp to full amplitude is over. Strict asks for a minimum of epochs too.
template <bool Strict>
struct Blended {
    static constexpr Gate gate = Gate::g3;
    static constexpr bool strict = Strict;

    KASMINA_RARE constexpr GateResult operator()(const GateEvidence& seen,
                                                 const GateThresholds& bound) const {
        GateResult result(gate);
        result.require_at_least("alpha_target_full", seen.alpha_target, 1.0 - bound.alpha_tolerance)
            .require("alpha_controller_holds", seen.alpha_mode == AlphaMode::hold)
            .require_at_most("alpha_at_target", detail::magnitude(seen.alpha - seen.alpha_target),
                             bound.alpha_tolerance);
        if constexpr (Strict) {
            result.require_at_least("epochs_in_stage", seen.epochs_in_stage,
                                    bound.min_blending_epochs);
        }
        return result.with_score(seen.alpha);
    }
};

/// G-10: the seed's gradients are sane for long enough, and before anything has adapted to it the
/// network is no worse with it than without.
struct ReadyTraining {
    static constexpr Gate gate = Gate::g2;

    KASMINA_RARE constexpr GateResult operator()(const GateEvidence& seen,
                                                 const GateThresholds& bound) const {
        GateResult result = PermissiveTraining{}(seen, bound);
        if (!seen.readiness) return result.require("readiness_measured", false);
        return result.require_at_least("readiness", seen.readiness->value,
                                       bound.min_readiness.in_unit(seen.point));
    }
};

/// G-6, J-2: the seed is healthy, and its contribution was measured. Strict asks for more than the
/// bound, by more than some standard errors after some epochs, or by half as many at the patience;
/// with ablation as the measure the value alone is held against a bound of its own.
template <bool Strict>
struct Contribution {
    static constexpr Gate gate = Gate::g5;

    KASMINA_RARE constexpr GateResult operator()(const GateEvidence& seen,
                                                 const GateThresholds& bound) const {
        GateResult result(gate);
        result.require("seed_healthy", seen.healthy);
        if (!seen.contribution) return result.require("contribution_measured", false);
        const judge::Estimate& measured = *seen.contribution;
        result.with_score(measured.value / (10.0 * seen.point));
        constexpr double any = std::numeric_limits<double>::lowest();
        if constexpr (!Strict) return result.require_at_least("contribution", measured.value, any);
        if (seen.contribution_by == judge::MeasureKind::ablation) {
            return result.require_at_least("dependence", measured.value,
                                           bound.min_fossilize_dependence.in_unit(seen.point));
        }
        const double margin = contribution_rule(bound, seen.point).margin(measured);
        return result.require_at_least("epochs_judged", measured.count, bound.min_judgement_epochs)
            .require_at_least("contribution", measured.value, any)
            .require("contribution_beyond_doubt", judgement(seen, bound) == judge::Verdict::helps)
            .require_at_least("contribution_less_error", measured.value - margin,
                              bound.min_fossilize_contribution.in_unit(seen.point));
    }
};

}  // namespace kasmina::gates
