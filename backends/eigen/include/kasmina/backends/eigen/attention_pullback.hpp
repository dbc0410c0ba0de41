// Attention, backward: one head a task, tile by tile of keys, probabilities computed again.
#pragma once

#include <algorithm>

#include <kasmina/backend/attention.hpp>
#include <kasmina/backends/eigen/attention.hpp>
#include <kasmina/backends/eigen/attention/blocks.hpp>
#include <kasmina/backends/eigen/attention/rule.hpp>
#include <kasmina/backends/eigen/attention/softmax.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// Room of a thread: queries, gradients of y and of queries of the whole head; of a tile of keys
/// what is read of it and what it gets; of a tile the probabilities and their gradients.
template <class T>
struct AttentionPullbackScratch {
    explicit AttentionPullbackScratch(const AttentionShape& shape)
        : width(packed_width<T>(shape.head_size)),
          head(shape.queries * width),
          transposed(attention_tile * shape.head_size),
          rows(attention_tile * width) {}

    static constexpr Index block = attention_tile * attention_tile;

    [[nodiscard]] Index size(Index queries) const {
        return spaced<T>(3 * head + queries + 2 * transposed + 3 * rows + 4 * block);
    }

    Index width;
    Index head;
    Index transposed;
    Index rows;
};

/// One head.
template <class T>
struct AttentionPullbackChunk {
    const AttentionPullback<T>& call;
    const AttentionRule<T>& rule;
    Index plane;
    Index width;
    T* queries;    ///< times the scale
    T* gradients;  ///< of y
    T* grad_queries;
    T* means;  ///< of each query: the product of y and its gradient
    T* keys_transposed;
    T* values_transposed;
    T* keys;
    T* grad_keys;
    T* grad_values;
    T* scores;  ///< then probabilities
    T* slopes;  ///< gradients of probabilities, then of products
    T* kept;
    T* derivatives;

    static constexpr Index tile = attention_tile;
    static constexpr Index most_groups = (attention_tile + tile_rows - 1) / tile_rows;

    void run() const {
        const AttentionShape& shape = call.shape;
        begin();
        for (Index key_tile = 0; key_tile < shape.key_tiles(); ++key_tile) {
            const Index key = key_tile * tile;
            const Index count = std::min(tile, shape.keys - key);
            std::fill_n(grad_keys, count * width, T{0});
            std::fill_n(grad_values, count * width, T{0});
            bool packed = false;
            for (Index query_tile = 0; query_tile < shape.query_tiles(); ++query_tile) {
                const TileKind kind = tile_kind(call.tiles, shape, plane, query_tile, key_tile);
                if (kind == TileKind::empty) continue;
                if (!packed) pack(key, count);
                packed = true;
                add_tile(query_tile * tile, key, count, kind == TileKind::partial || count < tile);
            }
            put(call.grad_k, call.k_layout, key, count, grad_keys, T{1});
            put(call.grad_v, call.v_layout, key, count, grad_values, T{1});
        }
        put(call.grad_q, call.q_layout, 0, shape.queries, grad_queries, static_cast<T>(call.scale));
    }

    void begin() const {
        const AttentionShape& shape = call.shape;
        const T* const q = call.q + head_place(call.q_layout, shape, plane);
        const Index y_place = head_place(call.y_layout, shape, plane);
        pack_rows(q, call.q_layout.row, shape.queries, shape.head_size, static_cast<T>(call.scale),
                  queries);
        pack_rows(call.grad_y + y_place, call.y_layout.row, shape.queries, shape.head_size, T{1},
                  gradients);
        for (Index i = 0; i < shape.queries; ++i) {
            means[i] = row_product(gradients + i * width, call.y + y_place + i * call.y_layout.row,
                                   shape.head_size);
        }
        std::fill_n(grad_queries, shape.queries * width, T{0});
    }

    void pack(Index key, Index count) const {
        const AttentionShape& shape = call.shape;
        const T* const k =
            call.k + head_place(call.k_layout, shape, plane) + key * call.k_layout.row;
        const T* const v =
            call.v + head_place(call.v_layout, shape, plane) + key * call.v_layout.row;
        pack_transposed(k, call.k_layout.row, count, shape.head_size, keys_transposed);
        pack_transposed(v, call.v_layout.row, count, shape.head_size, values_transposed);
        pack_rows(k, call.k_layout.row, count, shape.head_size, T{1}, keys);
    }

    void put(const GradientTarget<T>& target, const AttentionLayout& layout, Index row, Index rows,
             const T* packed, T factor) const {
        if (!target) return;
        put_rows(target, head_place(layout, call.shape, plane) + row * layout.row, layout.row, rows,
                 call.shape.head_size, packed, factor);
    }

