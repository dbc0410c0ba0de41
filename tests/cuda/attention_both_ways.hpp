// Attention both ways: one call of the kernels forward, and two of those that pull back.
#pragma once

#include <kasmina/backend/attention.hpp>

#include "conformance/support.hpp"

namespace kasmina::conformance {

/// Rows of all heads side by side, as a projection leaves them: `row` numbers from row to row.
[[nodiscard]] inline AttentionLayout layout_of(const AttentionShape& shape, Index rows, Index row) {
    return {.batch = rows * row, .head = shape.head_size, .row = row};
}

/// Both ways on three projections in one, with the mask's tiles or without.
template <class B, class Mask, class Score>
void attend(Run<B>& run, const AttentionShape& shape, const Mask& mask, const Score& score,
            bool classified) {
    using T = typename B::Scalar;
    const Index width = shape.heads * shape.head_size;
    const Index queries = shape.batch * shape.queries * width;
    const Index keys = shape.batch * shape.keys * 2 * width;
    const AttentionLayout q_layout = layout_of(shape, shape.queries, width);
    const AttentionLayout k_layout = layout_of(shape, shape.keys, 2 * width);
    MaskTiles tiles;
    if (classified) {
        AttentionShape planes = shape;
        planes.batch = planes.heads = 1;
        auto* kinds = run.integers_out(shape.query_tiles() * shape.key_tiles());
        B::classify_mask(run.context, mask,
                         {.shape = planes, .kinds = kinds, .blind = run.integers_out(1)});
        tiles = {.kinds = kinds};
    }
    const T* q = run.in(normal(queries, 1));
    const T* keys_and_values = run.in(normal(keys, 2));
    auto* y = run.out(queries);
    auto* log_sum_exp = run.out(shape.batch * shape.heads * shape.queries);
    B::attention(run.context, mask, score,
                 {.shape = shape,
                  .scale = 0.5,
                  .tiles = tiles,
                  .q_layout = q_layout,
                  .k_layout = k_layout,
                  .v_layout = k_layout,
                  .y_layout = q_layout,
                  .q = q,
                  .k = keys_and_values,
                  .v = keys_and_values + width,
                  .y = y,
                  .log_sum_exp = log_sum_exp});
    for (const bool accumulate : {false, true}) {
        auto* gradients = run.inout(normal(keys, 5));
        B::attention_pullback(run.context, mask, score,
                              {.shape = shape,
                               .scale = 0.5,
                               .tiles = tiles,
                               .q_layout = q_layout,
                               .k_layout = k_layout,
                               .v_layout = k_layout,
                               .y_layout = q_layout,
                               .q = q,
                               .k = keys_and_values,
                               .v = keys_and_values + width,
                               .y = y,
                               .log_sum_exp = log_sum_exp,
                               .grad_y = run.in(normal(queries, 3)),
                               .grad_q = run.target(queries, accumulate),
                               .grad_k = {gradients, accumulate},
                               .grad_v = {gradients + width, accumulate}});
    }
}

}  // namespace kasmina::conformance
