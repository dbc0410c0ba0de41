// attention: values mixed by the softmax of scores, under any mask and any function of the score.
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <kasmina/attention/scores.hpp>
#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/ops/mask_tiles.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/attention.hpp>
#include <kasmina/backend/offset_by.hpp>
#include <kasmina/check_option.hpp>
#include <kasmina/error.hpp>
#include <kasmina/pointwise/any_number.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::ops {

struct AttentionOptions {
    /// What the products are multiplied with; 1 / sqrt(head size) where nothing is said.
    std::optional<double> scale{};
    /// The position of the first query among the keys. Where nothing is said, the last query stands
    /// at the last key: those before it are a cache.
    std::optional<Index> query_offset{};
};

namespace detail {

/// Queries, keys and values: three variables, or one that holds them side by side.
template <class B>
struct AttentionInputs {
    Variable<B> q;
    std::optional<Variable<B>> k;
    std::optional<Variable<B>> v;
};

KASMINA_COLD [[noreturn]] inline void throw_heads(Index width, Index heads) {
    throw OptionError("the heads do not divide the width", "ops::attention",
                      "a divisor of " + std::to_string(width), std::to_string(heads),
                      "choose a number of heads that divides the width");
}

/// Errors: OptionError where the heads do not divide the width, and for an offset with which
/// positions cannot be counted.
[[nodiscard]] inline AttentionShape attention_shape(Index batch, Index queries, Index keys,
                                                    Index width, Index heads,
                                                    const AttentionOptions& options) {
    if (heads < 1 || width % heads != 0) throw_heads(width, heads);
    if (options.query_offset) {
        constexpr Index furthest = std::numeric_limits<std::int32_t>::max();
        static_cast<void>(checked_size("ops::attention", "query_offset", *options.query_offset,
                                       -furthest, furthest));
    }
    return {.batch = batch,
            .heads = heads,
            .queries = queries,
            .keys = keys,
            .head_size = width / heads,
            .query_offset = options.query_offset.value_or(keys - queries)};
}

/// The rows of heads in a tensor (batch, time, width) whose rows are `row` apart.
[[nodiscard]] constexpr AttentionLayout heads_of(const AttentionShape& shape, Index time,
                                                 Index row) noexcept {
    return {.batch = time * row, .head = shape.head_size, .row = row};
}

/// The call for those inputs, without memory to write to. Errors: ShapeError, OptionError.
template <class B>
[[nodiscard]] KASMINA_APART Attention<typename B::Scalar> attention_call(
    const AttentionInputs<B>& inputs, Index heads, const AttentionOptions& options) {
    using Scalar = typename B::Scalar;
    const Shape shape = inputs.q.shape();
    Attention<Scalar> call;
    if (!inputs.k) {
        require(shape.rank() == 3 && shape.back() % 3 == 0, "attention",
                "queries, keys and values side by side, (batch, time, 3 * width)", shape,
                "pass what a linear layer to 3 * width gave, or three variables");
        require_filled("attention", shape);
        const Index width = shape.back() / 3;
        call.shape = attention_shape(shape[0], shape[1], shape[1], width, heads, options);
        call.q_layout = heads_of(call.shape, shape[1], shape.back());
        call.k_layout = call.v_layout = call.q_layout;
        call.q = inputs.q.data();
        call.k = offset_by(call.q, width);
        call.v = offset_by(call.k, width);
    } else {
        require(shape.rank() == 3, "attention", "queries (batch, time, width)", shape,
                "pass rank 3");
        require_filled("attention", shape);
        const Shape keys = inputs.k->shape();
        require(keys.rank() == 3 && keys[0] == shape[0] && keys.back() == shape.back(), "attention",
                "keys (batch, time, width) of the queries' batch and width", keys,
                "pass keys that fit the queries");
        require_filled("attention", keys);
        require_shape("attention", "v", keys, inputs.v->shape());
        call.shape = attention_shape(shape[0], shape[1], keys[1], shape.back(), heads, options);
        call.q_layout = heads_of(call.shape, shape[1], shape.back());
        call.k_layout = call.v_layout = heads_of(call.shape, keys[1], keys.back());
        call.q = inputs.q.data();
        call.k = inputs.k->data();
        call.v = inputs.v->data();
    }
    call.y_layout =
        heads_of(call.shape, call.shape.queries, call.shape.heads * call.shape.head_size);
    if (options.scale) {
        check_option("ops::attention", "scale", *options.scale,
                     OptionRange::any().as<typename B::Scalar>());
    }
    call.scale = options.scale.value_or(1.0 / std::sqrt(static_cast<double>(call.shape.head_size)));
    return call;
}

/// The way back's call, with what is wanted; what is to be added to a place twice is put beside.
template <class B>
struct AttentionGradients {
    AttentionPullback<typename B::Scalar> call;
    std::array<typename Tape<B>::Buffer, 3> beside{};
    std::array<GradientTarget<typename B::Scalar>, 3> added{};
    Index elements = 0;
};

template <class B>
[[nodiscard]] KASMINA_APART AttentionGradients<B> attention_gradients(
    Tape<B>& tape, const AttentionInputs<B>& inputs, const Attention<typename B::Scalar>& forward,
    const Variable<B>& y, const Upstream<B>& upstream) {
    using Scalar = typename B::Scalar;
    AttentionGradients<B> result{.call = {.shape = forward.shape,
                                          .scale = forward.scale,
                                          .tiles = forward.tiles,
                                          .q_layout = forward.q_layout,
                                          .k_layout = forward.k_layout,
                                          .v_layout = forward.v_layout,
                                          .y_layout = forward.y_layout,
                                          .q = forward.q,
                                          .k = forward.k,
                                          .v = forward.v,
                                          .y = y.data(),
                                          .log_sum_exp = forward.log_sum_exp,
                                          .grad_y = upstream.data()}};
    AttentionPullback<Scalar>& call = result.call;
    call.grad_q = tape.gradient_target(inputs.q);
    if (!inputs.k) {
        if (call.grad_q) {
            const Index width = forward.shape.heads * forward.shape.head_size;
            call.grad_k = {call.grad_q.data + width, call.grad_q.accumulate};
            call.grad_v = {call.grad_k.data + width, call.grad_q.accumulate};
        }
        return result;
    }
    call.grad_k = tape.gradient_target(*inputs.k);
    call.grad_v = tape.gradient_target(*inputs.v);
    const std::array<GradientTarget<Scalar>*, 3> targets{&call.grad_q, &call.grad_k, &call.grad_v};
    for (std::size_t i = 1; i < targets.size(); ++i) {
        for (std::size_t earlier = 0; earlier < i; ++earlier) {
            if (!*targets[i] || targets[earlier]->data != targets[i]->data) continue;
            result.elements = inputs.k->shape().elements();
            result.beside[i] = tape.acquire(result.elements);
            result.added[i] = std::exchange(*targets[i], {result.beside[i].data(), false});
        }
    }
    return result;
}

template <AttentionBackend B, class Mask, class Score>
struct AttentionOperation {
    AttentionInputs<B> inputs;
    Variable<B> y;
    typename Tape<B>::Buffer log_sum_exp;
    ClassifiedMask<B> mask_tiles;
    std::shared_ptr<const void> mask_memory;
    Attention<typename B::Scalar> forward;
    Mask mask;
    Score score;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        AttentionGradients<B> gradients = attention_gradients(tape, inputs, forward, y, upstream);
        const auto& call = gradients.call;
        if (forward.shape.batch == 0 || (!call.grad_q && !call.grad_k && !call.grad_v)) return;
        B::attention_pullback(tape.context(), mask, score, call);
        for (std::size_t i = 1; i < gradients.added.size(); ++i) {
            if (!gradients.added[i]) continue;
            B::add(tape.context(), gradients.beside[i].data(), gradients.added[i].data,
                   gradients.elements);
        }
    }
};

