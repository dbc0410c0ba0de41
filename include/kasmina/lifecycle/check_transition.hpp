// The run-time face of the table: illegal steps throw, naming both stages and the allowed ones.
#pragma once

#include <string>

#include <kasmina/error.hpp>
#include <kasmina/lifecycle/lifecycle.hpp>

namespace kasmina {

/// "training may go to blending, pruned"; for messages.
[[nodiscard]] inline std::string allowed_steps(Stage from) {
    std::string list;
    for (const auto& row : transitions.rows) {
        if (row.from != from) continue;
        if (!list.empty()) list += ", ";
        list += name_of(row.to);
    }
    if (list.empty()) return std::string(name_of(from)) + " is final";
    return std::string(name_of(from)) + " may go to " + list;
}

/// Errors: LifecycleError unless the table has the step (L-4).
inline void check_transition(Stage from, Stage to, const std::string& where) {
    if (is_allowed(from, to)) return;
    throw LifecycleError("an illegal transition", where, allowed_steps(from),
                         std::string(name_of(from)) + " to " + std::string(name_of(to)),
                         "take one of the allowed steps");
}

/// The stage of a stored value. Errors: LifecycleError naming the valid ones (L-6).
[[nodiscard]] inline Stage require_stage(int value, const std::string& where) {
    if (const auto stage = stage_from_value(value)) return *stage;
    std::string valid;
    for (const Stage stage : all_stages) {
        if (!valid.empty()) valid += ", ";
        valid += std::to_string(static_cast<int>(stage)) + " (" + std::string(name_of(stage)) + ")";
    }
    throw LifecycleError("a value that is no stage", where, valid,
                         std::to_string(value) + (value == 5 ? " (retired)" : ""),
                         "store one of the valid values");
}

/// Observer index of a stage. Errors: LifecycleError for a value that is no stage.
[[nodiscard]] inline std::size_t require_stage_index(Stage stage) {
    return *stage_index(require_stage(static_cast<int>(stage), "require_stage_index"));
}

}  // namespace kasmina