    void add_tile(Index query, Index key, Index count, bool masked) const {
        const AttentionShape& shape = call.shape;
        const Index rows = std::min(tile, shape.queries - query);
        TileRows at{
            .batch = plane / shape.heads, .head = plane % shape.heads, .key = key, .keys = count};
        Columns seen[static_cast<std::size_t>(most_groups)];  // by each group of rows
        for (Index row = 0; row < rows; row += tile_rows) {
            at.rows = std::min<Index>(tile_rows, rows - row);
            at.position = query + row + shape.query_offset;
            seen[row / tile_rows] = add_rows(at, masked, query + row, row * tile);
        }
        for (Index j = 0; j < count; j += tile_rows) {
            const Index keys_here = std::min<Index>(tile_rows, count - j);
            Index first = rows;
            Index last = 0;
            for (Index row = 0; row < rows; row += tile_rows) {
                const Columns& columns = seen[row / tile_rows];
                if (columns.end <= j || columns.begin >= j + keys_here) continue;
                first = std::min(first, row);
                last = std::min(rows, row + tile_rows);
            }
            if (first >= last) continue;
            const Index from = (query + first) * width;
            if (call.grad_v) {
                block_product<Start::add>(keys_here, width, last - first, scores + first * tile + j,
                                          Constant<1>{}, Constant<tile>{}, gradients + from, width,
                                          grad_values + j * width, width);
            }
            if (call.grad_k) {
                block_product<Start::add>(keys_here, width, last - first, slopes + first * tile + j,
                                          Constant<1>{}, Constant<tile>{}, queries + from, width,
                                          grad_keys + j * width, width);
            }
        }
    }

    /// Probabilities and gradients of products for some rows, whose block begins at `block`; adds
    /// to the gradient of the queries.
    Columns add_rows(const TileRows& at, bool masked, Index query, Index block) const {
        const AttentionShape& shape = call.shape;
        T* const p = scores + block;
        T* const g = slopes + block;
        Columns columns{0, tile};
        if (masked) columns = rule.keep(rule.mask, at, kept);
        for (Index r = 0; r < at.rows && columns.size() < tile; ++r) {
            for (T* const to : {p + r * tile, g + r * tile}) {
                std::fill_n(to, columns.begin, T{0});
                std::fill_n(to + columns.end, tile - columns.end, T{0});
            }
        }
        if (columns.size() == 0) return columns;
        block_product<Start::zero>(
            at.rows, columns.size(), shape.head_size, queries + query * width, width, Constant<1>{},
            keys_transposed + columns.begin, Constant<tile>{}, p + columns.begin, tile);
        block_product<Start::zero>(at.rows, columns.size(), shape.head_size,
                                   gradients + query * width, width, Constant<1>{},
                                   values_transposed + columns.begin, Constant<tile>{},
                                   g + columns.begin, tile);
        const T* slope = nullptr;
        if (rule.differentiate != nullptr) {
            rule.differentiate(rule.score, at, columns, p, derivatives);
            slope = derivatives;
        }
        const T* const log_sums = call.log_sum_exp + plane * shape.queries + query;
        if (masked) {
            pull_back_softmax<true>(at.rows, columns, kept, log_sums, means + query, slope, p, g);
        } else {
            pull_back_softmax<false>(at.rows, columns, kept, log_sums, means + query, slope, p, g);
        }
        if (call.grad_q) {
            const Index depth = std::min(columns.end, at.keys) - columns.begin;
            block_product<Start::add>(at.rows, width, depth, g + columns.begin, Constant<tile>{},
                                      Constant<1>{}, keys + columns.begin * width, width,
                                      grad_queries + query * width, width);
        }
        return columns;
    }
};

template <class T>
void run_attention_pullback(Context& context, const AttentionRule<T>& rule,
                            const AttentionPullback<T>& call) {
    const AttentionShape& shape = call.shape;
    const AttentionPullbackScratch<T> room(shape);
    context.parallel_for_with_scratch<T>(
        shape.batch * shape.heads, room.size(shape.queries), [&](Index plane, T* scratch) {
            const auto take = [&scratch](Index size) {
                T* const part = scratch;
                scratch += size;
                return part;
            };
            AttentionPullbackChunk<T>{.call = call,
                                      .rule = rule,
                                      .plane = plane,
                                      .width = room.width,
                                      .queries = take(room.head),
                                      .gradients = take(room.head),
                                      .grad_queries = take(room.head),
                                      .means = take(shape.queries),
                                      .keys_transposed = take(room.transposed),
                                      .values_transposed = take(room.transposed),
                                      .keys = take(room.rows),
                                      .grad_keys = take(room.rows),
                                      .grad_values = take(room.rows),
                                      .scores = take(room.block),
                                      .slopes = take(room.block),
                                      .kept = take(room.block),
                                      .derivatives = take(room.block)}
                .run();
        });
}

template <class T, class Mask, class Score>
void attention_pullback(Context& context, const Mask& mask, const Score& score,
                        const AttentionPullback<T>& call) {
    run_attention_pullback(context, attention_rule_of<T>(mask, score), call);
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
