// SliceTable: many tensors as one kernel sees them, each cut into chunks, a block for each chunk.
#pragma once

#include <kasmina/requirements.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

#include <kasmina/backends/cuda/block.hpp>
#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/launch.hpp>

namespace kasmina::backends::cuda_detail {

/// What a block does with a chunk.
inline constexpr int slice_threads = 256;
inline constexpr Index slice_chunk = 2048;

/// A chunk of slice `slice`, elements `begin` up to `end`.
struct SliceChunk {
    int slice = 0;
    Index begin = 0;
    Index end = 0;
};

/// Calls f(lanes, place) for the thread's share of a chunk: sixteen bytes at a time from the
/// chunk's beginning on where `vectors` says that this can be done, one number at a time for the
/// rest.
template <class T, Block B, class F>
KASMINA_DEVICE void for_each_in_chunk(const B& block, const SliceChunk& chunk, bool vectors,
                                      const F& f) {
    constexpr int width = vector_width<T>;
    Index whole = chunk.begin;
    if (vectors) {
        whole = chunk.end - (chunk.end - chunk.begin) % width;
        KASMINA_DEVICE_UNROLL
        for (int part = 0; part < slice_chunk / slice_threads / width; ++part) {
            const Index i = chunk.begin + (part * slice_threads + block.thread()) * width;
            if (i < whole) f(LaneCount<width>{}, i);
        }
    }
    for (Index i = whole + block.thread(); i < chunk.end; i += block.threads()) {
        f(LaneCount<1>{}, i);
    }
}

/// It is an argument of kernels, so it has room for as many slices as arguments may have bytes.
template <class Slice>
struct SliceTable {
    static constexpr std::size_t most = 3600 / (sizeof(Slice) + sizeof(int));

    Slice slices[most];
    int first_block[most + 1];
    int used = 0;

    explicit SliceTable(std::span<const Slice> given) : used(static_cast<int>(given.size())) {
        first_block[0] = 0;
        for (std::size_t i = 0; i < given.size(); ++i) {
            slices[i] = given[i];
            first_block[i + 1] = first_block[i] + static_cast<int>(blocks_of(given[i]));
        }
    }

    [[nodiscard]] static Index blocks_of(const Slice& slice) {
        return parts(slice.size, slice_chunk);
    }
    [[nodiscard]] Index blocks() const { return first_block[used]; }
    [[nodiscard]] Launch launch(int shared_bytes = 0) const {
        return {blocks(), slice_threads, shared_bytes};
    }

    /// The chunk of block `index`.
    [[nodiscard]] KASMINA_DEVICE SliceChunk chunk(Index index) const {
        int low = 0;
        int high = used;  // first_block[low] <= index < first_block[high]
        while (high - low > 1) {
            const int middle = (low + high) / 2;
            if (first_block[middle] <= index) {
                low = middle;
            } else {
                high = middle;
            }
        }
        const Index begin = (index - first_block[low]) * slice_chunk;
        const Index size = slices[low].size;
        return {low, begin, begin + slice_chunk < size ? begin + slice_chunk : size};
    }
};

}  // namespace kasmina::backends::cuda_detail
