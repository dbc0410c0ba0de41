// Norms of many tensors: a sum of squares for each chunk, those added up in order, and clipping.
#pragma once

#include <kasmina/requirements.hpp>

#include <cmath>

#include <kasmina/backend/multi_tensor.hpp>
#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/kernels/multi_tensor/slice_table.hpp>
#include <kasmina/finite.hpp>

namespace kasmina::backends::cuda_detail {

/// partials[block] = the sum of squares of its chunk.
template <class T, class Slice>
struct PartialSquares {
    static constexpr const char* name = "partial_squares";

    SliceTable<Slice> table;
    double* partials;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const SliceChunk chunk = table.chunk(block.index());
        const T* data = table.slices[chunk.slice].data;
        double sum = 0.0;
        const auto add = [&](auto lanes, Index i) {
            constexpr int width = decltype(lanes)::value;
            const Lanes<T, width> values = load_lanes<width>(data + i);
            KASMINA_DEVICE_UNROLL
            for (int lane = 0; lane < width; ++lane) {
                const double value = static_cast<double>(values[lane]);
                sum += value * value;
            }
        };
        for_each_in_chunk<T>(block, chunk, aligned_for_vectors(data), add);
        sum = block_sum(block, sum, block.template shared<double>(0, warps_of(block)));
        if (block.thread() == 0) partials[block.index()] = sum;
    }
};

/// sums[slice] = the sum of the partial sums of its chunks: a block for each slice.
template <class Slice>
struct SumPartials {
    static constexpr const char* name = "sum_partials";
    static constexpr int threads = 128;

    int first_block[SliceTable<Slice>::most + 1];
    const double* partials;
    double* sums;

    SumPartials(const SliceTable<Slice>& table, const double* from, double* to)
        : partials(from), sums(to) {
        for (int i = 0; i <= table.used; ++i) first_block[i] = table.first_block[i];
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index end = first_block[block.index() + 1];
        double sum = 0.0;
        for (Index i = first_block[block.index()] + block.thread(); i < end; i += block.threads()) {
            sum += partials[i];
        }
        sum = block_sum(block, sum, block.template shared<double>(0, warps_of(block)));
        if (block.thread() == 0) sums[block.index()] = sum;
    }
};

/// The norm, and what the gradients are multiplied by: 1 where they stay as they are.
struct ClipFactor {
    static constexpr const char* name = "clip_factor";
    static constexpr int threads = 256;

    const double* partials;
    Index count;
    double max_norm;
    double* norm;
    double* factor;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        double sum = 0.0;
        for (Index i = block.thread(); i < count; i += block.threads()) sum += partials[i];
        sum = block_sum(block, sum, block.template shared<double>(0, warps_of(block)));
        if (block.thread() != 0) return;
        const double total = std::sqrt(sum);
        *norm = total;
        const double clipped = max_norm / (total + 1e-6);
        *factor = is_finite(total) && clipped < 1.0 ? clipped : 1.0;
    }
};

template <class T>
struct ScaleGradients {
    static constexpr const char* name = "scale_gradients";

    SliceTable<GradientSlice<T>> table;
    const double* factor;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        if (*factor == 1.0) return;
        const T scale = static_cast<T>(*factor);
        const SliceChunk chunk = table.chunk(block.index());
        T* data = table.slices[chunk.slice].data;
        const auto multiply = [&](auto lanes, Index i) {
            constexpr int width = decltype(lanes)::value;
            Lanes<T, width> values = load_lanes<width>(static_cast<const T*>(data) + i);
            KASMINA_DEVICE_UNROLL
            for (int lane = 0; lane < width; ++lane) values[lane] *= scale;
            store_lanes(data + i, values);
        };
        for_each_in_chunk<T>(block, chunk, aligned_for_vectors(data), multiply);
    }
};

}  // namespace kasmina::backends::cuda_detail
