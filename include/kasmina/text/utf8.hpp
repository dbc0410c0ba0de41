// UTF-8: the characters of a text, one by one, and back.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kasmina::text {

/// A character and how many bytes it takes; of bytes that are no UTF-8 the first by itself.
struct Character {
    char32_t code = 0;
    std::size_t bytes = 1;
    bool valid = false;
};

/// The character that `text`, which is not empty, begins with. What is longer than need be, a half
/// of a pair of UTF-16, or beyond U+10FFFF is not valid.
[[nodiscard]] constexpr Character first_character(std::string_view text) noexcept {
    const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t lead = byte(0);
    if (lead < 0x80) return {lead, 1, true};
    const std::size_t count = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < count) return {lead, 1, false};
    char32_t code = lead & (0xFFU >> (count + 1));
    for (std::size_t i = 1; i < count; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) return {lead, 1, false};
        code = (code << 6U) | (byte(i) & 0x3FU);
    }
    const bool is_long = (count == 3 && code < 0x800) || (count == 4 && code < 0x10000);
    if (is_long || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return {lead, 1, false};
    return {code, count, true};
}

/// Puts a character behind a text.
inline void append_character(std::string& text, char32_t code) {
    const auto put = [&text](char32_t bits) { text.push_back(static_cast<char>(bits)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0U | (code >> 6U));
        put(0x80U | (code & 0x3FU));
    } else if (code < 0x10000) {
        put(0xE0U | (code >> 12U));
        put(0x80U | ((code >> 6U) & 0x3FU));
        put(0x80U | (code & 0x3FU));
    } else {
        put(0xF0U | (code >> 18U));
        put(0x80U | ((code >> 12U) & 0x3FU));
        put(0x80U | ((code >> 6U) & 0x3FU));
        put(0x80U | (code & 0x3FU));
    }
}

}  // namespace kasmina::text
