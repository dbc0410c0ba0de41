// ChannelGrid: how blocks share out a map of (samples, positions, channels), channels last.
#pragma once

#include <kasmina/requirements.hpp>

#include <algorithm>

#include <kasmina/backends/cuda/block.hpp>
#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/launch.hpp>

/// \file
/// A block works on one sample, on a chunk of its positions and on a tile of its channels. Its
/// threads are `rows` by `columns`: neighbours in a row have neighbouring channels, so that a warp
/// reads memory without gaps, and a thread keeps its channels while it walks down the positions of
/// the chunk: what belongs to a channel is loaded once.
namespace kasmina::backends::cuda_detail {

/// So many blocks of a reduction fill a large card - two for each of 132 multiprocessors, which all
/// have room for two - without a second round, and without leaving much to the next kernel.
inline constexpr Index most_partial_blocks = 264;
/// Element-wise kernels have as many blocks as their work needs.
inline constexpr Index any_blocks = Index{1} << 30;

struct ChannelGrid {
    static constexpr int threads = 256;

    Index samples = 1;
    Index positions = 1;
    Index channels = 1;
    int width = 1;    ///< channels of a thread
    int columns = 1;  ///< threads side by side in a tile of channels
    int rows = 1;     ///< threads below each other
    Index tiles = 1;
    Index chunk = 1;  ///< positions of a block
    Index chunks = 1;

    [[nodiscard]] Launch launch(int shared_bytes = 0) const {
        return {samples * chunks * tiles, threads, shared_bytes};
    }
};

/// Of the shape alone. Each thread gets at least `each` positions; with more than `most_blocks`
/// blocks it gets more.
[[nodiscard]] inline ChannelGrid channel_grid(Index samples, Index positions, Index channels,
                                              int width, Index each, Index most_blocks,
                                              int most_columns = 32) {
    ChannelGrid grid{samples, positions, channels, width};
    const Index groups = std::max<Index>(1, channels / width);
    grid.tiles = parts(groups, most_columns);
    grid.columns = static_cast<int>(parts(groups, grid.tiles));
    grid.rows = ChannelGrid::threads / grid.columns;
    const Index least = each * grid.rows;
    const Index chunks_wanted =
        std::max<Index>(1, most_blocks / std::max<Index>(1, samples * grid.tiles));
    grid.chunk = std::max(least, parts(parts(positions, chunks_wanted), grid.rows) * grid.rows);
    grid.chunks = positions == 0 ? 0 : parts(positions, grid.chunk);
    return grid;
}

/// What of the map one thread works on: positions `first`, `first + rows`, ... before `end`.
struct ChannelPlace {
    Index sample;
    Index chunk;
    Index tile_channel;  ///< the first of the block's channels
    Index channel;       ///< the first of its own
    Index first;
    Index end;
    int row;
    int column;
    bool active;  ///< whether it has any channels
};

/// Of block `index` of the grid, which may be a part of those that run.
template <Block B>
[[nodiscard]] KASMINA_DEVICE ChannelPlace place_in(const ChannelGrid& grid, const B& block,
                                                   Index index) {
    ChannelPlace place;
    const Index rest = index / grid.tiles;
    const Index tile = index - rest * grid.tiles;
    place.sample = rest / grid.chunks;
    place.chunk = rest - place.sample * grid.chunks;
    place.row = block.thread() / grid.columns;
    place.column = block.thread() - place.row * grid.columns;
    place.tile_channel = tile * grid.columns * grid.width;
    place.channel = place.tile_channel + Index{place.column} * grid.width;
    place.active = place.row < grid.rows && place.channel < grid.channels;
    place.first = place.chunk * grid.chunk + place.row;
    const Index end = (place.chunk + 1) * grid.chunk;
    place.end = place.active ? (end < grid.positions ? end : grid.positions) : 0;
    return place;
}

template <Block B>
[[nodiscard]] KASMINA_DEVICE ChannelPlace place_in(const ChannelGrid& grid, const B& block) {
    return place_in(grid, block, block.index());
}

/// Sums each value over the rows of a block in a fixed order, a tree; the sums are those of row 0.
/// `shared` is room for Count numbers of each thread.
template <unsigned Count, Block B, class V, class Shared>
KASMINA_DEVICE void sum_rows(B& block, const ChannelGrid& grid, const ChannelPlace& place,
                             V (&values)[Count], Shared shared) {
    const int thread = block.thread();
    const int threads = block.threads();
    KASMINA_DEVICE_UNROLL
    for (int i = 0; i < static_cast<int>(Count); ++i) shared[i * threads + thread] = values[i];
    block.barrier();
    for (int left = grid.rows; left > 1;) {
        const int half = (left + 1) / 2;
        if (place.row + half < left) {
            const int other = thread + half * grid.columns;
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < static_cast<int>(Count); ++i) {
                values[i] += shared[i * threads + other];
                shared[i * threads + thread] = values[i];
            }
        }
        left = half;
        block.barrier();
    }
}

/// Bytes of shared memory that `sum_rows` of Count numbers of type V needs.
template <int Count, class V>
[[nodiscard]] constexpr int sum_rows_bytes() noexcept {
    return Count * ChannelGrid::threads * static_cast<int>(sizeof(V));
}

}  // namespace kasmina::backends::cuda_detail
