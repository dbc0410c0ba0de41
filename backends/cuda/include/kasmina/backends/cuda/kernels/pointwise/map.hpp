// Map kernels: a pointwise function in one pass over memory, operands stretched as they are read.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstddef>
#include <utility>

#include <kasmina/backends/cuda/kernels/pointwise/operands.hpp>

namespace kasmina::backends::cuda_detail {

/// No operand is stretched: all are runs of `count` times Width numbers.
template <class T, class F, std::size_t N, int Width>
struct FlatMap {
    static constexpr const char* name = "map";

    F function;
    const T* operands[N];
    T* out;
    Index count;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        for (Index i = first_of(block); i < count; i += stride_of(block)) {
            Lanes<T, Width> numbers[N];
            load_full(operands, i * Width, numbers);
            Lanes<T, Width> result;
            KASMINA_DEVICE_UNROLL
            for (int lane = 0; lane < Width; ++lane) {
                result[lane] = applied<T>(function, numbers, lane, std::make_index_sequence<N>{});
            }
            store_lanes(out + i * Width, result);
        }
    }
};

/// Some are: a thread keeps its channels, and what is stretched is read once for all of its
/// positions.
template <class T, class F, std::size_t N, int Width>
struct StretchedMap {
    static constexpr const char* name = "map_stretched";

    F function;
    ChannelGrid grid;
    Operand<T> operands[N];
    T* out;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        if (!place.active) return;
        Lanes<T, Width> numbers[N];
        load_stretched(operands, grid, place, numbers);
        for (Index position = place.first; position < place.end; position += grid.rows) {
            const Index at =
                (place.sample * grid.positions + position) * grid.channels + place.channel;
            load_full(operands, at, numbers);
            Lanes<T, Width> result;
            KASMINA_DEVICE_UNROLL
            for (int lane = 0; lane < Width; ++lane) {
                result[lane] = applied<T>(function, numbers, lane, std::make_index_sequence<N>{});
            }
            store_lanes(out + at, result);
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
