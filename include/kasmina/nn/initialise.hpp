// Initialisation: PyTorch's defaults, drawn on the host from the explicit generator.
#pragma once

#include <cmath>
#include <span>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::nn {

/// A parameter whose values are all `value`.
template <class B>
[[nodiscard]] Parameter<B> constant_parameter(const Shape& shape, double value = 0.0) {
    return Parameter<B>(Tensor<B>::full(shape, static_cast<typename B::Scalar>(value)));
}

/// Overwrites all values with `value`.
template <class B>
void fill(Parameter<B>& parameter, double value) {
    const std::vector<typename B::Scalar> values(static_cast<std::size_t>(parameter.size()),
                                                 static_cast<typename B::Scalar>(value));
    parameter.value().assign(values);
}

/// How many inputs one output of that weight (out, in, ...) sums over.
[[nodiscard]] inline Index fan_in(const Shape& weight) {
    Index product = 1;
    for (Index axis = 1; axis < weight.rank(); ++axis) product *= weight[axis];
    return product;
}

/// U(-1/sqrt(fan), 1/sqrt(fan)): what Kaiming-uniform with a = sqrt(5), the default of PyTorch's
/// convolutions and linear layers, amounts to. Biases use the fan of their weight.
template <class B>
void fill_uniform(Parameter<B>& parameter, Index fan, Generator& generator) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(fan));
    std::vector<typename B::Scalar> values(static_cast<std::size_t>(parameter.size()));
    for (auto& value : values) {
        value = static_cast<typename B::Scalar>(generator.uniform(-bound, bound));
    }
    parameter.value().assign(values);
}

}  // namespace kasmina::nn
