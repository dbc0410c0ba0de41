// Attention backwards: one pass over tiles of keys, one over tiles of queries; nobody else adds to
// a block's rows.
#pragma once

#include <kasmina/requirements.hpp>

#include <cmath>

#include <kasmina/backends/cuda/kernels/attention/tiles.hpp>
#include <kasmina/backends/cuda/kernels/reduction/partial_sums.hpp>
#include <kasmina/pointwise/dual.hpp>

/// \file
/// With p the probabilities, along[i][j] = <grad_y[i], v[j]> and mean[i] = <grad_y[i], y[i]>:
///
///     grad_v[j] = sum over i of p[i][j] * grad_y[i]
///     ds[i][j] = p[i][j] * (along[i][j] - mean[i]) * d score / d product * scale
///     grad_q[i] = sum over j of ds[i][j] * k[j],  grad_k[j] = sum over i of ds[i][j] * q[i]
namespace kasmina::backends::cuda_detail {

/// mean[plane][query] = <grad_y, y> of its row. One warp for each.
template <class T>
struct AttentionMeansKernel {
    static constexpr const char* name = "attention_means";
    AttentionPullback<T> call;
    T* means;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const AttentionShape& shape = call.shape;
        const Index row = warp_in_grid(block);
        if (row >= shape.batch * shape.heads * shape.queries) return;
        const Index plane = row / shape.queries;
        const Index batch = plane / shape.heads;
        const Index from = batch * call.y_layout.batch +
                           (plane - batch * shape.heads) * call.y_layout.head +
                           (row - plane * shape.queries) * call.y_layout.row;
        double sum = 0.0;
        for (Index c = lane_of(block); c < shape.head_size; c += warp_size) {
            sum +=
                static_cast<double>(call.y[from + c]) * static_cast<double>(call.grad_y[from + c]);
        }
        sum = warp_sum(block, sum);
        if (lane_of(block) == 0) means[row] = static_cast<T>(sum);
    }
};

/// What both passes have of one head, and what they make of a pair of a query and a key.
template <class T, class Mask, class Score>
struct AttentionBack {
    Mask mask;
    Score score;
    AttentionPullback<T> call;
    const T* means;
    bool whole;  ///< all operands can be read sixteen bytes at a time

    [[nodiscard]] KASMINA_DEVICE HeadRows<T> q(const AttentionPlace& place) const {
        return rows(call.q, call.q_layout, place, call.shape.queries);
    }
    [[nodiscard]] KASMINA_DEVICE HeadRows<T> k(const AttentionPlace& place) const {
        return rows(call.k, call.k_layout, place, call.shape.keys);
    }
    [[nodiscard]] KASMINA_DEVICE HeadRows<T> v(const AttentionPlace& place) const {
        return rows(call.v, call.v_layout, place, call.shape.keys);
    }
    [[nodiscard]] KASMINA_DEVICE HeadRows<T> grad_y(const AttentionPlace& place) const {
        return rows(call.grad_y, call.y_layout, place, call.shape.queries);
    }

    /// `product` becomes p, `along` becomes ds.
    KASMINA_DEVICE void differentiate(const HeadMask<Mask>& head_mask, TileKind kind,
                                      const AttentionPlace& place, Index query, Index key,
                                      T& product, T& along) const {
        if (!head_mask.sees(kind, query, key)) {
            product = T{0};
            along = T{0};
            return;
        }
        using Number = Dual<T, 1>;
        const T scale = static_cast<T>(call.scale);
        const Number result = score(Number::variable(product * scale, 0), place.batch, place.head,
                                    Number(static_cast<T>(query + call.shape.query_offset)),
                                    Number(static_cast<T>(key)));
        const Index row = place.plane * call.shape.queries + query;
        product = std::exp(result.value - call.log_sum_exp[row]);
        along = product * (along - means[row]) * result.derivatives[0] * scale;
    }

private:
    [[nodiscard]] KASMINA_DEVICE HeadRows<T> rows(const T* data, const AttentionLayout& layout,
                                                  const AttentionPlace& place, Index count) const {
        return HeadRows<T>::of(data, layout, place.batch, place.head, count, call.shape.head_size,
                               whole);
    }
};

/// The gradients of 64 keys and values.
template <class T, class Mask, class Score>
struct AttentionKeysKernel {
    static constexpr const char* name = "attention_pullback_keys";
    static constexpr int each = AttentionTiles::each;
    static constexpr int tile_bytes = AttentionTile<T, Vector<T>*>::bytes;
    AttentionBack<T, Mask, Score> back;

