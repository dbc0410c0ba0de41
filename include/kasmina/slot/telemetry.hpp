// Events from a slot's report: the one place that builds the fields all events share (T-1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <kasmina/code_size.hpp>
#include <kasmina/gates/message.hpp>
#include <kasmina/slot/report.hpp>
#include <kasmina/telemetry/sink.hpp>

namespace kasmina::telemetry_events {

[[nodiscard]] KASMINA_RARE inline telemetry::SeedContext context(
    const SlotReport& report, std::optional<std::int64_t> environment,
    std::optional<std::string> correlation_id) {
    const SeedMetrics& metrics = report.metrics;
    telemetry::SeedContext seed;
    seed.slot = report.slot;
    seed.environment = environment;
    seed.correlation_id = std::move(correlation_id);
    seed.seed_id = report.seed_id;
    seed.blueprint = report.blueprint;
    seed.stage = name_of(report.stage);
    seed.alpha = report.alpha.alpha;
    seed.curve = name_of(report.alpha.curve);
    seed.epochs_total = metrics.epochs_total;
    seed.epochs_in_stage = metrics.epochs_in_stage;
    seed.score_name = report.score_kind.name.view();
    seed.score_unit = report.score_kind.unit.view();
    seed.score_falls = report.score_kind.falls;
    seed.improvement = metrics.total_improvement();
    seed.blending_delta = metrics.blending_delta();
    if (metrics.readiness) {
        seed.readiness = metrics.readiness->value;
        if (metrics.readiness->has_error()) {
            seed.readiness_error = metrics.readiness->standard_error;
        }
    }
    seed.dependence = metrics.dependence;
    if (metrics.contribution) {
        seed.contribution = metrics.contribution->value;
        if (metrics.contribution->has_error()) {
            seed.contribution_error = metrics.contribution->standard_error;
        }
        seed.contribution_by = name_of(metrics.contribution_by);
    }
    seed.gradient_ratio = metrics.gradient_ratio;
    if (metrics.parameter_health) {
        seed.vanishing = metrics.parameter_health->vanishing;
        seed.exploding = metrics.parameter_health->exploding;
    }
    seed.seed_parameters = metrics.seed_parameters;
    return seed;
}

[[nodiscard]] KASMINA_RARE inline telemetry::SeedGerminated germinated(telemetry::SeedContext seed,
                                                                       Index host_parameters) {
    return {std::move(seed), host_parameters};
}

[[nodiscard]] KASMINA_RARE inline telemetry::StageChanged stage_changed(telemetry::SeedContext seed,
                                                                        Stage from, Stage to,
                                                                        int epochs_in_from) {
    return {std::move(seed), std::string(name_of(from)), std::string(name_of(to)), epochs_in_from};
}

[[nodiscard]] KASMINA_RARE inline telemetry::GateEvaluated gate_evaluated(
    telemetry::SeedContext seed, const GateResult& result) {
    telemetry::GateEvaluated event{std::move(seed), std::string(name_of(result.gate())),
                                   result.passed(), result.score()};
    for (std::size_t i = 0; i < result.checks(); ++i) {
        if (!result.check(i).passed) event.checks_failed.emplace_back(result.check(i).name);
    }
    event.message = message_of(result);
    return event;
}

[[nodiscard]] KASMINA_RARE inline telemetry::SeedFossilized fossilized(
    telemetry::SeedContext seed) {
    return {std::move(seed)};
}

[[nodiscard]] KASMINA_RARE inline telemetry::SeedPruned pruned(telemetry::SeedContext seed,
                                                               Stage from,
                                                               const std::string& reason,
                                                               const std::string& initiator,
                                                               bool automatic) {
    return {std::move(seed), std::string(name_of(from)), reason, initiator, automatic};
}

}  // namespace kasmina::telemetry_events
