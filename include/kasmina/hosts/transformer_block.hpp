// TransformerBlock: attention and a small network, each behind a norm and beside the state.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/autodiff/ops/dropout.hpp>
#include <kasmina/autodiff/ops/linear_gelu.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/nn/initialise.hpp>
#include <kasmina/nn/layer_norm.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/nn/self_attention.hpp>
#include <kasmina/nn/visit.hpp>
#include <kasmina/reflect/enumerators.hpp>

namespace kasmina::hosts {

/// The deviation of GPT-2's initial values (Radford et al., "Language models are unsupervised
/// multitask learners", 2019).
inline constexpr double transformer_deviation = 0.02;

/// Which GELU: the exact one, or the approximation by tanh that GPT-2 was trained with.
enum class Gelu : std::uint8_t { exact, tanh };

[[nodiscard]] constexpr std::string_view name_of(Gelu gelu) noexcept {
    switch (gelu) {
        case Gelu::exact: return "exact";
        case Gelu::tanh: return "tanh";
    }
    return "(invalid)";
}

}  // namespace kasmina::hosts

template <>
struct kasmina::reflect::Enumerators<kasmina::hosts::Gelu> {
    static constexpr std::array all{kasmina::hosts::Gelu::exact, kasmina::hosts::Gelu::tanh};
};

namespace kasmina::hosts {

/// Linear to four times the width, GELU, and back.
template <class B>
struct TransformerMlp : nn::Visitable<TransformerMlp<B>> {
    static constexpr Index expansion = 4;

    nn::Linear<B> fc1;
    nn::Linear<B> fc2;
    Gelu gelu;

    KASMINA_RARE TransformerMlp(typename B::Context& context, Index width, Gelu kind)
        : fc1(context, width, expansion * width),
          fc2(context, expansion * width, width),
          gelu(kind) {}

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
        return fc2.forward(pass, gelu == Gelu::exact
                                     ? ops::linear_gelu(input, pass.parameter(fc1.weight),
                                                        pass.parameter(*fc1.bias))
                                     : ops::gelu_tanh(fc1.forward(pass, input)));
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(nn::Member{"fc1", &TransformerMlp::fc1},
                           nn::Member{"fc2", &TransformerMlp::fc2});
    }
};

/// x + dropout(attention(norm1(x))), and of that y: y + dropout(mlp(norm2(y))).
template <class B>
struct TransformerBlock : nn::Visitable<TransformerBlock<B>> {
    nn::LayerNorm<B> norm1;
    nn::SelfAttention<B> attention;
    nn::LayerNorm<B> norm2;
    TransformerMlp<B> mlp;
    double dropout;

    KASMINA_RARE TransformerBlock(typename B::Context& context, Index width, Index heads, Gelu gelu,
                                  double dropout_rate)
        : norm1(context, width),
          attention(context, width, heads),
          norm2(context, width),
          mlp(context, width, gelu),
          dropout(dropout_rate) {}

    /// Weights of GPT-2's deviation, uniform; biases at 0. The layers in front of a sum of `sums`
    /// branches start smaller, so that the sum does not grow with the depth.
    KASMINA_RARE void initialise(typename B::Context& context, Generator& generator, Index sums) {
        const double bound = std::sqrt(3.0) * transformer_deviation;
        const double in_sum = bound / std::sqrt(static_cast<double>(sums));
        nn::fill_uniform_within(context, attention.qkv.weight, bound, generator);
        nn::fill_uniform_within(context, attention.proj.weight, in_sum, generator);
        nn::fill_uniform_within(context, mlp.fc1.weight, bound, generator);
        nn::fill_uniform_within(context, mlp.fc2.weight, in_sum, generator);
    }

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
        const Variable<B> seen = attention.forward(pass, norm1.forward(pass, input));
        const Variable<B> state = ops::add(input, ops::dropout(pass, seen, dropout));
        const Variable<B> thought = mlp.forward(pass, norm2.forward(pass, state));
        return ops::add(state, ops::dropout(pass, thought, dropout));
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(nn::Member{"norm1", &TransformerBlock::norm1},
                           nn::Member{"attention", &TransformerBlock::attention},
                           nn::Member{"norm2", &TransformerBlock::norm2},
                           nn::Member{"mlp", &TransformerBlock::mlp});
    }
};

}  // namespace kasmina::hosts
