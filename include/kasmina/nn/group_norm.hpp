// GroupNorm: normalisation within a sample, with scale and shift per channel.
#pragma once

#include <kasmina/autodiff/ops/group_norm.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/nn/groups.hpp>
#include <kasmina/nn/initialise.hpp>
#include <kasmina/nn/visit.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::nn {

/// Group normalisation with groups(channels) groups. Scale ("weight") starts at 1, shift ("bias")
/// at 0. ReLU and a residual sum are fused through the options.
template <GroupNormBackend B>
struct GroupNorm : Visitable<GroupNorm<B>> {
    Parameter<B> weight;
    Parameter<B> bias;

    /// Errors: OptionError below one channel.
    KASMINA_RARE GroupNorm(typename B::Context& context, Index channels)
        : weight(constant_parameter<B>(context,
                                       {checked_size("nn::GroupNorm", "channels", channels)}, 1.0)),
          bias(constant_parameter<B>(context, {channels}, 0.0)) {}

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input,
                                      const ops::GroupNormOptions<B>& options = {}) const {
        return ops::group_norm(input, pass.parameter(weight), pass.parameter(bias),
                               groups(weight.size()), options);
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(Member{"weight", &GroupNorm::weight}, Member{"bias", &GroupNorm::bias});
    }
};

}  // namespace kasmina::nn
