// Events with every field set, for tests of sinks.
#pragma once

#include <kasmina/telemetry/events.hpp>

namespace kasmina::test {

/// A seed of which everything has been measured.
[[nodiscard]] inline telemetry::SeedContext measured_seed() {
    return {.slot = "r0c1",
            .environment = 3,
            .correlation_id = "run-7",
            .seed_id = "r0c1-norm",
            .blueprint = "norm",
            .stage = "blending",
            .alpha = 0.5,
            .curve = "sigmoid",
            .epochs_total = 9,
            .epochs_in_stage = 2,
            .score_name = "loss",
            .score_unit = "nats",
            .score_falls = true,
            .improvement = 1.5,
            .blending_delta = 0.25,
            .readiness = 0.375,
            .readiness_error = 0.0625,
            .dependence = 12.5,
            .contribution = -0.75,
            .contribution_error = 0.5,
            .contribution_by = "shadow",
            .gradient_ratio = 0.125,
            .vanishing = false,
            .exploding = true,
            .seed_parameters = 129};
}

}  // namespace kasmina::test
