// is_name_letter: what the names of things are written with.
#pragma once

#include <kasmina/requirements.hpp>

namespace kasmina::reflect {

/// A letter of ASCII, a digit or an underscore.
[[nodiscard]] constexpr bool is_name_letter(char letter) noexcept {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || letter == '_';
}

}  // namespace kasmina::reflect
