// groups: how many groups group normalisation uses for a number of channels.
#pragma once

#include <array>
#include <string>

#include <kasmina/error.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// The first of 32, 16, 8, 4, 2, 1 that divides `channels` with 16 channels or more a group; else
/// the first that divides (spec section 4). Errors: OptionError below one channel.
[[nodiscard]] constexpr Index groups(Index channels) {
    if (channels < 1) {
        throw OptionError("a map needs channels", "groups", "1 channel or more",
                          std::to_string(channels), "pass the number of channels");
    }
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