/// A mask as it is, or the one that keeps memory: what kernels get, and what it keeps.
template <class Mask>
[[nodiscard]] auto plain_mask(const Mask& mask) {
    if constexpr (requires { mask.plain(); }) {
        return mask.plain();
    } else {
        return mask;
    }
}

template <AttentionBackend B, class Mask, class Score>
[[nodiscard]] Variable<B> attend(AttentionInputs<B> inputs, Index heads, const Mask& given,
                                 const Score& score, const AttentionOptions& options) {
    using Scalar = typename B::Scalar;
    static_assert(
        requires(const AnyNumber& number) {
            { score(number, Index{}, Index{}, number, number) } -> std::same_as<AnyNumber>;
        },
        "a score is a const `template <class V> V operator()(const V& score, Index batch, "
        "Index head, const V& query, const V& key) const` of numbers of any kind "
        "(kasmina/pointwise/math.hpp)");
    Attention<Scalar> call = attention_call(inputs, heads, options);
    if constexpr (requires { score.check(heads); }) score.check(heads);
    const auto mask = plain_mask(given);
    using Plain = std::remove_const_t<decltype(mask)>;
    static_assert(AttentionMask<Plain>,
                  "AttentionMask: a mask is a trivially copyable callable `bool operator()(Index "
                  "batch, Index head, Index query, Index key) const`");
    std::shared_ptr<const void> mask_memory;
    if constexpr (requires { given.memory(); }) {
        given.check(call.shape);
        mask_memory = given.memory();
    }
    Tape<B>& tape = inputs.q.tape();
    const Shape result{call.shape.batch, call.shape.queries,
                       call.shape.heads * call.shape.head_size};
    bool wanted = inputs.q.requires_gradient();
    if (inputs.k) {
        wanted = wanted || inputs.k->requires_gradient() || inputs.v->requires_gradient();
    }
    auto output = tape.acquire(result.elements());
    ClassifiedMask<B> tiles;
    typename Tape<B>::Buffer log_sum_exp;
    if (call.shape.batch > 0) {
        tiles = classified<B>(tape, mask, call.shape);
        call.tiles = tiles.tiles;
        if (wanted) {
            log_sum_exp = tape.acquire(call.shape.batch * call.shape.heads * call.shape.queries);
            call.log_sum_exp = log_sum_exp.data();
        }
        call.y = output.data();
        B::attention(tape.context(), mask, score, call);
    }
    const Edge<B> q = inputs.q;
    const Edge<B> k = inputs.k ? inputs.k->edge() : q;
    const Edge<B> v = inputs.v ? inputs.v->edge() : q;
    return tape.record_with_output(result, std::move(output), {q, k, v}, [&](const Variable<B>& y) {
        return AttentionOperation<B, Plain, Score>{std::move(inputs),
                                                   y,
                                                   std::move(log_sum_exp),
                                                   std::move(tiles),
                                                   std::move(mask_memory),
                                                   call,
                                                   mask,
                                                   score};
    });
}

}  // namespace detail

