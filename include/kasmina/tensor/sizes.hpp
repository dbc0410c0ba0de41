// Sizes: the one place where a width, a count or an extent is held against its bounds.
#pragma once

#include <limits>
#include <string>
#include <string_view>

#include <kasmina/error.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// No upper bound.
inline constexpr Index unlimited = std::numeric_limits<Index>::max();

namespace detail {

[[noreturn]] KASMINA_COLD inline void refuse_size(std::string_view where, std::string_view name,
                                                  Index size, Index least, Index most) {
    throw OptionError(
        "the size " + std::string(name) + " is out of range", where,
        std::string(name) + " of " +
            (most == unlimited ? std::to_string(least) + " or more"
                               : std::to_string(least) + " ... " + std::to_string(most)),
        std::to_string(size), "pass a size in the range");
}

}  // namespace detail

/// `size` itself, of what `where` calls `name`: a number of channels, classes, blocks, a kernel's
/// extent. Errors: OptionError naming it when it is below `least` or above `most`.
constexpr Index checked_size(std::string_view where, std::string_view name, Index size,
                             Index least = 1, Index most = unlimited) {
    if (size < least || size > most) detail::refuse_size(where, name, size, least, most);
    return size;
}

/// Whether the product of two sizes of 0 or more is a size.
[[nodiscard]] constexpr bool is_size(Index a, Index b) noexcept {
    return b == 0 || a <= unlimited / b;
}

}  // namespace kasmina
