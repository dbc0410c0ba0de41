// Lora: a product of two thin matrices beside the host, on the last dimension, for any topology.
#pragma once

#include <string_view>

#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/nn/linear.hpp>

namespace kasmina::shared {

template <Index DefaultRank>
struct LoraOptions {
    Index rank = DefaultRank;           ///< of the product: the width between the two
    bool zero_init_final_layer = true;  ///< `up` starts at 0 (quiet birth)

    using Fields = reflect::List<&LoraOptions::rank, &LoraOptions::zero_init_final_layer>;
};

/// y = x + up(down(x)) without biases (Hu et al., "LoRA", 2021). `Kind` has the `name`, the
/// `topology` and the default `rank` of a blueprint that is made of this.
template <class Kind>
struct Lora {
    static constexpr std::string_view name = Kind::name;
    static constexpr Topology topology = Kind::topology;
    static constexpr QuietBirth quiet_birth = QuietBirth::zero_init_final_layer;
    using Needs = kasmina::Needs<capability::Pointwise, capability::Matrix>;

    using Options = LoraOptions<Kind::rank>;

    static constexpr void check(Index width, const Options& options = {}) {
        require_width(name, width);
        require_between(name, "rank", options.rank, 1, Index{1} << 20);
    }

    static constexpr Index parameter_count(Index width, const Options& options = {}) {
        check(width, options);
        return 2 * width * options.rank;
    }

    template <class B>
        requires Provides<B, Needs>
    struct Module : nn::Visitable<Module<B>> {
        /// What it makes of a position depends on that position alone.
        static constexpr bool one_position_at_a_time = true;

        nn::Linear<B> down;
        nn::Linear<B> up;

        Module(typename B::Context& context, Index width, const Options& options,
               Generator& generator)
            : down(context, width, options.rank, generator, nn::Bias::absent),
              up(context, options.rank, width, nn::Bias::absent) {
            if (!options.zero_init_final_layer) up.initialise(context, generator);
        }

        [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
            return ops::add(input, up.forward(pass, down.forward(pass, input)));
        }

        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"down", &Module::down}, nn::Member{"up", &Module::up});
        }
    };
};

}  // namespace kasmina::shared
