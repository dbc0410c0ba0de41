// LayerNorm: each row over the last dimension normalised, with scale and shift per channel.
#pragma once

#include <kasmina/autodiff/ops/group_norm.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/nn/initialise.hpp>
#include <kasmina/nn/visit.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::nn {

/// Layer normalisation of (..., channels) (Ba, Kiros and Hinton, "Layer normalization", 2016).
/// Scale ("weight") starts at 1, shift ("bias") at 0. ReLU and a residual sum are fused through the
/// options, which also have the epsilon: 1e-5, as in PyTorch.
template <GroupNormBackend B>
struct LayerNorm : Visitable<LayerNorm<B>> {
    Parameter<B> weight;
    Parameter<B> bias;

    /// Errors: OptionError below one channel.
    KASMINA_RARE LayerNorm(typename B::Context& context, Index channels)
        : weight(constant_parameter<B>(context,
                                       {checked_size("nn::LayerNorm", "channels", channels)}, 1.0)),
          bias(constant_parameter<B>(context, {channels}, 0.0)) {}

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input,
                                      const ops::GroupNormOptions<B>& options = {}) const {
        return ops::layer_norm(input, pass.parameter(weight), pass.parameter(bias), options);
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(Member{"weight", &LayerNorm::weight}, Member{"bias", &LayerNorm::bias});
    }
};

}  // namespace kasmina::nn
