// SelfAttention: each position of a sequence looks at the others that a mask lets it see.
#pragma once

#include <string>

#include <kasmina/autodiff/ops/attention.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
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
/// is all you need", 2017). `Mask` says who sees whom (backend/attention.hpp).
template <class B, class Mask = attention::Causal>
struct SelfAttention : Visitable<SelfAttention<B, Mask>> {
    using Context = typename B::Context;

    Linear<B> qkv;   ///< rows of queries, then keys, then values
    Linear<B> proj;
    Index heads;
    Mask mask;

    /// Zero until initialised. Errors: OptionError for sizes below 1 and heads that do not divide
    /// the width.
    KASMINA_RARE SelfAttention(Context& context, Index width, Index how_many_heads, Mask who = {})
        : qkv(context, width, 3 * width),
          proj(context, width, width),
          heads(how_many_heads),
          mask(who) {
        require_heads("nn::SelfAttention", width, heads);
    }

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
        const Variable<B> projected = qkv.forward(pass, input);
        return proj.forward(pass, ops::attention(projected, heads, mask));
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(Member{"qkv", &SelfAttention::qkv},
                           Member{"proj", &SelfAttention::proj});
    }
};

}  // namespace kasmina::nn
