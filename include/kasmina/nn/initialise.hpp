// Initialisation: PyTorch's defaults, drawn where the parameters live from the explicit generator.
#pragma once

#include <cmath>
#include <cstdint>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/backend/storage.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::nn {

/// A parameter whose values are all `value`.
template <class B>
[[nodiscard]] KASMINA_RARE Parameter<B> constant_parameter(typename B::Context& context,
                                                           const Shape& shape, double value = 0.0) {
    return Parameter<B>(Tensor<B>::full(context, shape, static_cast<typename B::Scalar>(value)));
}

/// Overwrites all values with `value`.
template <class B>
void fill(typename B::Context& context, Parameter<B>& parameter, double value) {
    parameter.value().fill(context, static_cast<typename B::Scalar>(value));
}

/// How many inputs one output of that weight (out, in, ...) sums over.
[[nodiscard]] inline Index fan_in(const Shape& weight) {
    Index product = 1;
    for (Index axis = 1; axis < weight.rank(); ++axis) product *= weight[axis];
    return product;
}

/// U(-bound, bound). The backend draws the values itself; they are those of `generator.uniform`
/// called once per value.
template <class B>
KASMINA_RARE void fill_uniform_within(typename B::Context& context, Parameter<B>& parameter,
                                      double bound, Generator& generator) {
    const Index count = parameter.size();
    parameter.state()->drawn = true;
    const RandomRange range = generator.reserve(2 * static_cast<std::uint64_t>(count));
    if (count > 0) {
        B::fill_uniform(context, range, -bound, bound, parameter.value().data(), count);
    }
}

/// U(-1/sqrt(fan), 1/sqrt(fan)): what Kaiming-uniform with a = sqrt(5), the default of PyTorch's
/// convolutions and linear layers, amounts to. Biases use the fan of their weight.
template <class B>
KASMINA_RARE void fill_uniform(typename B::Context& context, Parameter<B>& parameter, Index fan,
                               Generator& generator) {
    fill_uniform_within(context, parameter, 1.0 / std::sqrt(static_cast<double>(fan)), generator);
}

}  // namespace kasmina::nn
