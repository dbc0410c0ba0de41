// in_quotes: a text from a file as a message may show it, however long it is and whatever it holds.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <kasmina/error.hpp>

namespace kasmina::checkpoint::file {

/// The text in quotes, with escapes as in JSON, U+FFFD for bytes that are not UTF-8, and cut after
/// `limit` bytes.
[[nodiscard]] KASMINA_COLD inline std::string in_quotes(std::string_view text,
                                                        std::size_t limit = 80) {
    const bool cut = text.size() > limit;
    const nlohmann::json shown = std::string(text.substr(0, limit)) + (cut ? "..." : "");
    return shown.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace kasmina::checkpoint::file
