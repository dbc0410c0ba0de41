// GPT-2's words: how a text is cut before its bytes are paired.
#pragma once

#include <kasmina/requirements.hpp>

#include <array>
#include <cstddef>
#include <string_view>

#include <kasmina/text/character_classes.hpp>
#include <kasmina/text/utf8.hpp>

namespace kasmina::text {
namespace detail {

enum class CharacterKind { letter, number, space, other };

[[nodiscard]] constexpr CharacterKind kind_of(const Character& character) noexcept {
    if (!character.valid) return CharacterKind::other;
    if (is_letter(character.code)) return CharacterKind::letter;
    if (is_number(character.code)) return CharacterKind::number;
    if (is_space(character.code)) return CharacterKind::space;
    return CharacterKind::other;
}

/// How many bytes of `text` from `at` on are of that kind.
[[nodiscard]] constexpr std::size_t run_of(std::string_view text, std::size_t at,
                                           CharacterKind kind) noexcept {
    std::size_t end = at;
    while (end < text.size()) {
        const Character next = first_character(text.substr(end));
        if (kind_of(next) != kind) break;
        end += next.bytes;
    }
    return end - at;
}

/// How many bytes of white space are left to themselves: all at the end of a text; else all but the
/// last, which goes with the word behind it where it can.
[[nodiscard]] constexpr std::size_t space_before(std::string_view text) noexcept {
    const std::size_t all = run_of(text, 0, CharacterKind::space);
    if (all == text.size()) return all;
    std::size_t last = all;
    do {
        --last;  // back over the bytes of one character
    } while ((static_cast<unsigned char>(text[last]) & 0xC0U) == 0x80U);
    return last > 0 ? last : all;
}

}  // namespace detail

/// How many bytes of `text`, which is not empty, are its first word: one of the endings 's 't 're
/// 've 'm 'll 'd; or letters, or numbers, or other signs, each with a blank in front where there is
/// one; or white space. (GPT-2's pattern:
/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)
[[nodiscard]] constexpr std::size_t first_word(std::string_view text) noexcept {
    using detail::CharacterKind;
    constexpr std::array<std::string_view, 7> endings{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (const std::string_view ending : endings) {
        if (text.starts_with(ending)) return ending.size();
    }
    const std::size_t blank = text.front() == ' ' && text.size() > 1 ? 1 : 0;
    const CharacterKind kind = detail::kind_of(first_character(text.substr(blank)));
    if (kind != CharacterKind::space) return blank + detail::run_of(text, blank, kind);
    return detail::space_before(text);
}

}  // namespace kasmina::text
