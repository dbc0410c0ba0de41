// ConvLight: one 3x3 convolution beside the host.
#pragma once

#include <optional>
#include <string_view>

#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/blueprints/cnn/branch_end.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/nn/group_norm.hpp>

namespace kasmina::cnn {

struct ConvLightOptions {
    bool layer_scale = true;  ///< scale the branch per channel, from 0.1: a quiet birth (B-5)

    using Fields = reflect::List<&ConvLightOptions::layer_scale>;
};

/// y = x + relu(GN(conv3x3(x))).
struct ConvLight {
    static constexpr std::string_view name = "conv_light";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::layer_scale;
    using Needs =
        kasmina::Needs<capability::Pointwise, capability::Convolution, capability::GroupNorm>;

    using Options = ConvLightOptions;

    static constexpr void check(Index width, const Options& = {}) { require_width(name, width); }

    static constexpr Index parameter_count(Index width, const Options& options = {}) {
        check(width, options);
        return 9 * width * width + 2 * width + (options.layer_scale ? width : 0);
    }

    template <class B>
        requires Provides<B, Needs>
    struct Module : nn::Visitable<Module<B>> {
        nn::Conv2d<B> conv;
        nn::GroupNorm<B> norm;
        std::optional<Parameter<B>> scale;

        Module(typename B::Context& context, Index width, const Options& options,
               Generator& generator)
            : conv(context, width, width, 3, generator),
              norm(context, width),
              scale(layer_scale<B>(context, width, options.layer_scale)) {}

        [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
            return end_branch(pass, input, conv.forward(pass, input), norm, scale);
        }

        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"conv", &Module::conv}, nn::Member{"norm", &Module::norm},
                               nn::Member{"scale", &Module::scale});
        }
    };
};

}  // namespace kasmina::cnn
