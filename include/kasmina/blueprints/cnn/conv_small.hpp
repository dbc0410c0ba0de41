// ConvSmall: one 1x1 convolution beside the host, scaled per channel.
#pragma once

#include <string_view>

#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/nn/group_norm.hpp>

namespace kasmina::cnn {

/// y = x + g * relu(GN(conv1x1(x))), g per channel from 1e-3 on: within 1e-3 of the identity, with
/// a gradient for every parameter from the first step (B-8).
struct ConvSmall {
    static constexpr std::string_view name = "conv_small";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::built_in;
    using Needs =
        kasmina::Needs<capability::Pointwise, capability::Convolution, capability::GroupNorm>;

    struct Options {};

    static constexpr double scale_start = 1e-3;

    static constexpr void check(Index width, const Options& = {}) { require_width(name, width); }

    static constexpr Index parameter_count(Index width, const Options& options = {}) {
        check(width, options);
        return width * width + 3 * width;
    }

    template <class B>
        requires Provides<B, Needs>
    struct Module : nn::Visitable<Module<B>> {
        nn::Conv2d<B> conv;
        nn::GroupNorm<B> norm;
        Parameter<B> scale;

        Module(typename B::Context& context, Index width, const Options&, Generator& generator)
            : conv(context, width, width, 1, generator),
              norm(context, width),
              scale(nn::constant_parameter<B>(context, {width}, scale_start)) {}

        [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
            const Variable<B> branch =
                norm.forward(pass, conv.forward(pass, input), {.relu = true});
            return ops::add_scaled(input, pass.parameter(scale), branch);
        }

        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"conv", &Module::conv}, nn::Member{"norm", &Module::norm},
                               nn::Member{"scale", &Module::scale});
        }
    };
};

}  // namespace kasmina::cnn
