// number_text: a number in a message, a file or an event, the same in every locale.
#pragma once

#include <kasmina/requirements.hpp>

#include <charconv>
#include <concepts>
#include <string>

#include <kasmina/code_size.hpp>

namespace kasmina {

/// In the fewest digits that tell it from every other of its type: 0.1, 1e-12, inf, nan.
template <std::floating_point T>
[[nodiscard]] KASMINA_RARE std::string number_text(T value) {
    char text[64];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

/// In at most `digits` (1 to 17) significant ones: 0.333333 with six.
template <std::floating_point T>
[[nodiscard]] KASMINA_RARE std::string number_text(T value, int digits) {
    char text[64];
    const auto end =
        std::to_chars(text, text + sizeof text, value, std::chars_format::general, digits).ptr;
    return {text, end};
}

/// With so many digits (0 to 17) after the point: 63.0 with one.
template <std::floating_point T>
[[nodiscard]] KASMINA_RARE std::string fixed_number_text(T value, int digits) {
    char text[400];
    const auto end =
        std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, digits).ptr;
    return {text, end};
}

}  // namespace kasmina
