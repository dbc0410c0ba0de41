// Attention: a head at a time with its whole matrix of probabilities, as the formula reads.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <kasmina/backend/attention.hpp>
#include <kasmina/backends/xtensor/context.hpp>
#include <kasmina/backends/xtensor/view.hpp>
#include <kasmina/pointwise/dual.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: AttentionBackend.
template <class T>
struct Attentions {
    using Matrix = xt::xtensor<T, 2>;

    template <class Mask>
    static void classify_mask(Context&, const Mask& mask, const ClassifyMask& call) {
        const AttentionShape& shape = call.shape;
        constexpr Index tile = attention_tile;
        *call.blind = no_blind_query;
        const Index planes = shape.batch * shape.heads;
        for (Index plane = 0; plane < planes; ++plane) {
            const auto keeps = [&](Index i, Index j) {
                return mask(plane / shape.heads, plane % shape.heads, i + shape.query_offset, j);
            };
            for (Index i = 0; i < shape.queries; ++i) {
                bool sees = false;
                for (Index j = 0; j < shape.keys; ++j) sees = sees || keeps(i, j);
                if (!sees) {
                    const auto place = static_cast<std::int32_t>(plane * shape.queries + i);
                    *call.blind = std::min(*call.blind, place);
                }
            }
            std::int32_t* kind = call.kinds + plane * shape.query_tiles() * shape.key_tiles();
            for (Index row = 0; row < shape.queries; row += tile) {
                for (Index column = 0; column < shape.keys; column += tile, ++kind) {
                    bool any = false;
                    bool all = true;
                    for (Index i = row; i < std::min(row + tile, shape.queries); ++i) {
                        for (Index j = column; j < std::min(column + tile, shape.keys); ++j) {
                            any = any || keeps(i, j);
                            all = all && keeps(i, j);
                        }
                    }
                    *kind = static_cast<std::int32_t>(all   ? TileKind::full
                                                      : any ? TileKind::partial
                                                            : TileKind::empty);
                }
            }
        }
    }

    template <class Mask, class Score>
    static void attention(Context&, const Mask& mask, const Score& score,
                          const Attention<T>& call) {
        const AttentionShape& shape = call.shape;
        for_each_head(shape, [&](Index batch, Index head, Index plane) {
            const auto q = rows(call.q, call.q_layout, batch, head, shape.queries, shape);
            const auto k = rows(call.k, call.k_layout, batch, head, shape.keys, shape);
            const auto v = rows(call.v, call.v_layout, batch, head, shape.keys, shape);
            for (Index i = 0; i < shape.queries; ++i) {
                const auto [probability, log_sum] = probabilities(
                    softmax_row(mask, score, call.scale, shape, batch, head, q, k, i));
                for (Index c = 0; c < shape.head_size; ++c) {
                    T sum{0};
                    for (Index j = 0; j < shape.keys; ++j) sum += probability(j) * v(j, c);
                    call.y[batch * call.y_layout.batch + head * call.y_layout.head +
                           i * call.y_layout.row + c] = sum;
                }
                if (call.log_sum_exp != nullptr) {
                    call.log_sum_exp[plane * shape.queries + i] = log_sum;
                }
            }
        });
    }

    template <class Mask, class Score>
    static void attention_pullback(Context&, const Mask& mask, const Score& score,
                                   const AttentionPullback<T>& call) {
        const AttentionShape& shape = call.shape;
        for_each_head(shape, [&](Index batch, Index head, Index) {
            const auto q = rows(call.q, call.q_layout, batch, head, shape.queries, shape);
            const auto k = rows(call.k, call.k_layout, batch, head, shape.keys, shape);
            const auto v = rows(call.v, call.v_layout, batch, head, shape.keys, shape);
            const auto gradient =
                rows(call.grad_y, call.y_layout, batch, head, shape.queries, shape);
            Matrix grad_q = xt::zeros<T>(q.shape());
            Matrix grad_k = xt::zeros<T>(k.shape());
            Matrix grad_v = xt::zeros<T>(v.shape());
            for (Index i = 0; i < shape.queries; ++i) {
                const Row row = softmax_row(mask, score, call.scale, shape, batch, head, q, k, i);
                const auto probability = probabilities(row).first;
                xt::xtensor<T, 1> along = xt::zeros<T>({static_cast<std::size_t>(shape.keys)});
                T mean{0};
                for (Index j = 0; j < shape.keys; ++j) {
                    for (Index c = 0; c < shape.head_size; ++c) {
                        along(j) += gradient(i, c) * v(j, c);
                        grad_v(j, c) += probability(j) * gradient(i, c);
                    }
                    mean += probability(j) * along(j);
                }
                for (Index j = 0; j < shape.keys; ++j) {
                    const T slope = probability(j) * (along(j) - mean) * row.slope(j) *
                                    static_cast<T>(call.scale);
                    for (Index c = 0; c < shape.head_size; ++c) {
                        grad_q(i, c) += slope * k(j, c);
                        grad_k(j, c) += slope * q(i, c);
                    }
                }
            }
            put_rows(call.grad_q, call.q_layout, batch, head, grad_q);
            put_rows(call.grad_k, call.k_layout, batch, head, grad_k);
            put_rows(call.grad_v, call.v_layout, batch, head, grad_v);
        });
    }

private:
    /// The scores of one query, which of them count, and their derivatives with respect to the
    /// scaled products.
    struct Row {
        xt::xtensor<T, 1> score;
        xt::xtensor<T, 1> slope;
        xt::xtensor<bool, 1> seen;
    };