/// Attention of `heads` heads over what one layer gave, (batch, time, 3 * width): queries, keys and
/// values side by side, the heads in each. Gives (batch, time, width). `mask` says which keys a
/// query sees (attention/masks.hpp, or a mask of ops/attention_masks.hpp, which keeps memory),
/// `score` what is done to a score before the softmax (attention/scores.hpp). Only the logarithms
/// of the softmax's sums are kept for the way back; tiles of the mask that nobody sees cost
/// nothing. Errors: ShapeError; OptionError when the heads do not divide the width, or when the
/// mask leaves a query nothing to see, for a scale that is not finite or an offset beyond 2^31, or
/// where the score does not fit.
template <AttentionBackend B, class Mask = masks::Causal, class Score = scores::None>
[[nodiscard]] Variable<B> attention(const Variable<B>& qkv, Index heads, const Mask& mask = {},
                                    const Score& score = {}, const AttentionOptions& options = {}) {
    return detail::attend<B>({qkv, std::nullopt, std::nullopt}, heads, mask, score, options);
}

/// The same of three variables: q (batch, queries, width), k and v (batch, keys, width).
template <AttentionBackend B, class Mask = masks::Causal, class Score = scores::None>
[[nodiscard]] Variable<B> attention(const Variable<B>& q, const Variable<B>& k,
                                    const Variable<B>& v, Index heads, const Mask& mask = {},
                                    const Score& score = {}, const AttentionOptions& options = {}) {
    return detail::attend<B>({q, k, v}, heads, mask, score, options);
}

}  // namespace kasmina::ops
