// A gate's verdict in words.
#pragma once

#include <sstream>
#include <string>

#include <kasmina/gates/result.hpp>

namespace kasmina {

/// "G2 refused: training_improvement 0.2 (bound 0.5)"; or "G2 passed".
[[nodiscard]] inline std::string message_of(const GateResult& result) {
    std::ostringstream text;
    text << name_of(result.gate()) << (result.passed() ? " passed" : " refused");
    const char* separator = ": ";
    for (std::size_t i = 0; i < result.checks(); ++i) {
        const GateCheck& check = result.check(i);
        if (check.passed) continue;
        text << separator << check.name;
        if (check.reason.empty()) {
            text << ' ' << check.measured << " (bound " << check.bound << ')';
        } else {
            text << " (" << check.reason << ')';
        }
        separator = ", ";
    }
    return text.str();
}

}  // namespace kasmina
