// Attention: forwards in one pass over tiles, backwards in two, and the tiles of masks.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstdint>

#include <kasmina/backend/attention.hpp>
#include <kasmina/backends/cuda/buffer.hpp>
#include <kasmina/backends/cuda/kernels/attention/forward.hpp>
#include <kasmina/backends/cuda/kernels/attention/mask_tiles.hpp>
#include <kasmina/backends/cuda/kernels/attention/pullback.hpp>

namespace kasmina::backends::cuda_detail {

/// Capability: AttentionBackend. It multiplies in full at any precision.
template <class T, class D>
struct Attentions {
    using Context = typename D::Context;

    template <class Mask>
    static void classify_mask(Context& context, const Mask& mask, const ClassifyMask& call) {
        const MaskTilesKernel<Mask> tiles{mask, call};
        context.launch(tiles.launch(), tiles);
        using Blind = BlindQueriesKernel<Mask>;
        const Index blocks = Blind::blocks(call.shape);
        Scratch<std::int32_t, D> blind(context, blocks);
        context.launch({blocks, Blind::threads, Blind::shared_bytes},
                       Blind{mask, call, blind.data()});
        context.launch({1, warp_size, 0}, LeastBlindKernel{blind.data(), blocks, call.blind});
    }

    template <class Mask, class Score>
    static void attention(Context& context, const Mask& mask, const Score& score,
                          const Attention<T>& call) {
        const bool whole = in_vectors(call.shape, call.q, call.q_layout) &&
                           in_vectors(call.shape, call.k, call.k_layout) &&
                           in_vectors(call.shape, call.v, call.v_layout);
        const AttentionKernel<T, Mask, Score> kernel{mask, score, call, whole};
        context.launch(kernel.launch(), kernel);
    }

    template <class Mask, class Score>
    static void attention_pullback(Context& context, const Mask& mask, const Score& score,
                                   const AttentionPullback<T>& call) {
        if (!call.grad_q && !call.grad_k && !call.grad_v) return;
        const AttentionShape& shape = call.shape;
        const bool whole = in_vectors(shape, call.q, call.q_layout) &&
                           in_vectors(shape, call.k, call.k_layout) &&
                           in_vectors(shape, call.v, call.v_layout) &&
                           in_vectors(shape, call.grad_y, call.y_layout);
        const Index rows = shape.batch * shape.heads * shape.queries;
        Scratch<T, D> means(context, rows);
        context.launch(over_warps(rows), AttentionMeansKernel<T>{call, means.data()});
        const AttentionBack<T, Mask, Score> back{mask, score, call, means.data(), whole};
        if (call.grad_k || call.grad_v) {
            const AttentionKeysKernel<T, Mask, Score> kernel{back};
            context.launch(kernel.launch(), kernel);
        }
        if (call.grad_q) {
            const AttentionQueriesKernel<T, Mask, Score> kernel{back};
            context.launch(kernel.launch(), kernel);
        }
    }

private:
    /// Whether all rows of all heads can be read sixteen bytes at a time.
    [[nodiscard]] static bool in_vectors(const AttentionShape& shape, const T* data,
                                         const AttentionLayout& layout) {
        constexpr Index width = vector_width<T>;
        return aligned_for_vectors(data) && shape.head_size % width == 0 &&
               layout.batch % width == 0 && layout.head % width == 0 && layout.row % width == 0;
    }
};

}  // namespace kasmina::backends::cuda_detail
