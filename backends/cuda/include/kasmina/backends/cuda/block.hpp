// Block: what the body of a kernel sees of the threads that run it, on a card or emulated.
#pragma once

#include <kasmina/requirements.hpp>

#include <concepts>

#include <kasmina/tensor/index.hpp>

/// \file
/// A kernel is a plain struct: its arguments, `static constexpr const char* name`, and
///
///     template <Block B>
///     KASMINA_DEVICE void operator()(B& block) const;
///
/// which each thread of each block runs. It is C++20 without a word of CUDA, so that g++ compiles
/// it, too: on the CPU blocks run as fibers. Sums run in a fixed order, in double where the CPU
/// backends' do; nothing is added atomically. What depends on the shape alone (how many blocks, who
/// sums what) must not depend on the card: the same shape gives the same bits everywhere.
#if defined(__CUDACC__)
#define KASMINA_DEVICE __device__
#define KASMINA_HOST_DEVICE __host__ __device__
#else
#define KASMINA_DEVICE
#define KASMINA_HOST_DEVICE
#endif

namespace kasmina::backends::cuda_detail {

/// Threads that exchange numbers without a barrier.
inline constexpr int warp_size = 32;

/// One block of threads, as one of its threads sees it. `barrier` and the shuffles are called by
/// all threads of the block, or of the warp, in the same order: one that left early counts as
/// missing. `shared<V>(first_byte, count)` shows a part of the memory that the block's threads
/// share, whose size the launch gives; it holds nonsense at first, and has `[]`.
template <class B>
concept Block = requires(B& block, double value, int lanes) {
    { block.thread() } -> std::same_as<int>;   // 0 ... threads() - 1
    { block.threads() } -> std::same_as<int>;  // a multiple of warp_size
    { block.index() } -> std::same_as<Index>;  // 0 ... blocks() - 1
    { block.blocks() } -> std::same_as<Index>;
    block.barrier();
    // The value of the lane whose number differs in the bits `lanes`.
    { block.shuffle_xor(value, lanes) } -> std::same_as<double>;
    // One bit for each lane, whether it says true.
    { block.ballot(true) } -> std::same_as<unsigned>;
    { block.template shared<double>(0, 1)[0] } -> std::same_as<double&>;
};

/// The thread's place in its warp, and the warp's in its block.
template <Block B>
[[nodiscard]] KASMINA_DEVICE int lane_of(const B& block) {
    return block.thread() % warp_size;
}
template <Block B>
[[nodiscard]] KASMINA_DEVICE int warp_of(const B& block) {
    return block.thread() / warp_size;
}
template <Block B>
[[nodiscard]] KASMINA_DEVICE int warps_of(const B& block) {
    return block.threads() / warp_size;
}

/// The thread's place in the whole grid, and the grid's threads: element-wise kernels go
/// `for (Index i = first_of(block); i < count; i += stride_of(block))`.
template <Block B>
[[nodiscard]] KASMINA_DEVICE Index first_of(const B& block) {
    return block.index() * block.threads() + block.thread();
}
template <Block B>
[[nodiscard]] KASMINA_DEVICE Index stride_of(const B& block) {
    return block.blocks() * block.threads();
}

/// The greater of two numbers, a NaN if either is one.
struct Greater {
    template <class V>
    KASMINA_DEVICE V operator()(V a, V b) const {
        return a > b || a != a ? a : b;
    }
};
struct Plus {
    template <class V>
    KASMINA_DEVICE V operator()(V a, V b) const {
        return a + b;
    }
};

/// All lanes' values as one, the same bits in each lane. `combine` is commutative.
template <Block B, class V, class Combine>
[[nodiscard]] KASMINA_DEVICE V warp_reduce(B& block, V value, Combine combine) {
    for (int lanes = warp_size / 2; lanes > 0; lanes /= 2) {
        value = combine(value, block.shuffle_xor(value, lanes));
    }
    return value;
}

/// All threads' values as one, the same bits in each thread. `scratch` shows shared memory for one
/// value of each warp; it may be used again at once.
template <Block B, class V, class Scratch, class Combine>
[[nodiscard]] KASMINA_DEVICE V block_reduce(B& block, V value, Scratch scratch, Combine combine) {
    value = warp_reduce(block, value, combine);
    if (lane_of(block) == 0) scratch[warp_of(block)] = value;
    block.barrier();
    V all = scratch[0];
    for (int warp = 1; warp < warps_of(block); ++warp) all = combine(all, scratch[warp]);
    block.barrier();
    return all;
}

template <Block B, class V>
[[nodiscard]] KASMINA_DEVICE V warp_sum(B& block, V value) {
    return warp_reduce(block, value, Plus{});
}
template <Block B, class V, class Scratch>
[[nodiscard]] KASMINA_DEVICE V block_sum(B& block, V value, Scratch scratch) {
    return block_reduce(block, value, scratch, Plus{});
}

/// Bytes of shared memory that `block_reduce` of values of type V needs.
template <class V>
[[nodiscard]] constexpr int reduce_bytes(int threads) noexcept {
    return threads / warp_size * static_cast<int>(sizeof(V));
}

}  // namespace kasmina::backends::cuda_detail
