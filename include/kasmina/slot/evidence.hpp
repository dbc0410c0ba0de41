// What gates read of a seed, typed or in a slot.
#pragma once

#include <kasmina/alpha/controller.hpp>
#include <kasmina/gates/evidence.hpp>
#include <kasmina/slot/seed_record.hpp>

namespace kasmina {

/// `record` may be null: an empty slot has nothing to show but its stage. `point` is what a point
/// of the score is worth in its unit.
[[nodiscard]] inline GateEvidence evidence_of(Stage stage, const SeedRecord* record,
                                              const AlphaState& alpha, double point) noexcept {
    GateEvidence seen;
    seen.point = point;
    seen.stage = stage;
    seen.alpha = alpha.alpha;
    seen.alpha_target = alpha.target;
    seen.alpha_mode = alpha.mode;
    if (record == nullptr) return seen;
    const SeedMetrics& metrics = record->metrics;
    seen.has_seed_id = !record->seed_id.empty();
    seen.has_blueprint_id = !record->blueprint.empty();
    seen.epochs_in_stage = metrics.epochs_in_stage;
    seen.improvement_since_stage_start = metrics.improvement_since_stage_start();
    seen.gradient_ratio = metrics.gradient_ratio;
    seen.readiness = metrics.readiness;
    seen.contribution = metrics.contribution;
    seen.contribution_by = metrics.contribution_by;
    seen.host_frozen = record->host_frozen;
    seen.in_optimiser = record->in_optimiser;
    seen.dead = record->is_dead();
    seen.healthy = !seen.dead;
    if (const auto& health = metrics.parameter_health) {
        // What a seed that gets no lessons was once is nothing to let it pass by.
        if (record->gradients_measured) {
            seen.gradients = GradientEvidence{health->health, health->vanishing, health->exploding};
        }
        seen.healthy = seen.healthy && !health->exploding;
    }
    return seen;
}

}  // namespace kasmina
