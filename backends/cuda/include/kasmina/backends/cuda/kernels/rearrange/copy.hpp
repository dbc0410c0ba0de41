// Copies between strided arrays: element by element or in vectors, and by tiles that are turned.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/kernels/rearrange/axes.hpp>
#include <kasmina/backends/cuda/launch.hpp>

namespace kasmina::backends::cuda_detail {

/// to (+)= scale * from. With Width above 1 the strides are those of vectors' first numbers.
template <class T, int Width>
struct StridedCopyKernel {
    static constexpr const char* name = "strided_copy";
    Walk walk;
    Index count;
    T scale;
    const T* from;
    GradientTarget<T> to;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        for (Index i = first_of(block); i < count; i += stride_of(block)) {
            const Places places = walk.at(static_cast<std::uint32_t>(i));
            Lanes<T, Width> values = load_lanes<Width>(from + places.from);
            KASMINA_DEVICE_UNROLL
            for (int lane = 0; lane < Width; ++lane) values[lane] *= scale;
            put_lanes(to, places.to, values);
        }
    }
};

/// The same where neighbours in one array are far from each other in the other: a tile is read
/// along the source's innermost axis and written along the target's.
template <class T>
struct TurnedCopyKernel {
    static constexpr const char* name = "turned_copy";
    static constexpr int side = 32;
    static constexpr int threads = 256;
    static constexpr int rows_at_once = threads / side;
    static constexpr int pitch = side + 1;  ///< one more, against bank conflicts
    static constexpr int shared_bytes = side * pitch * static_cast<int>(sizeof(T));

    Walk outer;           ///< of the axes but two
    Index source_extent;  ///< of the source's innermost axis
    Index source_to_stride;
    Index target_extent;  ///< of the target's innermost axis
    Index target_from_stride;
    T scale;
    const T* from;
    GradientTarget<T> to;

    [[nodiscard]] Launch launch(Index outer_elements) const {
        return {outer_elements * parts(source_extent, side) * parts(target_extent, side), threads,
                shared_bytes};
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index source_tiles = (source_extent + side - 1) / side;
        const Index target_tiles = (target_extent + side - 1) / side;
        const Index line = block.index() / source_tiles;
        const Index number = line / target_tiles;
        const Index source = (block.index() - line * source_tiles) * side;
        const Index target = (line - number * target_tiles) * side;
        const Places places = outer.at(static_cast<std::uint32_t>(number));
        const auto tile = block.template shared<T>(0, side * pitch);
        const int across = block.thread() % side;
        const int first_row = block.thread() / side;
        for (int row = first_row; row < side; row += rows_at_once) {
            if (target + row >= target_extent || source + across >= source_extent) continue;
            tile[row * pitch + across] =
                from[places.from + (target + row) * target_from_stride + source + across];
        }
        block.barrier();
        for (int row = first_row; row < side; row += rows_at_once) {
            if (source + row >= source_extent || target + across >= target_extent) continue;
            const Lanes<T, 1> value{{scale * tile[across * pitch + row]}};
            put_lanes(to, places.to + (source + row) * source_to_stride + target + across, value);
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
