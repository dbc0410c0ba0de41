// Sums over some axes of a strided array, in a fixed order.
#pragma once

#include <kasmina/requirements.hpp>

#include <algorithm>

#include <kasmina/backends/cuda/gradient_put.hpp>
#include <kasmina/backends/cuda/kernels/rearrange/axes.hpp>
#include <kasmina/backends/cuda/kernels/reduction/channel_grid.hpp>
#include <kasmina/backends/cuda/kernels/reduction/partial_sums.hpp>

namespace kasmina::backends::cuda_detail {

/// How blocks share out sums, of the shape alone: a block has `columns` of them, and `rows` threads
/// that share each one's terms, of which a block has a chunk.
struct SumGrid {
    static constexpr int threads = 256;

    Index sums = 1;
    Index terms = 1;
    bool sums_inside = false;  ///< neighbours in memory belong to different sums
    int columns = 1;           ///< a power of two, as the rows are
    int rows = threads;
    Index tiles = 1;
    Index chunk = 1;
    Index chunks = 1;

    [[nodiscard]] Launch launch() const {
        return {tiles * chunks, threads, threads * static_cast<int>(sizeof(double))};
    }
};

/// `inside` is the extent of the innermost axis of the sums.
[[nodiscard]] inline SumGrid sum_grid(Index sums, Index terms, bool sums_inside, Index inside) {
    constexpr int most_columns = 32;
    constexpr Index least_terms = 4;  ///< of a thread, before a sum is cut
    SumGrid grid{sums, terms, sums_inside};
    if (sums_inside) {
        while (grid.columns < most_columns && grid.columns < inside) grid.columns *= 2;
        grid.rows = SumGrid::threads / grid.columns;
    } else {
        grid.rows = 1;
        while (grid.rows < SumGrid::threads && grid.rows < terms) grid.rows *= 2;
        grid.columns = SumGrid::threads / grid.rows;
    }
    grid.tiles = parts(sums, grid.columns);
    const Index wanted = std::max<Index>(1, most_partial_blocks / std::max<Index>(1, grid.tiles));
    const Index least = least_terms * grid.rows;
    grid.chunk = std::max(least, parts(parts(terms, wanted), grid.rows) * grid.rows);
    grid.chunks = std::max<Index>(1, parts(terms, grid.chunk));
    return grid;
}

/// Brings a sum to its place.
template <class T>
struct SumTarget {
    Walk kept;  ///< the sums' axes
    double scale;
    GradientTarget<T> to;

    KASMINA_DEVICE void write(Index sum, double total) const {
        put(to, kept.at(static_cast<std::uint32_t>(sum)).to, static_cast<T>(scale * total));
    }
};

/// With one chunk the sums themselves, else partials[chunk][sum].
template <class T>
struct SumAxesKernel {
    static constexpr const char* name = "sum_axes";
    static constexpr int batch = 4;  ///< terms whose loads are under way together
    SumGrid grid;
    SumTarget<T> target;
    Walk summed;
    const T* from;
    double* partials;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index chunk = block.index() / grid.tiles;
        const Index tile = block.index() - chunk * grid.tiles;
        const int thread = block.thread();
        const int column = grid.sums_inside ? thread % grid.columns : thread / grid.rows;
        const int row = grid.sums_inside ? thread / grid.columns : thread % grid.rows;
        const Index sum = tile * grid.columns + column;
        const Index end = sum < grid.sums ? end_of(chunk) : 0;
        double total = 0.0;
        if (sum < grid.sums) {
            const T* first = from + target.kept.at(static_cast<std::uint32_t>(sum)).from;
            for (Index term = chunk * grid.chunk + row; term < end; term += batch * grid.rows) {
                T values[static_cast<unsigned>(batch)];
                KASMINA_DEVICE_UNROLL
                for (int k = 0; k < batch; ++k) {
                    const Index at = term + Index{k} * grid.rows;
                    values[k] =
                        at < end ? first[summed.at(static_cast<std::uint32_t>(at)).from] : T{0};
                }
                KASMINA_DEVICE_UNROLL
                for (int k = 0; k < batch; ++k) total += static_cast<double>(values[k]);
            }
        }
        const auto shared = block.template shared<double>(0, SumGrid::threads);
        shared[thread] = total;
        block.barrier();
        const int apart = grid.sums_inside ? grid.columns : 1;
        for (int half = grid.rows / 2; half > 0; half /= 2) {
            if (row < half) {
                total += shared[thread + half * apart];
                shared[thread] = total;
            }
            block.barrier();
        }
        if (row != 0 || sum >= grid.sums) return;
        if (partials != nullptr) {
            partials[chunk * grid.sums + sum] = total;
        } else {
            target.write(sum, total);
        }
    }

private:
    [[nodiscard]] KASMINA_DEVICE Index end_of(Index chunk) const {
        const Index end = (chunk + 1) * grid.chunk;
        return end < grid.terms ? end : grid.terms;
    }
};

/// The sums from the chunks' sums, one warp for each.
template <class T>
struct SumChunksKernel {
    static constexpr const char* name = "sum_chunks";
    SumTarget<T> target;
    Index sums;
    Index chunks;
    const double* partials;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index sum = warp_in_grid(block);
        if (sum >= sums) return;
        double total = 0.0;
        for (Index chunk = lane_of(block); chunk < chunks; chunk += warp_size) {
            total += partials[chunk * sums + sum];
        }
        total = warp_sum(block, total);
        if (lane_of(block) == 0) target.write(sum, total);
    }
};

}  // namespace kasmina::backends::cuda_detail
