// Pullback kernels: the same function on dual numbers, and sums where an operand was stretched.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstddef>
#include <utility>

#include <kasmina/backends/cuda/kernels/pointwise/operands.hpp>

namespace kasmina::backends::cuda_detail {

/// No operand is stretched.
template <class T, class F, std::size_t N, int Width>
struct FlatMapPullback {
    static constexpr const char* name = "map_pullback";

    F function;
    const T* operands[N];
    const T* upstream;
    GradientTarget<T> targets[N];
    Index count;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        for (Index i = first_of(block); i < count; i += stride_of(block)) {
            Lanes<T, Width> numbers[N];
            load_full(operands, i * Width, numbers);
            const Lanes<T, Width> gradient = load_lanes<Width>(upstream + i * Width);
            Lanes<T, Width> results[N];
            KASMINA_DEVICE_UNROLL
            for (int lane = 0; lane < Width; ++lane) {
                const auto dual =
                    differentiated<T>(function, numbers, lane, std::make_index_sequence<N>{});
                KASMINA_DEVICE_UNROLL
                for (std::size_t n = 0; n < N; ++n) {
                    results[n][lane] = gradient[lane] * dual.derivatives[n];
                }
            }
            KASMINA_DEVICE_UNROLL
            for (std::size_t n = 0; n < N; ++n) {
                if (targets[n].data != nullptr) put_lanes(targets[n], i * Width, results[n]);
            }
        }
    }
};

/// Some are. The gradients of those are sums: each block leaves its own, one for each channel, in
/// `partials[n]`, (samples, chunks, channels) of them; null where none is wanted.
template <class T, class F, std::size_t N, int Width>
struct StretchedMapPullback {
    static constexpr const char* name = "map_pullback_stretched";

    F function;
    ChannelGrid grid;
    Operand<T> operands[N];
    const T* upstream;
    GradientTarget<T> targets[N];  ///< of operands that are not stretched
    double* partials[N];

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        Lanes<T, Width> numbers[N];
        double sums[N][static_cast<unsigned>(Width)];
        KASMINA_DEVICE_UNROLL
        for (std::size_t n = 0; n < N; ++n) {
            KASMINA_DEVICE_UNROLL
            for (int lane = 0; lane < Width; ++lane) sums[n][lane] = 0.0;
        }
        if (place.active) load_stretched(operands, grid, place, numbers);
        for (Index position = place.first; position < place.end; position += grid.rows) {
            const Index at =
                (place.sample * grid.positions + position) * grid.channels + place.channel;
            load_full(operands, at, numbers);
            const Lanes<T, Width> gradient = load_lanes<Width>(upstream + at);
            Lanes<T, Width> results[N];
            KASMINA_DEVICE_UNROLL
            for (int lane = 0; lane < Width; ++lane) {
                const auto dual =
                    differentiated<T>(function, numbers, lane, std::make_index_sequence<N>{});
                KASMINA_DEVICE_UNROLL
                for (std::size_t n = 0; n < N; ++n) {
                    results[n][lane] = gradient[lane] * dual.derivatives[n];
                    sums[n][lane] += static_cast<double>(results[n][lane]);
                }
            }
            KASMINA_DEVICE_UNROLL
            for (std::size_t n = 0; n < N; ++n) {
                if (targets[n].data != nullptr) put_lanes(targets[n], at, results[n]);
            }
        }
        auto shared = block.template shared<double>(0, Width * ChannelGrid::threads);
        KASMINA_DEVICE_UNROLL
        for (std::size_t n = 0; n < N; ++n) {
            if (partials[n] == nullptr) continue;
            sum_rows(block, grid, place, sums[n], shared);
            if (!place.active || place.row != 0) continue;
            double* to = partials[n] + (place.sample * grid.chunks + place.chunk) * grid.channels +
                         place.channel;
            KASMINA_DEVICE_UNROLL
            for (int lane = 0; lane < Width; ++lane) to[lane] = sums[n][lane];
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
