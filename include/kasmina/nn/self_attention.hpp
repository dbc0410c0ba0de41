// SelfAttention: each position of a sequence looks at the others that a mask lets it see.
#pragma once

#include <cmath>
#include <string_view>
#include <utility>

#include <kasmina/attention/masks.hpp>
#include <kasmina/attention/scores.hpp>
#include <kasmina/autodiff/ops/attention.hpp>
#include <kasmina/autodiff/ops/mask_tiles.hpp>
#include <kasmina/autodiff/ops/no_way_back.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/nn/key_value_cache.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/nn/visit.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::nn {

/// Errors: OptionError unless `heads` is 1 or more and divides `width`.
constexpr void require_heads(std::string_view where, Index width, Index heads) {
    if (heads >= 1 && width % heads == 0) return;
    throw OptionError("the heads do not divide the width", where,
                      "heads of 1 or more that divide " + std::to_string(width),
                      std::to_string(heads), "choose another number of heads, or another width");
}

/// (batch, time, width) to the same shape: queries, keys and values by one linear layer,
/// attention with so many heads, and a linear layer of what they found (Vaswani et al., "Attention
/// is all you need", 2017). `Mask` says who sees whom (attention/masks.hpp), `Score` what is done
/// to a score before the softmax (attention/scores.hpp).
template <class B, class Mask = masks::Causal, class Score = scores::None>
struct SelfAttention : Visitable<SelfAttention<B, Mask, Score>> {
    using Context = typename B::Context;

    Linear<B> qkv;  ///< rows of queries, then keys, then values
    Linear<B> proj;
    Index heads;
    Mask mask;
    Score score;

    /// Zero until initialised. Errors: OptionError for sizes below 1, heads that do not divide the
    /// width, and a score that does not fit.
    KASMINA_RARE SelfAttention(Context& context, Index width, Index how_many_heads, Mask who = {},
                               Score how = {})
        : qkv(context, checked_size("nn::SelfAttention", "width", width, 1, Index{1} << 24),
              3 * width),
          proj(context, width, width),
          heads(how_many_heads),
          mask(who),
          score(how) {
        require_heads("nn::SelfAttention", width, heads);
        if constexpr (requires { score.check(heads); }) score.check(heads);
    }

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
        const Variable<B> projected = qkv.forward(pass, input);
        return proj.forward(pass, pass.cache() == nullptr
                                      ? ops::attention(projected, heads, mask, score)
                                      : going_on(pass, projected));
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(Member{"qkv", &SelfAttention::qkv},
                           Member{"proj", &SelfAttention::proj});
    }

private:
    /// What the positions at hand see of themselves and of those that the cache holds.
    [[nodiscard]] Variable<B> going_on(Pass<B>& pass, const Variable<B>& projected) const {
        using Scalar = typename B::Scalar;
        KeyValueCache<B>& cache = *pass.cache();
        const Index batch = projected.shape()[0];
        const Index time = projected.shape()[1];
        const Index width = proj.weight.shape()[0];
        const Index size = width / heads;
        const Scalar* const q = projected.data();
        const AttentionShape shape{.batch = batch,
                                   .heads = heads,
                                   .queries = time,
                                   .keys = cache.filled() + time,
                                   .head_size = size,
                                   .query_offset = cache.filled()};
        const auto seen =
            ops::detail::classified<B>(pass.tape(), mask, shape, ops::detail::Lengths::passing);
        const auto& layer =
            cache.put(pass.context(), qkv.weight.state().get(), Shape{batch, time, width},
                      3 * width, q + width, q + 2 * width);
        const AttentionLayout held{.batch = cache.capacity() * width, .head = size, .row = width};
        auto output = pass.tape().acquire(batch * time * width);
        B::attention(pass.context(), mask, score,
                     Attention<Scalar>{
                         .shape = shape,
                         .scale = 1.0 / std::sqrt(static_cast<double>(size)),
                         .tiles = seen.tiles,
                         .q_layout = {.batch = time * 3 * width, .head = size, .row = 3 * width},
                         .k_layout = held,
                         .v_layout = held,
                         .y_layout = {.batch = time * width, .head = size, .row = width},
                         .q = q,
                         .k = layer.keys.data(),
                         .v = layer.values.data(),
                         .y = output.data()});
        return pass.tape().record(Shape{batch, time, width}, std::move(output), {projected},
                                  ops::NoWayBack{});
    }
};

}  // namespace kasmina::nn
