// Norm: mixes in the normalised state, from none of it on, for any topology.
#pragma once

#include <string_view>

#include <kasmina/autodiff/ops/pointwise.hpp>
#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/nn/initialise.hpp>
#include <kasmina/nn/visit.hpp>
#include <kasmina/pointwise/math.hpp>

namespace kasmina::shared {

struct MixedIn {
    template <class V>
    constexpr V operator()(const V& x, const V& normalised, const V& amount) const {
        return x + math::tanh(amount) * (normalised - x);
    }
};

/// y = x + tanh(s) * (N(x) - x), s a scalar that starts at 0: the identity. `Normalisation` is N,
/// a layer with a scale and a shift per channel: nn::GroupNorm or nn::LayerNorm.
template <Topology Kind, template <class> class Normalisation>
struct Norm {
    static constexpr std::string_view name = "norm";
    static constexpr Topology topology = Kind;
    static constexpr QuietBirth quiet_birth = QuietBirth::built_in;
    using Needs = kasmina::Needs<capability::Pointwise, capability::GroupNorm>;

    struct Options {};

    static constexpr void check(Index width, const Options& = {}) { require_width(name, width); }

    static constexpr Index parameter_count(Index width, const Options& options = {}) {
        check(width, options);
        return 2 * width + 1;
    }

    template <class B>
        requires Provides<B, Needs>
    struct Module : nn::Visitable<Module<B>> {
        /// What it makes of a position depends on that position alone.
        static constexpr bool one_position_at_a_time = Kind != Topology::cnn;

        Normalisation<B> norm;
        Parameter<B> scale;

        Module(typename B::Context& context, Index width, const Options&, Generator&)
            : norm(context, width), scale(nn::constant_parameter<B>(context, {1}, 0.0)) {}

        [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
            return ops::pointwise(MixedIn{}, input, norm.forward(pass, input),
                                  pass.parameter(scale));
        }

        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"norm", &Module::norm},
                               nn::Member{"scale", &Module::scale});
        }
    };
};

}  // namespace kasmina::shared
