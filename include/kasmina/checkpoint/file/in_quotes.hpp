// in_quotes: a text from a file as a message may show it, however long it is and whatever it holds.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <kasmina/error.hpp>

namespace kasmina::checkpoint::file {

namespace detail {

/// Whether a terminal would do something else with the text than show it: controls (those below
/// U+0020 are escaped by JSON), marks of the writing direction, spaces without width.
[[nodiscard]] KASMINA_COLD inline bool steers_a_terminal(std::string_view text) {
    const auto from_to = [](unsigned char byte, unsigned first, unsigned last) {
        return byte >= first && byte <= last;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto at = [&](std::size_t next) {
            return i + next < text.size() ? static_cast<unsigned char>(text[i + next])
                                          : static_cast<unsigned char>(0);
        };
        const bool mark =
            at(0) == 0xe2 &&
            ((at(1) == 0x80 && (from_to(at(2), 0x8b, 0x8f) || from_to(at(2), 0xa8, 0xae))) ||
             (at(1) == 0x81 && from_to(at(2), 0xa0, 0xaf)));
        if (at(0) == 0x7f || (at(0) == 0xc2 && from_to(at(1), 0x80, 0x9f)) || mark) return true;
    }
    return false;
}

}  // namespace detail

/// The text in quotes, with escapes as in JSON, U+FFFD for bytes that are not UTF-8, and cut after
/// `limit` bytes. Where it would steer a terminal, all but ASCII is escaped.
[[nodiscard]] KASMINA_COLD inline std::string in_quotes(std::string_view text,
                                                        std::size_t limit = 80) {
    const bool cut = text.size() > limit;
    const nlohmann::json shown = std::string(text.substr(0, limit)) + (cut ? "..." : "");
    return shown.dump(-1, ' ', detail::steers_a_terminal(text.substr(0, limit)),
                      nlohmann::json::error_handler_t::replace);
}

/// A text of a file as a line of words may hold it: as it is, or in quotes where a terminal would
/// do something else than show it.
[[nodiscard]] KASMINA_COLD inline std::string readable(std::string_view text) {
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20) return in_quotes(text, text.size());
    }
    return detail::steers_a_terminal(text) ? in_quotes(text, text.size()) : std::string(text);
}

}  // namespace kasmina::checkpoint::file
