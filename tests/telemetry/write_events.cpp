// Writes the same events as JSON Lines and for TensorBoard into a folder, for script/check-interop.
#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

#include <kasmina/telemetry/fan_out.hpp>
#include <kasmina/telemetry/json_lines.hpp>
#include <kasmina/telemetry/tensorboard.hpp>

#include "telemetry/events.hpp"

namespace {

using namespace kasmina;

/// A seed's life; the numbers are such that each is told from any other.
void live(telemetry::FanOutSink& sink, telemetry::SeedContext seed, int epochs, bool kept) {
    seed.epochs_total = 0;
    seed.epochs_in_stage = 0;
    seed.stage = "germinated";
    sink.emit(telemetry::StageChanged{seed, "dormant", "germinated", 0});
    sink.emit(telemetry::SeedGerminated{seed, 94'762});
    for (int epoch = 1; epoch <= epochs; ++epoch) {
        seed.stage = "training";
        seed.epochs_total = epoch;
        seed.epochs_in_stage = epoch;
        seed.alpha = epoch / 7.0;
        seed.improvement = 0.3 * epoch - 1.0;
        seed.readiness = 0.01 * epoch;
        if (epoch > 1) seed.dependence = 2.5 * epoch;
        if (epoch > 1) seed.contribution = -0.1 * epoch;
        if (epoch > 1) seed.contribution_by = "shadow";
        if (epoch > 2) seed.readiness_error = 0.011 / epoch;
        if (epoch > 2) seed.contribution_error = 0.7 / epoch;
        if (epoch > 2) seed.gradient_ratio = 1.0 / epoch;
        if (epoch > 3) seed.vanishing = epoch % 2 == 0;
        if (epoch > 3) seed.exploding = false;
        const bool passed = epoch == epochs;
        sink.emit(telemetry::GateEvaluated{seed,
                                           epoch % 2 == 0 ? "G2" : "G3",
                                           passed,
                                           1.0 / (epoch + 1),
                                           {},
                                           "caf\xC3\xA9 \"quoted\" \xFF"});
    }
    if (kept) {
        sink.emit(telemetry::SeedFossilized{seed});
    } else {
        sink.emit(telemetry::SeedPruned{seed, "training", "no gain", "user", false});
    }
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 2) {
        std::cerr << "usage: kasmina_write_events FOLDER\n";
        return 2;
    }
    const std::filesystem::path folder = argv[1];
    telemetry::FanOutSink sink;
    sink.add(telemetry::TensorBoardSink(folder))
        .add(telemetry::JsonLinesSink(folder / "events.jsonl"));
    telemetry::SeedContext seed;
    seed.blueprint = "norm";
    seed.seed_parameters = 129;
    for (const auto environment : {std::optional<std::int64_t>{}, std::optional<std::int64_t>{3}}) {
        seed.environment = environment;
        seed.slot = "r0c0";
        live(sink, seed, 6, false);
        live(sink, seed, 4, true);
        seed.slot = "caf\xC3\xA9 \xFF";
        live(sink, seed, 3, true);
    }
    return 0;
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
