// Mlp: two dense layers with GELU between them beside the host, on the last dimension, for any
// topology.
#pragma once

#include <string_view>
#include <utility>

#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/autodiff/ops/linear.hpp>
#include <kasmina/autodiff/ops/linear_gelu.hpp>
#include <kasmina/autodiff/recompute.hpp>
#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/nn/linear.hpp>

namespace kasmina::shared {

template <Index DefaultExpansion>
struct MlpOptions {
    Index expansion = DefaultExpansion;  ///< the hidden width is expansion * width
    bool checkpointing = false;          ///< compute the hidden values again on the way back
    bool zero_init_final_layer = true;   ///< `fc2` starts at 0 (quiet birth)

    using Fields = reflect::List<&MlpOptions::expansion, &MlpOptions::checkpointing,
                                 &MlpOptions::zero_init_final_layer>;
};

/// y = x + fc2(gelu(fc1(x))), with the exact GELU (Hendrycks and Gimpel, 2016). `Kind` has the
/// `name`, the `topology` and the default `expansion` of a blueprint that is made of this.
template <class Kind>
struct Mlp {
    static constexpr std::string_view name = Kind::name;
    static constexpr Topology topology = Kind::topology;
    static constexpr QuietBirth quiet_birth = QuietBirth::zero_init_final_layer;
    using Needs = kasmina::Needs<capability::Pointwise, capability::Matrix>;

    using Options = MlpOptions<Kind::expansion>;

    static constexpr void check(Index width, const Options& options = {}) {
        require_width(name, width);
        require_between(name, "expansion", options.expansion, 1, 1024);
    }

    static constexpr Index parameter_count(Index width, const Options& options = {}) {
        check(width, options);
        return 2 * options.expansion * width * width + options.expansion * width + width;
    }

    template <class B>
        requires Provides<B, Needs>
    struct Module : nn::Visitable<Module<B>> {
        /// What it makes of a position depends on that position alone.
        static constexpr bool one_position_at_a_time = true;

        nn::Linear<B> fc1;
        nn::Linear<B> fc2;
        bool checkpointing;

        Module(typename B::Context& context, Index width, const Options& options,
               Generator& generator)
            : fc1(context, width, options.expansion * width, generator),
              fc2(context, options.expansion * width, width),
              checkpointing(options.checkpointing) {
            if (!options.zero_init_final_layer) fc2.initialise(context, generator);
        }

        [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
            Branch branch{handle(fc1.weight), handle(*fc1.bias), handle(fc2.weight),
                          handle(*fc2.bias)};
            if (!checkpointing) return ops::add(input, branch(pass, input));
            return ops::add(input, ops::recompute(pass, std::move(branch), input));
        }

        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"fc1", &Module::fc1}, nn::Member{"fc2", &Module::fc2});
        }

    private:
        /// fc2(gelu(fc1(x))), with handles of its own: a seed may go before backward is over.
        struct Branch {
            Parameter<B> weight1;
            Parameter<B> bias1;
            Parameter<B> weight2;
            Parameter<B> bias2;

            [[nodiscard]] Variable<B> operator()(Pass<B>& pass, const Variable<B>& input) const {
                const Variable<B> hidden =
                    ops::linear_gelu(input, pass.parameter(weight1), pass.parameter(bias1));
                return ops::linear(hidden, pass.parameter(weight2), pass.parameter(bias2));
            }
        };

        [[nodiscard]] static Parameter<B> handle(const Parameter<B>& parameter) {
            return Parameter<B>(parameter.state());
        }
    };
};

}  // namespace kasmina::shared
