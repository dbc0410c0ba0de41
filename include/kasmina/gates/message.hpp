// A gate's verdict in words.
#pragma once

#include <cstddef>
#include <string>

#include <kasmina/code_size.hpp>
#include <kasmina/gates/result.hpp>
#include <kasmina/number_text.hpp>

namespace kasmina {

/// "G2 refused: training_improvement 0.2 (bound 0.5)"; or "G2 passed".
[[nodiscard]] KASMINA_RARE inline std::string message_of(const GateResult& result) {
    std::string text(name_of(result.gate()));
    text += result.passed() ? " passed" : " refused";
    const char* separator = ": ";
    for (std::size_t i = 0; i < result.checks(); ++i) {
        const GateCheck& check = result.check(i);
        if (check.passed) continue;
        text += separator;
        text += check.name;
        if (check.reason.empty()) {
            text += ' ' + number_text(check.measured, 6) + " (bound " +
                    number_text(check.bound, 6) + ')';
        } else {
            text += " (" + std::string(check.reason) + ')';
        }
        separator = ", ";
    }
    return text;
}

}  // namespace kasmina
