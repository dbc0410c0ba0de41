// Depthwise: a depthwise-separable convolution beside the host.
#pragma once

#include <optional>
#include <string_view>

#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/blueprints/cnn/branch_end.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/nn/group_norm.hpp>

namespace kasmina::cnn {

struct DepthwiseOptions {
    bool layer_scale = true;  ///< scale the branch per channel, from 0.1: a quiet birth (B-5)

    using Fields = reflect::List<&DepthwiseOptions::layer_scale>;
};

/// y = x + relu(GN(conv1x1(depthwise3x3(x)))) (Howard et al., "MobileNets", 2017).
struct Depthwise {
    static constexpr std::string_view name = "depthwise";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::layer_scale;
    using Needs = kasmina::Needs<capability::Pointwise, capability::Convolution,
                                 capability::DepthwiseConvolution, capability::GroupNorm>;

    using Options = DepthwiseOptions;

    static constexpr void check(Index width, const Options& = {}) { require_width(name, width); }

    static constexpr Index parameter_count(Index width, const Options& options = {}) {
        check(width, options);
        return 9 * width + width * width + 2 * width + (options.layer_scale ? width : 0);
    }

    template <class B>
        requires Provides<B, Needs>
    struct Module : nn::Visitable<Module<B>> {
        nn::DepthwiseConv2d<B> depthwise;
        nn::Conv2d<B> pointwise;
        nn::GroupNorm<B> norm;
        std::optional<Parameter<B>> scale;

        Module(typename B::Context& context, Index width, const Options& options,
               Generator& generator)
            : depthwise(context, width, 3, generator),
              pointwise(context, width, width, 1, generator),
              norm(context, width),
              scale(layer_scale<B>(context, width, options.layer_scale)) {}

        [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
            const Variable<B> filtered = depthwise.forward(pass, input);
            return end_branch(pass, input, pointwise.forward(pass, filtered), norm, scale);
        }

        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"depthwise", &Module::depthwise},
                               nn::Member{"pointwise", &Module::pointwise},
                               nn::Member{"norm", &Module::norm},
                               nn::Member{"scale", &Module::scale});
        }
    };
};

}  // namespace kasmina::cnn
