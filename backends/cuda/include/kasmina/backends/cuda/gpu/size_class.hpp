// Size classes: the sizes that pools of memory have, an eighth apart.
#pragma once

#include <kasmina/requirements.hpp>

#include <bit>
#include <cstddef>

namespace kasmina::backends::cuda_detail {

/// `bytes` rounded up to a multiple of 512 and of an eighth of the power of two below it, so that
/// blocks of nearly the same size reuse each other and at most an eighth is lost.
[[nodiscard]] constexpr std::size_t size_class(std::size_t bytes) noexcept {
    constexpr std::size_t least = 512;
    const std::size_t step = std::bit_floor(bytes) / 8;
    const std::size_t grain = step < least ? least : step;
    return bytes == 0 ? least : (bytes + grain - 1) / grain * grain;
}

}  // namespace kasmina::backends::cuda_detail
