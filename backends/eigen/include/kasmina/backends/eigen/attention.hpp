// Attention, forward: for each tile of queries the softmax runs along the tiles of keys.
#pragma once

#include <algorithm>
#include <cmath>

#include <kasmina/backend/attention.hpp>
#include <kasmina/backends/eigen/attention/blocks.hpp>
#include <kasmina/backends/eigen/attention/classify.hpp>
#include <kasmina/backends/eigen/attention/rule.hpp>
#include <kasmina/backends/eigen/attention/softmax.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/rows.hpp>

/// \file
/// The tiles are those of Dao et al., "FlashAttention" (2022), with the running softmax of Milakov
/// and Gimelshein (2018). A head's keys lie transposed in scratch, so that a register holds the
/// scores of neighbouring keys; a few rows of queries are taken through a tile at a time: scores,
/// softmax and the sum of values while all of it is in the cache. In a tile that the mask cuts,
/// each such group of rows goes only as far as one of them sees.
namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// The kind of a tile, as the call's map has it.
[[nodiscard]] inline TileKind tile_kind(const MaskTiles& tiles, const AttentionShape& shape,
                                        Index plane, Index query_tile, Index key_tile) {
    if (tiles.kinds == nullptr) return TileKind::partial;
    const Index at = plane / shape.heads * tiles.batch_stride +
                     plane % shape.heads * tiles.head_stride + query_tile * shape.key_tiles() +
                     key_tile;
    return static_cast<TileKind>(tiles.kinds[at]);
}

/// Where a head's rows begin.
[[nodiscard]] inline Index head_place(const AttentionLayout& layout, const AttentionShape& shape,
                                      Index plane) {
    return plane / shape.heads * layout.batch + plane % shape.heads * layout.head;
}

/// Room of a thread, in numbers: the parts one behind the other.
template <class T>
struct AttentionScratch {
    /// `query_tiles` is how many of them a thread takes together.
    AttentionScratch(const AttentionShape& shape, Index query_tiles)
        : width(packed_width<T>(shape.head_size)),
          key_tiles(query_tiles == 1 ? 1 : shape.key_tiles()),
          keys(key_tiles * attention_tile * shape.head_size),
          values(key_tiles * attention_tile * width) {}

    static constexpr Index block = attention_tile * attention_tile;
    /// Room of the factors of a group of rows, in whole registers.
    static constexpr Index group = tile_rows + lanes<T>;

    [[nodiscard]] Index size() const {
        return spaced<T>(keys + values + 2 * attention_tile * width + 2 * block +
                         attention_tile * (1 + lanes<T>)+group);
    }

    Index width;
    Index key_tiles;  ///< that are packed at a time; one where none is looked at twice
    Index keys;       ///< tiles of keys, transposed
    Index values;     ///< values, packed
};

/// Some tiles of queries of one head.
template <class T>
struct AttentionChunk {
    const Attention<T>& call;
    const AttentionRule<T>& rule;
    Index plane;
    Index first_tile;
    Index last_tile;

    static constexpr Index tile = attention_tile;

    /// Whether any of the queries looks at a tile.
    [[nodiscard]] bool wanted(Index key_tile) const {
        for (Index q = first_tile; q < last_tile; ++q) {
            if (tile_kind(call.tiles, call.shape, plane, q, key_tile) != TileKind::empty) {
                return true;
            }
        }
        return false;
    }

    void pack(Index key_tile, T* keys, T* values) const {
        const AttentionShape& shape = call.shape;
        const Index key = key_tile * tile;
        const Index count = std::min(tile, shape.keys - key);
        pack_transposed(call.k + head_place(call.k_layout, shape, plane) + key * call.k_layout.row,
                        call.k_layout.row, count, shape.head_size, keys);
        pack_rows(call.v + head_place(call.v_layout, shape, plane) + key * call.v_layout.row,
                  call.v_layout.row, count, shape.head_size, T{1}, values);
    }