    template <class F>
    static void for_each_head(const AttentionShape& shape, F&& f) {
        for (Index batch = 0; batch < shape.batch; ++batch) {
            for (Index head = 0; head < shape.heads; ++head) {
                f(batch, head, batch * shape.heads + head);
            }
        }
    }

    [[nodiscard]] static Matrix rows(const T* data, const AttentionLayout& layout, Index batch,
                                     Index head, Index count, const AttentionShape& shape) {
        Matrix matrix = xt::zeros<T>(
            {static_cast<std::size_t>(count), static_cast<std::size_t>(shape.head_size)});
        const T* from = data + batch * layout.batch + head * layout.head;
        for (Index i = 0; i < count; ++i) {
            for (Index c = 0; c < shape.head_size; ++c) matrix(i, c) = from[i * layout.row + c];
        }
        return matrix;
    }

    static void put_rows(const GradientTarget<T>& target, const AttentionLayout& layout,
                         Index batch, Index head, const Matrix& gradient) {
        if (!target) return;
        T* const to = target.data + batch * layout.batch + head * layout.head;
        for (Index i = 0; i < static_cast<Index>(gradient.shape(0)); ++i) {
            for (Index c = 0; c < static_cast<Index>(gradient.shape(1)); ++c) {
                T& place = to[i * layout.row + c];
                place = target.accumulate ? place + gradient(i, c) : gradient(i, c);
            }
        }
    }

    template <class Mask, class Score>
    [[nodiscard]] static Row softmax_row(const Mask& mask, const Score& score, double scale,
                                         const AttentionShape& shape, Index batch, Index head,
                                         const Matrix& q, const Matrix& k, Index i) {
        using Number = Dual<T, 1>;
        const auto keys = static_cast<std::size_t>(shape.keys);
        Row row{xt::zeros<T>({keys}), xt::zeros<T>({keys}), xt::zeros<bool>({keys})};
        const Index position = i + shape.query_offset;
        for (Index j = 0; j < shape.keys; ++j) {
            T product{0};
            for (Index c = 0; c < shape.head_size; ++c) product += q(i, c) * k(j, c);
            const Number result =
                score(Number::variable(product * static_cast<T>(scale), 0), batch, head,
                      Number(static_cast<T>(position)), Number(static_cast<T>(j)));
            row.score(j) = result.value;
            row.slope(j) = result.derivatives[0];
            row.seen(j) = mask(batch, head, position, j);
        }
        return row;
    }

    /// The softmax of the scores that count, and the logarithm of its sum.
    [[nodiscard]] static std::pair<xt::xtensor<T, 1>, T> probabilities(const Row& row) {
        const auto keys = static_cast<Index>(row.score.size());
        T most = std::numeric_limits<T>::lowest();
        for (Index j = 0; j < keys; ++j) {
            if (row.seen(j)) most = std::max(most, row.score(j));
        }
        xt::xtensor<T, 1> probability = xt::zeros<T>(row.score.shape());
        T sum{0};
        for (Index j = 0; j < keys; ++j) {
            if (row.seen(j)) sum += probability(j) = std::exp(row.score(j) - most);
        }
        probability /= sum;
        return {probability, most + std::log(sum)};
    }
};

}  // namespace kasmina::backends::xtensor_detail