    [[nodiscard]] Launch launch() const {
        const AttentionShape& shape = back.call.shape;
        return {AttentionPlace::blocks(shape, shape.key_tiles()), AttentionTiles::threads,
                3 * tile_bytes};
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const AttentionShape& shape = back.call.shape;
        const AttentionPlace place = AttentionPlace::of(
            shape, block.index(), (shape.keys + attention_tile - 1) / attention_tile, false);
        const auto q = back.q(place);
        const auto k = back.k(place);
        const auto v = back.v(place);
        const auto grad_y = back.grad_y(place);
        const auto head_mask = HeadMask<Mask>::of(back.mask, shape, back.call.tiles, place);
        using Tile = AttentionTile<T, decltype(block.template shared<Vector<T>>(0, 1))>;
        const Tile left{block.template shared<Vector<T>>(0, Tile::vectors)};
        const Tile right{block.template shared<Vector<T>>(Tile::bytes, Tile::vectors)};
        const Tile weights{block.template shared<Vector<T>>(2 * Tile::bytes, Tile::vectors)};

        TileSums<T> grad_k;
        TileSums<T> grad_v;
        for (Index first_query = 0; first_query < shape.queries; first_query += attention_tile) {
            const TileKind kind = head_mask.kind(first_query, place.first_row);
            if (kind == TileKind::empty) continue;
            TileSums<T> products;
            TileSums<T> along;
            multiply_heads(block, k, place.first_row, q, first_query, left, right, false, products);
            multiply_heads(block, v, place.first_row, grad_y, first_query, left, right, false,
                           along);
            differentiate(block, head_mask, kind, place, first_query, products, along);
            block.barrier();
            weights.store(block.thread(), products);
            // Of a head of one chunk the gradients are there.
            if (shape.head_size > attention_tile) {
                grad_y.load(block.thread(), right, first_query, place.first_column);
            }
            block.barrier();
            multiply_columns(block.thread(), weights, right, grad_v);
            block.barrier();
            weights.store(block.thread(), along);
            q.load(block.thread(), right, first_query, place.first_column);
            block.barrier();
            multiply_columns(block.thread(), weights, right, grad_k);
        }
        put_head_rows(block.thread(), back.call.grad_k, back.call.k_layout, place, shape.keys,
                      shape.head_size, grad_k);
        put_head_rows(block.thread(), back.call.grad_v, back.call.v_layout, place, shape.keys,
                      shape.head_size, grad_v);
    }

private:
    template <Block B>
    KASMINA_DEVICE void differentiate(const B& block, const HeadMask<Mask>& head_mask,
                                      TileKind kind, const AttentionPlace& place, Index first_query,
                                      TileSums<T>& products, TileSums<T>& along) const {
        const Index key = place.first_row + block.thread() / AttentionTiles::across;
        const Index query = first_query + block.thread() % AttentionTiles::across;
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < each; ++i) {
            KASMINA_DEVICE_UNROLL
            for (int j = 0; j < each; ++j) {
                back.differentiate(head_mask, kind, place, query + j * AttentionTiles::across,
                                   key + i * AttentionTiles::across, products.values[i][j],
                                   along.values[i][j]);
            }
        }
    }
};

/// The gradients of 64 queries.
template <class T, class Mask, class Score>
struct AttentionQueriesKernel {
    static constexpr const char* name = "attention_pullback_queries";
    static constexpr int each = AttentionTiles::each;
    static constexpr int tile_bytes = AttentionTile<T, Vector<T>*>::bytes;
    AttentionBack<T, Mask, Score> back;

    [[nodiscard]] Launch launch() const {
        const AttentionShape& shape = back.call.shape;
        return {AttentionPlace::blocks(shape, shape.query_tiles()), AttentionTiles::threads,
                3 * tile_bytes};
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const AttentionShape& shape = back.call.shape;
        const AttentionPlace place = AttentionPlace::of(
            shape, block.index(), (shape.queries + attention_tile - 1) / attention_tile, true);
        const auto q = back.q(place);
        const auto k = back.k(place);
        const auto v = back.v(place);
        const auto grad_y = back.grad_y(place);
        const auto head_mask = HeadMask<Mask>::of(back.mask, shape, back.call.tiles, place);
        using Tile = AttentionTile<T, decltype(block.template shared<Vector<T>>(0, 1))>;
        const Tile left{block.template shared<Vector<T>>(0, Tile::vectors)};
        const Tile right{block.template shared<Vector<T>>(Tile::bytes, Tile::vectors)};
        const Tile weights{block.template shared<Vector<T>>(2 * Tile::bytes, Tile::vectors)};

        TileSums<T> grad_q;
        for (Index first_key = 0; first_key < shape.keys; first_key += attention_tile) {
            const TileKind kind = head_mask.kind(place.first_row, first_key);
            if (kind == TileKind::empty) continue;
            TileSums<T> products;
            TileSums<T> along;
            multiply_heads(block, grad_y, place.first_row, v, first_key, left, right, false, along);
            multiply_heads(block, q, place.first_row, k, first_key, left, right, false, products);
            const Index query = place.first_row + block.thread() / AttentionTiles::across;
            const Index key = first_key + block.thread() % AttentionTiles::across;
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < each; ++i) {
                KASMINA_DEVICE_UNROLL
                for (int j = 0; j < each; ++j) {
                    back.differentiate(head_mask, kind, place, query + i * AttentionTiles::across,
                                       key + j * AttentionTiles::across, products.values[i][j],
                                       along.values[i][j]);
                }
            }
            block.barrier();
            weights.store(block.thread(), along);
            // Of a head of one chunk the keys are there.
            if (shape.head_size > attention_tile) {
                k.load(block.thread(), right, first_key, place.first_column);
            }
            block.barrier();
            multiply_columns(block.thread(), weights, right, grad_q);
        }
        put_head_rows(block.thread(), back.call.grad_q, back.call.q_layout, place, shape.queries,
                      shape.head_size, grad_q);
    }
};

}  // namespace kasmina::backends::cuda_detail