    void run(const AttentionScratch<T>& room, T* scratch) const {
        const AttentionShape& shape = call.shape;
        T* const keys = scratch;
        T* const values = keys + room.keys;
        T* const queries = values + room.values;
        T* const sums = queries + tile * room.width;
        T* const scores = sums + tile * room.width;
        T* const kept = scores + room.block;
        T* const most = kept + room.block;
        T* const partial_sums = most + tile;
        T* const factors = partial_sums + tile * lanes<T>;
        const RunningRows<T> running{most, partial_sums};
        const bool all_at_once = room.key_tiles == shape.key_tiles();
        for (Index key_tile = 0; all_at_once && key_tile < room.key_tiles; ++key_tile) {
            if (!wanted(key_tile)) continue;
            pack(key_tile, keys + key_tile * tile * shape.head_size,
                 values + key_tile * tile * room.width);
        }
        const T* const q = call.q + head_place(call.q_layout, shape, plane);
        for (Index query_tile = first_tile; query_tile < last_tile; ++query_tile) {
            const Index query = query_tile * tile;
            const Index rows = std::min(tile, shape.queries - query);
            pack_rows(q + query * call.q_layout.row, call.q_layout.row, rows, shape.head_size,
                      static_cast<T>(call.scale), queries);
            running.clear(rows);
            std::fill_n(sums, rows * room.width, T{0});
            for (Index key_tile = 0; key_tile < shape.key_tiles(); ++key_tile) {
                const TileKind kind = tile_kind(call.tiles, shape, plane, query_tile, key_tile);
                if (kind == TileKind::empty) continue;
                const Index key = key_tile * tile;
                const Index packed = all_at_once ? key : 0;
                if (!all_at_once) pack(key_tile, keys, values);
                TileRows at{.batch = plane / shape.heads,
                            .head = plane % shape.heads,
                            .key = key,
                            .keys = std::min(tile, shape.keys - key)};
                const bool masked = kind == TileKind::partial || at.keys < tile;
                for (Index row = 0; row < rows; row += tile_rows) {
                    at.rows = std::min<Index>(tile_rows, rows - row);
                    at.position = query + row + shape.query_offset;
                    add_tile(at, masked, room.width, queries + row * room.width,
                             keys + packed * shape.head_size, values + packed * room.width,
                             sums + row * room.width, scores, kept, running.from(row), factors);
                }
            }
            write(query, rows, room.width, sums, running);
        }
    }

    void add_tile(const TileRows& at, bool masked, Index width, const T* queries, const T* keys,
                  const T* values, T* sums, T* scores, T* kept, const RunningRows<T>& running,
                  T* factors) const {
        Columns columns{0, tile};
        if (masked) columns = rule.keep(rule.mask, at, kept);
        if (columns.size() == 0) return;
        block_product<Start::zero>(at.rows, columns.size(), call.shape.head_size, queries, width,
                                   Constant<1>{}, keys + columns.begin, Constant<tile>{},
                                   scores + columns.begin, tile);
        if (rule.apply != nullptr) rule.apply(rule.score, at, columns, scores);
        if (masked) {
            soften<true>(at.rows, columns, kept, scores, running, factors);
        } else {
            soften<false>(at.rows, columns, kept, scores, running, factors);
        }
        const Index depth = std::min(columns.end, at.keys) - columns.begin;
        block_product<Start::scale>(at.rows, width, depth, scores + columns.begin, Constant<tile>{},
                                    Constant<1>{}, values + columns.begin * width, width, sums,
                                    width, factors);
    }

    void write(Index query, Index rows, Index width, const T* sums,
               const RunningRows<T>& running) const {
        const AttentionShape& shape = call.shape;
        T* const y = call.y + head_place(call.y_layout, shape, plane) + query * call.y_layout.row;
        for (Index r = 0; r < rows; ++r) {
            const T sum = running.sum(r);
            const T share = T{1} / sum;
            T* const to = y + r * call.y_layout.row;
            for_each_vector<T>(shape.head_size, [=](Index c, auto count) {
                store_lanes(to + c, load<Vector<T>>(sums + r * width + c) * share, count);
            });
            if (call.log_sum_exp == nullptr) continue;
            call.log_sum_exp[plane * shape.queries + query + r] = running.most[r] + std::log(sum);
        }
    }
};

/// One task for each head, or several where there are few heads: each packs the keys again.
template <class T>
void run_attention(Context& context, const AttentionRule<T>& rule, const Attention<T>& call) {
    const AttentionShape& shape = call.shape;
    constexpr Index enough = 32;
    const Index planes = shape.batch * shape.heads;
    if (planes == 0) return;
    const Index parts = std::min(ceil_div(enough, planes), ceil_div(shape.query_tiles(), Index{4}));
    const AttentionScratch<T> room(shape, ceil_div(shape.query_tiles(), parts));
    context.parallel_for_with_scratch<T>(planes * parts, room.size(), [&](Index chunk, T* scratch) {
        const Index plane = chunk / parts;
        const Index part = chunk % parts;
        AttentionChunk<T>{.call = call,
                          .rule = rule,
                          .plane = plane,
                          .first_tile = shape.query_tiles() * part / parts,
                          .last_tile = shape.query_tiles() * (part + 1) / parts}
            .run(room, scratch);
    });
}

template <class T, class Mask, class Score>
void attention(Context& context, const Mask& mask, const Score& score, const Attention<T>& call) {
    run_attention(context, attention_rule_of<T>(mask, score), call);
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
