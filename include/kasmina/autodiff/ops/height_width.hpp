// HeightWidth: a number for the rows of a map and one for its columns.
#pragma once

#include <string>
#include <string_view>

#include <kasmina/tensor/index.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::ops {

/// An extent, a step or a distance in two directions; one number is for both.
struct HeightWidth {
    Index height = 0;
    Index width = 0;

    constexpr HeightWidth(Index both) noexcept  // NOLINT(google-explicit-constructor)
        : height(both), width(both) {}
    constexpr HeightWidth(Index of_rows, Index of_columns) noexcept
        : height(of_rows), width(of_columns) {}

    friend constexpr bool operator==(const HeightWidth&, const HeightWidth&) noexcept = default;
};

/// "3x5"; for messages.
[[nodiscard]] KASMINA_COLD inline std::string to_string(const HeightWidth& extents) {
    return std::to_string(extents.height) + "x" + std::to_string(extents.width);
}

/// Errors: OptionError unless both are at least `least`.
constexpr void check_sizes(std::string_view where, std::string_view name, const HeightWidth& sizes,
                           Index least) {
    checked_size(where, name, sizes.height, least);
    checked_size(where, name, sizes.width, least);
}

}  // namespace kasmina::ops
