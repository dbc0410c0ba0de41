// Linear: y = x * transposed weight + bias on the last dimension.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>

#include <kasmina/autodiff/ops/linear.hpp>
#include <kasmina/nn/initialise.hpp>
#include <kasmina/nn/visit.hpp>

namespace kasmina::nn {

enum class Bias : std::uint8_t { present, absent };

/// (..., in) -> (..., out); weight (out, in), bias (out) where present.
template <class B>
    requires MatrixBackend<B> && PointwiseBackend<B>
struct Linear : Visitable<Linear<B>> {
    Parameter<B> weight;
    std::optional<Parameter<B>> bias;

    /// Zero until initialised.
    Linear(Index inputs, Index outputs, Bias wanted = Bias::present)
        : weight(constant_parameter<B>({outputs, inputs})) {
        if (wanted == Bias::present) bias.emplace(constant_parameter<B>({outputs}));
    }

    Linear(Index inputs, Index outputs, Generator& generator, Bias wanted = Bias::present)
        : Linear(inputs, outputs, wanted) {
        initialise(generator);
    }

    void initialise(Generator& generator) {
        const Index fan = fan_in(weight.shape());
        fill_uniform(weight, fan, generator);
        if (bias) fill_uniform(*bias, fan, generator);
    }

    [[nodiscard]] Variable<B> forward(Tape<B>& tape, const Variable<B>& input) const {
        std::optional<Variable<B>> shift;
        if (bias) shift = tape.parameter(*bias);
        return ops::linear(input, tape.parameter(weight), shift);
    }

    [[nodiscard]] static constexpr auto members() {
        return std::tuple(Member{"weight", &Linear::weight}, Member{"bias", &Linear::bias});
    }
};

}  // namespace kasmina::nn
