// linear_gelu: gelu(x * transposed weight + bias), its bias and its activation in one pass.
#pragma once

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/ops/linear.hpp>
#include <kasmina/autodiff/ops/pointwise.hpp>

namespace kasmina::ops {

/// The exact GELU of a product and its bias. On the way back one pass gives the gradients of both:
/// the bias's is the product's, summed over the rows.
struct BiasedGelu {
    template <class V>
    constexpr V operator()(const V& product, const V& bias) const {
        return Gelu{}(product + bias);
    }
};

/// What `gelu(linear(input, weight, bias))` is, with fewer passes over memory: the bias is neither
/// written in front of the product nor summed up by itself. `input` (..., in), `weight` (out, in),
/// `bias` (out); the result is (..., out). Errors: ShapeError.
template <class B>
    requires MatrixBackend<B> && PointwiseBackend<B>
[[nodiscard]] Variable<B> linear_gelu(const Variable<B>& input, const Variable<B>& weight,
                                      const Variable<B>& bias) {
    const Variable<B> product = linear(input, weight);
    detail::require_shape("linear_gelu", "bias", Shape{product.shape().back()}, bias.shape());
    return pointwise(BiasedGelu{}, product, bias);
}

}  // namespace kasmina::ops
