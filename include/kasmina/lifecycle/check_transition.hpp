// The run-time face of the table: illegal steps throw, naming both stages and the allowed ones.
#pragma once

#include <string>

#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>
#include <kasmina/lifecycle/lifecycle.hpp>

namespace kasmina {

/// "training may go to blending, pruned"; for messages.
[[nodiscard]] KASMINA_COLD inline std::string allowed_steps(Stage from) {
    std::string list;
    for (const auto& row : transitions.rows) {
        if (row.from == from) append_to_list(list, name_of(row.to));
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

}  // namespace kasmina
