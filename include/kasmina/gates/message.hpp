// A gate's verdict in words.
#pragma once

#include <array>
#include <cstddef>
#include <cstdio>
#include <string>

#include <kasmina/code_size.hpp>
#include <kasmina/gates/result.hpp>

namespace kasmina {
namespace detail {

/// With six digits, as a stream writes it.
[[nodiscard]] KASMINA_RARE inline std::string in_digits(double number) {
    std::array<char, 32> digits{};
    std::snprintf(digits.data(), digits.size(), "%g", number);
    return digits.data();
}

}  // namespace detail

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
        text += ' ' + detail::in_digits(check.measured) + " (bound " +
                detail::in_digits(check.bound) + ')';
        separator = ", ";
    }
    return text;
}

}  // namespace kasmina
