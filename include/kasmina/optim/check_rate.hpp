// Range checks that the options of every optimiser share.
#pragma once

#include <string>

#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/number_text.hpp>

namespace kasmina::optim::detail {

/// Errors: OptionError naming the option when `value` is not finite or outside [low, high).
KASMINA_RARE inline void check_range(const char* optimiser, const char* option, double value,
                                     double low, double high) {
    if (is_finite(value) && value >= low && value < high) return;
    const std::string upper = !is_finite(high) ? "" : " and below " + number_text(high);
    throw OptionError(std::string(option) + " is out of range", optimiser,
                      "a finite number of at least " + number_text(low) + upper, number_text(value),
                      "choose a value in the range");
}

}  // namespace kasmina::optim::detail
