// Attention forwards: a block has 64 queries of a head and goes through the keys, tile by tile.
#pragma once

#include <kasmina/requirements.hpp>

#include <cmath>

#include <kasmina/backends/cuda/kernels/attention/tiles.hpp>

namespace kasmina::backends::cuda_detail {

/// Each row keeps its greatest score so far and the sum of exponentials against it (Milakov and
/// Gimelshein, Online normalizer calculation for softmax, 2018; Dao et al., FlashAttention, 2022).
template <class T, class Mask, class Score>
struct AttentionKernel {
    static constexpr const char* name = "attention";
    static constexpr int each = AttentionTiles::each;
    static constexpr int tile_bytes = AttentionTile<T, Vector<T>*>::bytes;
    Mask mask;
    Score score;
    Attention<T> call;
    bool whole;  ///< q, k and v can be read sixteen bytes at a time

    [[nodiscard]] Launch launch() const {
        return {AttentionPlace::blocks(call.shape, call.shape.query_tiles()),
                AttentionTiles::threads, 3 * tile_bytes};
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const AttentionShape& shape = call.shape;
        const AttentionPlace place = AttentionPlace::of(
            shape, block.index(), (shape.queries + attention_tile - 1) / attention_tile, true);
        const auto q = HeadRows<T>::of(call.q, call.q_layout, place.batch, place.head,
                                       shape.queries, shape.head_size, whole);
        const auto k = HeadRows<T>::of(call.k, call.k_layout, place.batch, place.head, shape.keys,
                                       shape.head_size, whole);
        const auto v = HeadRows<T>::of(call.v, call.v_layout, place.batch, place.head, shape.keys,
                                       shape.head_size, whole);
        const auto head_mask = HeadMask<Mask>::of(mask, shape, call.tiles, place);
        using Tile = AttentionTile<T, decltype(block.template shared<Vector<T>>(0, 1))>;
        const Tile queries{block.template shared<Vector<T>>(0, Tile::vectors)};
        const Tile others{block.template shared<Vector<T>>(Tile::bytes, Tile::vectors)};
        const Tile weights{block.template shared<Vector<T>>(2 * Tile::bytes, Tile::vectors)};

        Rows rows;
        TileSums<T> sums;
        bool has_queries = false;
        for (Index first_key = 0; first_key < shape.keys; first_key += attention_tile) {
            const TileKind kind = head_mask.kind(place.first_row, first_key);
            if (kind == TileKind::empty) continue;
            TileSums<T> scores;
            multiply_heads(block, q, place.first_row, k, first_key, queries, others, has_queries,
                           scores);
            has_queries = true;
            to_weights(block, head_mask, kind, place, first_key, scores, rows, sums);
            block.barrier();
            weights.store(block.thread(), scores);
            v.load(block.thread(), others, first_key, place.first_column);
            block.barrier();
            multiply_columns(block.thread(), weights, others, sums);
        }
        finish(block, place, rows, sums);
    }

private:
    struct Rows {
        T greatest[static_cast<unsigned>(each)];
        T total[static_cast<unsigned>(each)];

        KASMINA_DEVICE Rows() {
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < each; ++i) {
                greatest[i] = std::numeric_limits<T>::lowest();
                total[i] = T{0};
            }
        }
    };

    /// The sixteen values of a row as one.
    template <Block B, class Combine>
    [[nodiscard]] static KASMINA_DEVICE T row_reduce(B& block, T value, Combine combine) {
        KASMINA_DEVICE_UNROLL
        for (int lanes = AttentionTiles::across / 2; lanes > 0; lanes /= 2) {
            value = combine(value, block.shuffle_xor(value, lanes));
        }
        return value;
    }

    /// Products become exponentials against the row's greatest score, and what was summed before
    /// counts against that.
    template <Block B>
    KASMINA_DEVICE void to_weights(B& block, const HeadMask<Mask>& head_mask, TileKind kind,
                                   const AttentionPlace& place, Index first_key,
                                   TileSums<T>& scores, Rows& rows, TileSums<T>& sums) const {
        const int row = block.thread() / AttentionTiles::across;
        const int column = block.thread() % AttentionTiles::across;
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < each; ++i) {
            const Index query = place.first_row + row + i * AttentionTiles::across;
            const T position = static_cast<T>(query + call.shape.query_offset);
            bool seen[static_cast<unsigned>(each)];
            T greatest = std::numeric_limits<T>::lowest();
            KASMINA_DEVICE_UNROLL
            for (int j = 0; j < each; ++j) {
                const Index key = first_key + column + j * AttentionTiles::across;
                seen[j] = head_mask.sees(kind, query, key);
                if (!seen[j]) continue;
                scores.values[i][j] = score(scores.values[i][j] * static_cast<T>(call.scale),
                                            place.batch, place.head, position, static_cast<T>(key));
                greatest = Greater{}(greatest, scores.values[i][j]);
            }
            greatest = Greater{}(rows.greatest[i], row_reduce(block, greatest, Greater{}));
            T total{0};
            KASMINA_DEVICE_UNROLL
            for (int j = 0; j < each; ++j) {
                scores.values[i][j] = seen[j] ? std::exp(scores.values[i][j] - greatest) : T{0};
                total += scores.values[i][j];
            }
            const T shrink = std::exp(rows.greatest[i] - greatest);
            rows.total[i] = rows.total[i] * shrink + row_reduce(block, total, Plus{});
            rows.greatest[i] = greatest;
            KASMINA_DEVICE_UNROLL
            for (int j = 0; j < each; ++j) sums.values[i][j] *= shrink;
        }
    }

    template <Block B>
    KASMINA_DEVICE void finish(const B& block, const AttentionPlace& place, const Rows& rows,
                               TileSums<T>& sums) const {
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < each; ++i) {
            KASMINA_DEVICE_UNROLL
            for (int j = 0; j < each; ++j) sums.values[i][j] /= rows.total[i];
            const Index query = place.first_row + block.thread() / AttentionTiles::across +
                                i * AttentionTiles::across;
            const bool leads = block.thread() % AttentionTiles::across == 0 &&
                               place.first_column == 0 && query < call.shape.queries;
            if (call.log_sum_exp == nullptr || !leads) continue;
            call.log_sum_exp[place.plane * call.shape.queries + query] =
                rows.greatest[i] + std::log(rows.total[i]);
        }
        put_head_rows(block.thread(), GradientTarget<T>{call.y, false}, call.y_layout, place,
                      call.shape.queries, call.shape.head_size, sums);
    }
};

}  // namespace kasmina::backends::cuda_detail
