// Linear: y = x * transposed weight + bias on the last dimension.
#pragma once

#include <optional>

#include <kasmina/autodiff/ops/linear.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/nn/bias.hpp>
#include <kasmina/nn/initialise.hpp>
#include <kasmina/nn/visit.hpp>
#include <kasmina/reflect/check_enumerator.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::nn {

/// (..., in) -> (..., out); weight (out, in), bias (out) where present.
template <class B>
    requires MatrixBackend<B> && PointwiseBackend<B>
struct Linear : Visitable<Linear<B>> {
    using Context = typename B::Context;

    Parameter<B> weight;
    std::optional<Parameter<B>> bias;

    /// Zero until initialised. Errors: OptionError for sizes below 1, and for a bias that is
    /// neither there nor not.
    KASMINA_RARE Linear(Context& context, Index inputs, Index outputs, Bias wanted = Bias::present)
        : weight(constant_parameter<B>(context, {checked_size("nn::Linear", "outputs", outputs),
                                                 checked_size("nn::Linear", "inputs", inputs)})) {
        reflect::check_enumerator(wanted, "bias", "nn::Linear");
        if (wanted == Bias::present) bias.emplace(constant_parameter<B>(context, {outputs}));
    }

    KASMINA_RARE Linear(Context& context, Index inputs, Index outputs, Generator& generator,
                        Bias wanted = Bias::present)
        : Linear(context, inputs, outputs, wanted) {
        initialise(context, generator);
    }

    KASMINA_RARE void initialise(Context& context, Generator& generator) {
        const Index fan = fan_in(weight.shape());
        fill_uniform(context, weight, fan, generator);
        if (bias) fill_uniform(context, *bias, fan, generator);
    }

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
        std::optional<Variable<B>> shift;
        if (bias) shift = pass.parameter(*bias);
        return ops::linear(input, pass.parameter(weight), shift);
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(Member{"weight", &Linear::weight}, Member{"bias", &Linear::bias});
    }
};

}  // namespace kasmina::nn
