// Attention: squeeze-and-excitation, a weight per sample and channel.
#pragma once

#include <algorithm>
#include <string_view>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/alias.hpp>
#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/nn/linear.hpp>

namespace kasmina::cnn {

struct AttentionOptions {
    Index reduction = 4;  ///< the hidden width is width / reduction, at least 1

    using Fields = reflect::List<&AttentionOptions::reduction>;
};

/// y = x * sigmoid(W2 relu(W1 mean(x)) + b2) (Hu et al., "Squeeze-and-excitation networks", 2018),
/// with W2 = 0 and b2 = 3 at the start: every channel at sigmoid(3) = 0.9526.
struct Attention {
    static constexpr std::string_view name = "attention";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;
    static constexpr double start_bias = 3.0;
    using Needs = kasmina::Needs<capability::Pointwise, capability::Matrix, capability::Pooling>;

    using Options = AttentionOptions;

    static constexpr void check(Index width, const Options& options = {}) {
        require_width(name, width);
        require_at_least(name, "reduction", options.reduction, 1);
    }

    static constexpr Index hidden_width(Index width, const Options& options) {
        check(width, options);
        return std::max(Index{1}, width / options.reduction);
    }

    static constexpr Index parameter_count(Index width, const Options& options = {}) {
        return 2 * width * hidden_width(width, options) + width;
    }

    template <class B>
        requires Provides<B, Needs>
    struct Module : nn::Visitable<Module<B>> {
        nn::Linear<B> reduce;
        nn::Linear<B> expand;

        Module(typename B::Context& context, Index width, const Options& options,
               Generator& generator)
            : reduce(context, width, hidden_width(width, options), generator, nn::Bias::absent),
              expand(context, hidden_width(width, options), width) {
            nn::fill(context, *expand.bias, start_bias);
        }

        [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
            const Variable<B> hidden = ops::relu(reduce.forward(pass, ops::mean_positions(input)));
            const Variable<B> weight = ops::sigmoid(expand.forward(pass, hidden));
            const Shape stretched{weight.shape()[0], 1, 1, weight.shape()[1]};
            return ops::multiply(input, ops::reshape(weight, stretched));
        }

        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"reduce", &Module::reduce},
                               nn::Member{"expand", &Module::expand});
        }
    };
};

}  // namespace kasmina::cnn
