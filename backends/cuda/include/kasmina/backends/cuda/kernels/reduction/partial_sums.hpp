// Partial sums: what the blocks of a reduction leave behind, and how the next kernel adds it up.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backends/cuda/block.hpp>
#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/launch.hpp>

namespace kasmina::backends::cuda_detail {

/// Two sums of one channel that are needed together, sixteen bytes.
struct alignas(16) SumPair {
    double first = 0.0;
    double second = 0.0;
};

[[nodiscard]] KASMINA_DEVICE inline SumPair operator+(const SumPair& a, const SumPair& b) {
    return {a.first + b.first, a.second + b.second};
}

/// The sum of value(i) for i in [0, count), the same in each lane of the warp: each lane adds every
/// thirty-second in order, then the lanes are added up.
template <Block B, class Value>
[[nodiscard]] KASMINA_DEVICE SumPair warp_sum_pairs(B& block, Index count, const Value& value) {
    SumPair sum;
    for (Index i = lane_of(block); i < count; i += warp_size) sum = sum + value(i);
    sum.first = warp_sum(block, sum.first);
    sum.second = warp_sum(block, sum.second);
    return sum;
}

/// A grid with one warp for each of `count` results.
[[nodiscard]] inline Launch over_warps(Index count, int threads = 256) {
    return {parts(count, threads / warp_size), threads, 0};
}

/// Which result is this thread's warp's.
template <Block B>
[[nodiscard]] KASMINA_DEVICE Index warp_in_grid(const B& block) {
    return block.index() * warps_of(block) + warp_of(block);
}

/// to[i] (+)= the sum of segment i of `partials`, `length` numbers. One warp for each.
template <class T, class V>
struct SumSegmentsKernel {
    static constexpr const char* name = "sum_segments";
    const V* partials;
    Index segments;
    Index length;
    GradientTarget<T> to;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index segment = warp_in_grid(block);
        if (segment >= segments) return;
        const V* from = partials + segment * length;
        double sum = 0.0;
        for (Index i = lane_of(block); i < length; i += warp_size) {
            sum += static_cast<double>(from[i]);
        }
        sum = warp_sum(block, sum);
        if (lane_of(block) == 0) {
            put_lanes<1>(to, segment, Lanes<T, 1>{{static_cast<T>(sum)}});
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
