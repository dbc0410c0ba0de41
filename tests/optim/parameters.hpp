// Parameters with values and gradients that a test chooses.
#pragma once

#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/tensor/shape.hpp>

namespace kasmina::test {

template <class B>
void set_gradient(typename B::Context& context, Parameter<B>& parameter,
                  const std::vector<typename B::Scalar>& values) {
    parameter.state()->gradient = Tensor<B>::from_host(context, parameter.shape(), values);
    parameter.state()->has_gradient = true;
}

/// A vector parameter of these values, without a gradient.
template <class B>
[[nodiscard]] Parameter<B> make_parameter(typename B::Context& context,
                                          const std::vector<typename B::Scalar>& values) {
    const Shape shape{static_cast<Index>(values.size())};
    return Parameter<B>(Tensor<B>::from_host(context, shape, values));
}

/// The same with a gradient.
template <class B>
[[nodiscard]] Parameter<B> make_parameter(typename B::Context& context,
                                          const std::vector<typename B::Scalar>& values,
                                          const std::vector<typename B::Scalar>& gradient) {
    Parameter<B> parameter = make_parameter<B>(context, values);
    set_gradient<B>(context, parameter, gradient);
    return parameter;
}

}  // namespace kasmina::test
