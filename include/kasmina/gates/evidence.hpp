// GateEvidence and GateThresholds: what gates read, and the bounds they hold it against.
#pragma once

#include <optional>

#include <kasmina/alpha/controller.hpp>
#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina {

/// Bounds of the quality gates (spec section 2). Improvements and contributions in percentage
/// points.
struct GateThresholds {
    double min_training_improvement = 0.5;
    int min_blending_epochs = 3;
    double min_seed_gradient_ratio = 0.10;
    double min_gradient_health = 0.7;
    double min_fossilize_contribution = 1.0;
    double alpha_tolerance = 1e-6;
    using Fields = reflect::List<
        &GateThresholds::min_training_improvement, &GateThresholds::min_blending_epochs,
        &GateThresholds::min_seed_gradient_ratio, &GateThresholds::min_gradient_health,
        &GateThresholds::min_fossilize_contribution, &GateThresholds::alpha_tolerance>;
};

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
    double improvement_since_stage_start = 0.0;
    std::optional<double> gradient_ratio{};
    std::optional<GradientEvidence> gradients{};
    double alpha = 0.0;
    double alpha_target = 0.0;
    AlphaMode alpha_mode = AlphaMode::hold;
    std::optional<double> contribution{};
    bool healthy = true;  ///< finite metrics and no exploding gradient
};

}  // namespace kasmina
