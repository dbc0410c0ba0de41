// A network's row of the last table, in which networks are compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "table.hpp"

namespace kasmina::examples {

[[nodiscard]] inline std::string right_aligned(const std::string& text, std::size_t width) {
    return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

/// A network's row of the last table: its score on the test part, its size, and all that its
/// training multiplied.
[[nodiscard]] inline std::string network_row(const std::string& name, const std::string& score,
                                             std::int64_t parameters,
                                             std::optional<double> multiplications) {
    const char* unit = multiplications && *multiplications < 1e9 ? " M" : " G";
    if (multiplications) *multiplications /= *multiplications < 1e9 ? 1e6 : 1e9;
    return "  " + name + std::string(name.size() < 12 ? 12 - name.size() : 0, ' ') +
           right_aligned(score, 8) + "  " + right_aligned(std::to_string(parameters), 8) +
           " parameters  " + right_aligned(fixed(multiplications, 2), 8) + unit +
           " multiplications";
}

}  // namespace kasmina::examples
