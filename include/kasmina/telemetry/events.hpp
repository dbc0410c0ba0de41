// Typed lifecycle events: plain structs whose fields observers read by name (spec T-1).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kasmina::telemetry {

/// What every event says of its seed. Absent values were never measured. Accuracies and
/// contributions are percentage points.
struct SeedContext {
    static constexpr std::array field_names = std::to_array<std::string_view>(
        {"slot", "environment", "correlation_id", "seed_id", "blueprint", "stage", "alpha", "curve",
         "epochs_total", "epochs_in_stage", "improvement", "blending_delta", "contribution",
         "gradient_ratio", "vanishing", "exploding", "seed_parameters"});

    std::string slot{};
    std::optional<std::int64_t> environment{};
    std::optional<std::string> correlation_id{};
    std::string seed_id{};
    std::string blueprint{};
    std::string stage{};
    double alpha = 0.0;
    std::string curve{};
    std::int64_t epochs_total = 0;
    std::int64_t epochs_in_stage = 0;
    double improvement = 0.0;
    double blending_delta = 0.0;
    std::optional<double> contribution{};
    std::optional<double> gradient_ratio{};
    std::optional<bool> vanishing{};
    std::optional<bool> exploding{};
    std::int64_t seed_parameters = 0;
};

struct SeedGerminated {
    static constexpr std::string_view name = "seed_germinated";
    static constexpr std::array field_names = std::to_array<std::string_view>({"host_parameters"});

    SeedContext seed{};
    std::int64_t host_parameters = 0;
};

/// The context is the seed's as it entered `to`.
struct StageChanged {
    static constexpr std::string_view name = "stage_changed";
    static constexpr std::array field_names =
        std::to_array<std::string_view>({"from", "to", "epochs_in_from"});

    SeedContext seed{};
    std::string from{};
    std::string to{};
    std::int64_t epochs_in_from = 0;
};

struct GateEvaluated {
    static constexpr std::string_view name = "gate_evaluated";
    static constexpr std::array field_names =
        std::to_array<std::string_view>({"gate", "passed", "score", "checks_failed", "message"});

    SeedContext seed{};
    std::string gate{};
    bool passed = false;
    double score = 0.0;
    std::vector<std::string> checks_failed{};
    std::string message{};
};

struct SeedFossilized {
    static constexpr std::string_view name = "seed_fossilized";
    static constexpr std::array<std::string_view, 0> field_names{};

    SeedContext seed{};
};

struct SeedPruned {
    static constexpr std::string_view name = "seed_pruned";
    static constexpr std::array field_names =
        std::to_array<std::string_view>({"from", "reason", "initiator", "automatic"});

    SeedContext seed{};
    std::string from{};
    std::string reason{};
    std::string initiator{};
    bool automatic = false;
};

using Event = std::variant<SeedGerminated, StageChanged, GateEvaluated, SeedFossilized, SeedPruned>;

}  // namespace kasmina::telemetry
