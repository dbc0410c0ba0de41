// ConvHeavy: two 3x3 convolutions beside the host.
#pragma once

#include <optional>
#include <string_view>

#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/blueprints/cnn/branch_end.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/nn/group_norm.hpp>

namespace kasmina::cnn {

struct ConvHeavyOptions {
    bool layer_scale = true;  ///< scale the branch per channel, from 0.1: a quiet birth (B-5)

    using Fields = reflect::List<&ConvHeavyOptions::layer_scale>;
};

/// y = x + relu(GN(conv3x3(relu(GN(conv3x3(x)))))).
struct ConvHeavy {
    static constexpr std::string_view name = "conv_heavy";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::layer_scale;
    using Needs =
        kasmina::Needs<capability::Pointwise, capability::Convolution, capability::GroupNorm>;

    using Options = ConvHeavyOptions;

    static constexpr void check(Index width, const Options& = {}) { require_width(name, width); }

    static constexpr Index parameter_count(Index width, const Options& options = {}) {
        check(width, options);
        return 18 * width * width + 4 * width + (options.layer_scale ? width : 0);
    }

    template <class B>
        requires Provides<B, Needs>
    struct Module : nn::Visitable<Module<B>> {
        nn::Conv2d<B> conv1;
        nn::GroupNorm<B> norm1;
        nn::Conv2d<B> conv2;
        nn::GroupNorm<B> norm2;
        std::optional<Parameter<B>> scale;

        Module(typename B::Context& context, Index width, const Options& options,
               Generator& generator)
            : conv1(context, width, width, 3, generator),
              norm1(context, width),
              conv2(context, width, width, 3, generator),
              norm2(context, width),
              scale(layer_scale<B>(context, width, options.layer_scale)) {}

        [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
            const Variable<B> inner =
                norm1.forward(pass, conv1.forward(pass, input), {.relu = true});
            return end_branch(pass, input, conv2.forward(pass, inner), norm2, scale);
        }

        [[nodiscard]] static constexpr auto members() {
            return nn::members(
                nn::Member{"conv1", &Module::conv1}, nn::Member{"norm1", &Module::norm1},
                nn::Member{"conv2", &Module::conv2}, nn::Member{"norm2", &Module::norm2},
                nn::Member{"scale", &Module::scale});
        }
    };
};

}  // namespace kasmina::cnn
