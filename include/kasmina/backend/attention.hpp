// Attention: the capability to mix values by softmax(scores), in tiles and never as a whole matrix.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>

#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backend/mask_tile_cache.hpp>
#include <kasmina/tensor/index.hpp>

/// \file
/// For each batch element and head, with q, k, v the head's rows:
///
///     s[i][j] = score(scale * <q[i], k[j]>, batch, head, i + query_offset, j)
///     p[i][j] = exp(s[i][j]) / sum over the keys j that i sees of exp(s[i][j]), 0 for the others
///     y[i]    = sum over j of p[i][j] * v[j]
///
/// `mask` says which keys a query sees (attention/masks.hpp), `score` is a pointwise callable
/// (attention/scores.hpp). Of the probabilities only the logarithm of each row's sum is kept.
/// Query i stands at position i + query_offset of the keys.
namespace kasmina {

/// Rows and columns of a tile of the mask.
inline constexpr Index attention_tile = 64;

/// What a mask makes of a tile.
enum class TileKind : std::int32_t {
    empty = 0,    ///< no query sees any key: the tile costs nothing
    partial = 1,  ///< the mask is asked for each element
    full = 2,     ///< every query sees every key
};

struct AttentionShape {
    Index batch = 0;
    Index heads = 0;
    Index queries = 0;
    Index keys = 0;
    Index head_size = 0;
    Index query_offset = 0;

    [[nodiscard]] constexpr Index query_tiles() const noexcept {
        return (queries + attention_tile - 1) / attention_tile;
    }
    [[nodiscard]] constexpr Index key_tiles() const noexcept {
        return (keys + attention_tile - 1) / attention_tile;
    }
};

/// Where the rows of a head are: that of (batch, head, row) begins at data + batch * this->batch +
/// head * this->head + row * this->row, and its head_size numbers lie one after the other.
struct AttentionLayout {
    Index batch = 0;
    Index head = 0;
    Index row = 0;
};

/// The kinds of a mask's tiles, in the backend's memory: that of (batch, head, query tile, key
/// tile) is kinds[batch * batch_stride + head * head_stride + query tile * key_tiles + key tile], a
/// TileKind. Null where nobody has classified: then every tile is partial.
struct MaskTiles {
    const std::int32_t* kinds = nullptr;
    Index batch_stride = 0;
    Index head_stride = 0;
};

/// Which query sees no key: none.
inline constexpr std::int32_t no_blind_query = std::numeric_limits<std::int32_t>::max();

/// Classifies the tiles of a mask for `batch` * `heads` planes of queries x keys; `shape` has 1 for
/// what the mask does not depend on, and its head_size is not read. `kinds` (batch, heads, query
/// tiles, key tiles) gets a TileKind each, the one number at `blind` the least (batch * heads +
/// head) * queries + query of a query that sees no key, or no_blind_query.
struct ClassifyMask {
    AttentionShape shape{};
    std::int32_t* kinds = nullptr;
    std::int32_t* blind = nullptr;
};

/// y, and the logarithm of each query's sum, log_sum_exp (batch, heads, queries), which the way
/// back needs; null where nobody wants it. Each query sees a key.
template <class T>
struct Attention {
    AttentionShape shape{};
    double scale = 1.0;
    MaskTiles tiles{};
    AttentionLayout q_layout{};
    AttentionLayout k_layout{};
    AttentionLayout v_layout{};
    AttentionLayout y_layout{};
    const T* q = nullptr;
    const T* k = nullptr;
    const T* v = nullptr;
    T* y = nullptr;
    T* log_sum_exp = nullptr;
};

/// The gradients of q, k and v, those that are wanted, each in the layout of its operand. grad_y
/// has that of y.
template <class T>
struct AttentionPullback {
    AttentionShape shape{};
    double scale = 1.0;
    MaskTiles tiles{};
    AttentionLayout q_layout{};
    AttentionLayout k_layout{};
    AttentionLayout v_layout{};
    AttentionLayout y_layout{};
    const T* q = nullptr;
    const T* k = nullptr;
    const T* v = nullptr;
    const T* y = nullptr;
    const T* log_sum_exp = nullptr;
    const T* grad_y = nullptr;
    GradientTarget<T> grad_q{};
    GradientTarget<T> grad_k{};
    GradientTarget<T> grad_v{};
};

namespace detail {

/// Stand for any mask and any score in the concept below.
struct AnyMask {
    constexpr bool operator()(Index, Index, Index query, Index key) const { return key <= query; }
};
struct AnyScore {
    template <class V>
    constexpr V operator()(const V& score, Index, Index, const V&, const V&) const {
        return score;
    }
};

}  // namespace detail

/// Masks and scores are copied before a call returns; what a mask points to is read in order.
template <class B>
concept AttentionBackend = requires(typename B::Context& context, const detail::AnyMask& mask,
                                    const detail::AnyScore& score, const ClassifyMask& classify,
                                    const Attention<typename B::Scalar>& forward,
                                    const AttentionPullback<typename B::Scalar>& pullback) {
    B::classify_mask(context, mask, classify);
    B::attention(context, mask, score, forward);
    B::attention_pullback(context, mask, score, pullback);
    { context.mask_tiles() } -> std::same_as<MaskTileCache&>;
};

}  // namespace kasmina
