// parse_header: the text of a safetensors header, read strictly.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

#include <kasmina/checkpoint/file/header.hpp>
#include <kasmina/checkpoint/file/header_builder.hpp>
#include <kasmina/checkpoint/file/header_checks.hpp>
#include <kasmina/checkpoint/file/header_error.hpp>
#include <kasmina/checkpoint/file/in_quotes.hpp>
#include <kasmina/checkpoint/file/strict_json.hpp>

namespace kasmina::checkpoint::file {

namespace detail {

/// The text without the spaces that pad it.
[[nodiscard]] inline std::string_view without_padding(std::string_view text,
                                                      std::string_view source) {
    const std::size_t end = text.find_last_not_of(' ');
    if (text.empty() || text.front() != '{' || text[end] != '}') {
        throw_header_error(
            source, "header", "the header is not an object",
            "{ first, and nothing but spaces behind the last }",
            text.empty()
                ? "nothing"
                : in_quotes(text.substr(0, 16)) + " ... " +
                      in_quotes(text.substr(text.size() - std::min<std::size_t>(text.size(), 16))));
    }
    return text.substr(0, end + 1);
}

}  // namespace detail

/// Parses the JSON header of a safetensors file strictly: every rule of the format, and where the
/// official reader is lax more than that: names once and not empty, known fields only, sizes that
/// do not overflow whatever the order of extents, aligned tensors (HeaderRules). `data_bytes` is
/// what follows the header in the file; `source` is what messages call the file. Time n log n;
/// memory at most about six times the text's. Errors: CheckpointError; `where()` names the file and
/// the JSON path or the tensor.
[[nodiscard]] inline Header parse_header(std::string_view text, std::uint64_t data_bytes,
                                         std::string_view source, const HeaderRules& rules = {}) {
    const std::string_view json = detail::without_padding(text, source);
    detail::require_plain_text(json, source);
    Header header;
    detail::HeaderBuilder builder(source, header);
    nlohmann::json::sax_parse(json.begin(), json.end(), &builder);
    detail::sort_by_name(header, source);
    for (const TensorEntry& tensor : header.tensors) {
        detail::check_tensor(tensor, data_bytes, rules, source);
    }
    detail::check_cover(header, data_bytes, source);
    return header;
}

}  // namespace kasmina::checkpoint::file
