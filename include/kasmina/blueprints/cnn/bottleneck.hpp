// Bottleneck: a 3x3 convolution on a narrowed map beside the host.
#pragma once

#include <algorithm>
#include <string_view>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/nn/group_norm.hpp>

namespace kasmina::cnn {

struct BottleneckOptions {
    Index reduction = 4;                ///< the inner width is width / reduction, at least 8
    bool zero_init_final_layer = true;  ///< `up` starts at 0 (quiet birth)

    using Fields =
        reflect::List<&BottleneckOptions::reduction, &BottleneckOptions::zero_init_final_layer>;
};

/// y = x + GN(up(relu(conv3x3(relu(down(x)))))) (He et al., "Deep residual learning", 2016). With
/// up = 0 the branch is GN(0) = its shift = 0: the identity. The first gradient through that
/// normalisation is 316 times as large as later ones (B-8).
struct Bottleneck {
    static constexpr std::string_view name = "bottleneck";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::zero_init_final_layer;
    static constexpr Index least_inner_width = 8;
    using Needs =
        kasmina::Needs<capability::Pointwise, capability::Convolution, capability::GroupNorm>;

    using Options = BottleneckOptions;

    static constexpr void check(Index width, const Options& options = {}) {
        require_width(name, width);
        require_at_least(name, "reduction", options.reduction, 1);
    }

    static constexpr Index inner_width(Index width, const Options& options) {
        check(width, options);
        return std::max(least_inner_width, width / options.reduction);
    }

    static constexpr Index parameter_count(Index width, const Options& options = {}) {
        const Index inner = inner_width(width, options);
        return 2 * width * inner + 9 * inner * inner + 2 * width;
    }

    template <class B>
        requires Provides<B, Needs>
    struct Module : nn::Visitable<Module<B>> {
        nn::Conv2d<B> down;
        nn::Conv2d<B> conv;
        nn::Conv2d<B> up;
        nn::GroupNorm<B> norm;

        Module(typename B::Context& context, Index width, const Options& options,
               Generator& generator)
            : down(context, width, inner_width(width, options), 1, generator),
              conv(context, inner_width(width, options), inner_width(width, options), 3, generator),
              up(context, inner_width(width, options), width, 1),
              norm(context, width) {
            if (!options.zero_init_final_layer) up.initialise(context, generator);
        }

        [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
            const Variable<B> narrow = ops::relu(down.forward(pass, input));
            const Variable<B> inner = ops::relu(conv.forward(pass, narrow));
            return norm.forward(pass, up.forward(pass, inner), {.residual = input});
        }

        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"down", &Module::down}, nn::Member{"conv", &Module::conv},
                               nn::Member{"up", &Module::up}, nn::Member{"norm", &Module::norm});
        }
    };
};

}  // namespace kasmina::cnn
