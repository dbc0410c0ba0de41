// TensorEntry: what a file says of a tensor: its name, type, shape and place.
#pragma once

#include <kasmina/requirements.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <kasmina/checkpoint/file/element_type.hpp>
#include <kasmina/checkpoint/file/in_quotes.hpp>
#include <kasmina/comma_list.hpp>

namespace kasmina::checkpoint::file {

/// A tensor of a file: row-major, little-endian.
struct TensorEntry {
    std::string name{};
    ElementType type{};
    /// Outermost first; empty for a single element.
    std::vector<std::uint64_t> shape{};
    /// Where its bytes begin and end, counted from the end of the header.
    std::uint64_t begin = 0;
    std::uint64_t end = 0;

    [[nodiscard]] std::uint64_t bytes() const noexcept { return end - begin; }

    friend bool operator==(const TensorEntry&, const TensorEntry&) = default;
};

/// "(2, 3)", as messages print it.
[[nodiscard]] inline std::string to_string(const std::vector<std::uint64_t>& shape) {
    std::string extents;
    for (std::size_t axis = 0; axis < std::min<std::size_t>(shape.size(), 8); ++axis) {
        append_to_list(extents, std::to_string(shape[axis]));
    }
    if (shape.size() > 8) append_to_list(extents, "...");
    return "(" + extents + ")";
}

/// Bytes of a tensor; none when they, or the product of its extents other than 0, are more than
/// 63 bits hold, in whatever order the extents stand.
[[nodiscard]] inline std::optional<std::uint64_t> bytes_of(
    ElementType type, const std::vector<std::uint64_t>& shape) {
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    std::uint64_t product = bytes_of(type);
    bool empty = false;
    for (const std::uint64_t extent : shape) {
        if (extent == 0) {
            empty = true;
        } else if (extent > most / product) {
            return std::nullopt;
        } else {
            product *= extent;
        }
    }
    return empty ? 0 : product;
}

namespace detail {

[[nodiscard]] inline std::string in_words(const TensorEntry& tensor) {
    return "tensor " + in_quotes(tensor.name);
}

}  // namespace detail
}  // namespace kasmina::checkpoint::file
