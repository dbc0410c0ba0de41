// Seeds for the judge's trials: one that can only shake the network, and gates that stand open.
#pragma once

#include <cstdint>
#include <string_view>

#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/gates/gate_set.hpp>
#include <kasmina/nn/initialise.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/slot/services.hpp>

namespace kasmina::growth {

struct NoiseOptions {
    double amplitude = 0.5;  ///< half width of the noise at the start

    using Fields = reflect::List<&NoiseOptions::amplitude>;
};

/// y = x + scale * noise: uniform, new in every pass, in training and out of it. The scale learns,
/// and there is nothing else that it could learn than to be small.
struct Noise {
    static constexpr std::string_view name = "noise";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;
    using Needs = kasmina::Needs<capability::Pointwise, capability::Random>;
    using Options = NoiseOptions;

    static constexpr void check(Index, const Options& = {}) {}
    static constexpr Index parameter_count(Index width, const Options& = {}) { return width; }

    template <class B>
    struct Module : nn::Visitable<Module<B>> {
        Parameter<B> scale;
        mutable Generator noise;

        Module(typename B::Context& context, Index width, const Options& options,
               Generator& generator)
            : scale(nn::constant_parameter<B>(context, {width}, options.amplitude)),
              noise(generator()) {}

        [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& x) const {
            auto values = Tensor<B>::full(pass.context(), x.shape(), 0);
            const auto words = 2 * static_cast<std::uint64_t>(values.size());
            B::fill_uniform(pass.context(), noise.reserve(words), -1.0, 1.0, values.data(),
                            values.size());
            return ops::add_scaled(x, pass.parameter(scale), pass.constant(std::move(values)));
        }

        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"scale", &Module::scale});
        }
    };
};

/// A gate that asks for nothing.
template <Gate G>
struct Open {
    static constexpr Gate gate = G;

    constexpr GateResult operator()(const GateEvidence&, const GateThresholds&) const {
        return GateResult(gate).require("open", true);
    }
};

/// For seeds that are part of a network from its first step on.
struct OpenPolicies : DefaultPolicies {
    using Gates =
        GateSet<Open<Gate::g0>, Open<Gate::g1>, Open<Gate::g2>, Open<Gate::g3>, Open<Gate::g5>>;
};

}  // namespace kasmina::growth
