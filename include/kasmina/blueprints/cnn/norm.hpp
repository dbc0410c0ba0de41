// Norm: mixes in the group-normalised map, from none of it on.
#pragma once

#include <string_view>

#include <kasmina/autodiff/ops/pointwise.hpp>
#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/nn/group_norm.hpp>
#include <kasmina/pointwise/math.hpp>

namespace kasmina::cnn {

/// y = x + tanh(s) * (GN(x) - x), s a scalar that starts at 0: the identity.
struct Norm {
    static constexpr std::string_view name = "norm";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::built_in;
    using Needs = kasmina::Needs<capability::Pointwise, capability::GroupNorm>;

    struct Options {};

    static constexpr void check(Index width, const Options& = {}) {
        require_at_least(name, "width", width, 1);
    }

    static constexpr Index parameter_count(Index width, const Options& options = {}) {
        check(width, options);
        return 2 * width + 1;
    }

    struct Mix {
        template <class V>
        constexpr V operator()(const V& x, const V& normalised, const V& amount) const {
            return x + math::tanh(amount) * (normalised - x);
        }
    };

    template <class B>
        requires Provides<B, Needs>
    struct Module : nn::Visitable<Module<B>> {
        nn::GroupNorm<B> norm;
        Parameter<B> scale;

        Module(typename B::Context& context, Index width, const Options&, Generator&)
            : norm(context, width), scale(nn::constant_parameter<B>(context, {1}, 0.0)) {}

        [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
            return ops::pointwise(Mix{}, input, norm.forward(pass, input), pass.parameter(scale));
        }

        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"norm", &Module::norm},
                               nn::Member{"scale", &Module::scale});
        }
    };
};

}  // namespace kasmina::cnn
