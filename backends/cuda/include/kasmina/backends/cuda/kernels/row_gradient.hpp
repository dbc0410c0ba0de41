// Rows of a gradient: each look-up finds its place by counting, and the first of a row sums it.
#pragma once

#include <kasmina/requirements.hpp>

#include <algorithm>
#include <cstdint>

#include <kasmina/backend/row_gradient.hpp>
#include <kasmina/backends/cuda/device.hpp>
#include <kasmina/backends/cuda/kernels/embedding.hpp>
#include <kasmina/backends/cuda/kernels/storage.hpp>
#include <kasmina/backends/cuda/launch.hpp>

namespace kasmina::backends::cuda_detail {

/// A block has one look-up. Its place is the number of those that come before it in order of their
/// rows, which the threads count; where no other of the same row does, the block adds up all of
/// that row, in the order of the ids.
template <class T>
struct EmbeddingPullbackRowsKernel {
    static constexpr const char* name = "embedding_pullback_rows";
    static constexpr int threads = 128;
    static constexpr int shared_bytes = reduce_bytes<Index>(threads);
    static constexpr int columns = 8;  ///< sums that a thread keeps at once

    EmbeddingPullbackRows<T> call;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index mine = block.index();
        const Index row = row_of(mine);
        Index before = 0;
        Index same = 0;
        for (Index other = block.thread(); other < call.count; other += threads) {
            const Index its = row_of(other);
            before += its < row ? 1 : 0;
            same += its == row && other < mine ? 1 : 0;
        }
        const auto scratch = block.template shared<Index>(0, threads / warp_size);
        before = block_sum(block, before, scratch);
        same = block_sum(block, same, scratch);
        const Index place = before + same;
        const bool holds_row = same == 0 && row < call.rows;
        if (block.thread() == 0) {
            call.row_ids[place] = holds_row ? static_cast<std::int32_t>(row) : -1;
        }
        for (Index first = 0; first < call.width; first += threads * columns) {
            double sums[columns] = {};
            if (holds_row) add_all(block, first, mine, sums);
            for (int i = 0; i < columns; ++i) {
                const Index k = first + i * threads + block.thread();
                if (k < call.width) call.values[place * call.width + k] = static_cast<T>(sums[i]);
            }
        }
    }

private:
    /// Behind all rows for an id that is none.
    [[nodiscard]] KASMINA_DEVICE Index row_of(Index look_up) const {
        const std::int32_t id = call.ids[look_up];
        return id >= 0 && id < call.rows ? id : call.rows;
    }

    /// As the dense pullback does it, from the look-up `mine` on.
    template <Block B>
    KASMINA_DEVICE void add_all(B& block, Index first, Index mine, double (&sums)[columns]) const {
        auto asked = block.template shared<unsigned>(0, threads / warp_size);
        for (Index start = mine; start < call.count; start += threads) {
            const Index other = start + block.thread();
            const bool same = other < call.count && call.ids[other] == call.ids[mine];
            const unsigned lanes = block.ballot(same);
            if (lane_of(block) == 0) asked[warp_of(block)] = lanes;
            block.barrier();
            for (int warp = 0; warp < threads / warp_size; ++warp) {
                for (unsigned left = asked[warp]; left != 0; left &= left - 1) {
                    const Index from = start + warp * warp_size + lowest_bit(left);
                    for (int i = 0; i < columns; ++i) {
                        const Index k = first + i * threads + block.thread();
                        if (k >= call.width) continue;
                        sums[i] += static_cast<double>(call.grad_y[from * call.width + k]);
                    }
                }
            }
            block.barrier();
        }
    }
};

/// A block takes whole rows of the gradient.
template <class T>
struct RowsToDenseKernel {
    static constexpr const char* name = "rows_to_dense";

    RowsToDense<T> call;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const GradientRows<T>& from = call.gradient;
        for (Index place = block.index(); place < from.count; place += block.blocks()) {
            const std::int32_t row = from.ids[place];
            if (row < 0) continue;
            for (Index k = block.thread(); k < from.width; k += block.threads()) {
                call.dense[row * from.width + k] = from.values[place * from.width + k];
            }
        }
    }
};

/// A block takes whole rows of the gradient.
template <class T>
struct SgdRowKernel {
    static constexpr const char* name = "sgd_row_step";

    GradientRows<T> gradient;
    T* value;
    T rate;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        for (Index place = block.index(); place < gradient.count; place += block.blocks()) {
            const std::int32_t row = gradient.ids[place];
            if (row < 0) continue;
            for (Index k = block.thread(); k < gradient.width; k += block.threads()) {
                value[row * gradient.width + k] -=
                    rate * gradient.values[place * gradient.width + k];
            }
        }
    }
};

/// Capability: RowGradientBackend.
template <class T, class D>
struct RowGradients {
    using Context = typename D::Context;

    static void embedding_pullback_rows(Context& context, const EmbeddingPullbackRows<T>& call) {
        using Kernel = EmbeddingPullbackRowsKernel<T>;
        context.launch(Launch{call.count, Kernel::threads, Kernel::shared_bytes}, Kernel{call});
    }
    static void rows_to_dense(Context& context, const RowsToDense<T>& call) {
        const Index size = call.gradient.rows * call.gradient.width;
        Storage<T, D>::fill(context, call.dense, size, T{0});
        context.launch(a_block_for_each(call.gradient.count), RowsToDenseKernel<T>{call});
    }
    static void sgd_row_step(Context& context, const SgdRowStep<T>& step) {
        context.launch(
            a_block_for_each(step.gradient.count),
            SgdRowKernel<T>{step.gradient, step.value, static_cast<T>(step.learning_rate)});
    }

private:
    [[nodiscard]] static Launch a_block_for_each(Index places) {
        return {std::min<Index>(places, Index{1} << 20U), 128, 0};
    }
};

}  // namespace kasmina::backends::cuda_detail
