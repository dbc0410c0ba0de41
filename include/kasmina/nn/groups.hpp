// groups: how many groups group normalisation uses for a number of channels.
#pragma once

#include <array>

#include <kasmina/tensor/index.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina {

/// The first of 32, 16, 8, 4, 2, 1 that divides `channels` with 16 channels or more a group; else
/// the first that divides (spec section 4). Errors: OptionError below one channel.
[[nodiscard]] constexpr Index groups(Index channels) {
    static_cast<void>(checked_size("groups", "channels", channels));
    constexpr std::array<Index, 6> candidates{32, 16, 8, 4, 2, 1};
    for (const Index count : candidates) {
        if (channels % count == 0 && channels / count >= 16) return count;
    }
    for (const Index count : candidates) {
        if (channels % count == 0) return count;
    }
    return 1;
}

}  // namespace kasmina
