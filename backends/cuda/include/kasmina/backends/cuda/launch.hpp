// Launch: over how many blocks of how many threads a kernel runs, and with how much shared memory.
#pragma once

#include <kasmina/requirements.hpp>

#include <algorithm>

#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::cuda_detail {

/// Shared memory that every card gives a block without being asked.
inline constexpr int shared_bytes_at_hand = 48 * 1024;
/// The most that a launch may ask for: what a card of compute capability 9.0 has.
inline constexpr int most_shared_bytes = 227 * 1024;

/// A grid of blocks. With no block, nothing is launched.
struct Launch {
    Index blocks = 1;
    int threads = 256;  ///< of a block: a multiple of 32, at most 1024
    int shared_bytes = 0;
};

/// a / b, rounded up.
[[nodiscard]] constexpr Index parts(Index a, Index b) noexcept {
    return (a + b - 1) / b;
}

/// A grid for `count` elements with `each` elements for each thread, of no more blocks than fill
/// any card; kernels go on by `stride_of`.
[[nodiscard]] constexpr Launch over_elements(Index count, Index each = 1, int threads = 256) {
    constexpr Index enough_blocks = 8192;
    return {std::min(parts(count, each * threads), enough_blocks), threads, 0};
}

}  // namespace kasmina::backends::cuda_detail
