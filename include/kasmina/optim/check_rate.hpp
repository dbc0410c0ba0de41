// Range checks that the options of every optimiser share.
#pragma once

#include <cmath>
#include <string>

#include <kasmina/error.hpp>

namespace kasmina::optim::detail {

/// Errors: OptionError naming the option when `value` is not finite or outside [low, high).
KASMINA_RARE inline void check_range(const char* optimiser, const char* option, double value,
                                     double low, double high) {
    if (std::isfinite(value) && value >= low && value < high) return;
    const std::string upper = std::isinf(high) ? "" : " and below " + std::to_string(high);
    throw OptionError(std::string(option) + " is out of range", optimiser,
                      "a finite number of at least " + std::to_string(low) + upper,
                      std::to_string(value), "choose a value in the range");
}

}  // namespace kasmina::optim::detail
