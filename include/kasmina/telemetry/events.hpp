// Typed lifecycle events: plain structs whose fields observers read by name (spec T-1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <kasmina/reflect/fields.hpp>

namespace kasmina::telemetry {

/// What every event says of its seed. Absent values were never measured. Improvements and what is
/// measured of a seed are gains, in the score's unit and above 0 where the network is better.
struct SeedContext {
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
    std::string score_name{};  ///< what it is called
    std::string score_unit{};  ///< empty for a number without one
    bool score_falls = false;  ///< better when it is less
    double improvement = 0.0;
    double blending_delta = 0.0;
    std::optional<double> readiness{};
    std::optional<double> readiness_error{};  ///< a standard error
    std::optional<double> dependence{};
    std::optional<double> contribution{};
    std::optional<double> contribution_error{};    ///< a standard error
    std::optional<std::string> contribution_by{};  ///< the measure: "shadow", "ablation", "own"
    std::optional<double> gradient_ratio{};
    std::optional<bool> vanishing{};
    std::optional<bool> exploding{};
    std::int64_t seed_parameters = 0;
    using Fields = reflect::List<
        &SeedContext::slot, &SeedContext::environment, &SeedContext::correlation_id,
        &SeedContext::seed_id, &SeedContext::blueprint, &SeedContext::stage, &SeedContext::alpha,
        &SeedContext::curve, &SeedContext::epochs_total, &SeedContext::epochs_in_stage,
        &SeedContext::score_name, &SeedContext::score_unit, &SeedContext::score_falls,
        &SeedContext::improvement, &SeedContext::blending_delta, &SeedContext::readiness,
        &SeedContext::readiness_error, &SeedContext::dependence, &SeedContext::contribution,
        &SeedContext::contribution_error, &SeedContext::contribution_by,
        &SeedContext::gradient_ratio, &SeedContext::vanishing, &SeedContext::exploding,
        &SeedContext::seed_parameters>;
};

struct SeedGerminated {
    static constexpr std::string_view name = "seed_germinated";

    SeedContext seed{};
    std::int64_t host_parameters = 0;
    using Fields = reflect::List<&SeedGerminated::seed, &SeedGerminated::host_parameters>;
};

/// The context is the seed's as it entered `to`.
struct StageChanged {
    static constexpr std::string_view name = "stage_changed";

    SeedContext seed{};
    std::string from{};
    std::string to{};
    std::int64_t epochs_in_from = 0;
    using Fields = reflect::List<&StageChanged::seed, &StageChanged::from, &StageChanged::to,
                                 &StageChanged::epochs_in_from>;
};

struct GateEvaluated {
    static constexpr std::string_view name = "gate_evaluated";

    SeedContext seed{};
    std::string gate{};
    bool passed = false;
    double score = 0.0;
    std::vector<std::string> checks_failed{};
    std::string message{};
    using Fields = reflect::List<&GateEvaluated::seed, &GateEvaluated::gate, &GateEvaluated::passed,
                                 &GateEvaluated::score, &GateEvaluated::checks_failed,
                                 &GateEvaluated::message>;
};

struct SeedFossilized {
    static constexpr std::string_view name = "seed_fossilized";

    SeedContext seed{};
    using Fields = reflect::List<&SeedFossilized::seed>;
};

struct SeedPruned {
    static constexpr std::string_view name = "seed_pruned";

    SeedContext seed{};
    std::string from{};
    std::string reason{};
    std::string initiator{};
    bool automatic = false;
    using Fields = reflect::List<&SeedPruned::seed, &SeedPruned::from, &SeedPruned::reason,
                                 &SeedPruned::initiator, &SeedPruned::automatic>;
};

namespace detail {

/// An event's own fields stand beside the context's, so none may have the name of another.
template <class Event>
[[nodiscard]] consteval bool names_are_distinct() {
    for (const std::string_view own : reflect::field_names<Event>) {
        if (own == "event") return false;
        for (const std::string_view of_seed : reflect::field_names<SeedContext>) {
            if (own == of_seed) return false;
        }
    }
    return true;
}

static_assert(names_are_distinct<SeedGerminated>() && names_are_distinct<StageChanged>() &&
                  names_are_distinct<GateEvaluated>() && names_are_distinct<SeedFossilized>() &&
                  names_are_distinct<SeedPruned>(),
              "give an event's own field a name that the seed's context does not have");

}  // namespace detail

using Event = std::variant<SeedGerminated, StageChanged, GateEvaluated, SeedFossilized, SeedPruned>;

}  // namespace kasmina::telemetry
