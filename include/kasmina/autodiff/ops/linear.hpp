// linear: y = x * transposed weight + bias, on the last dimension.
#pragma once

#include <array>
#include <optional>
#include <type_traits>
#include <utility>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/tensor/backend.hpp>

namespace kasmina::ops {
namespace detail {

/// A value stretched over rows: writes a bias forward, sums its gradient on the way back.
struct Stretched {
    template <class V>
    constexpr V operator()(const V& value) const {
        return value;
    }
};

template <class B>
struct LinearOperation {
    Variable<B> input;
    Variable<B> weight;
    std::optional<Variable<B>> bias;
    Index rows;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        const Index outputs = weight.shape()[0];
        const Index inputs = weight.shape()[1];
        if (const auto target = tape.gradient_target(weight)) {
            B::gemm(tape.context(), true, false, outputs, inputs, rows, upstream.data(),
                    input.data(), target.data, target.accumulate);
        }
        if (bias) {
            if (const auto target = tape.gradient_target(*bias)) {
                B::map_pullback(tape.context(), Stretched{}, MapGeometry{rows, 1, outputs},
                                operands(*bias), upstream.data(), std::array{target});
            }
        }
        if (const auto target = tape.gradient_target(input)) {
            B::gemm(tape.context(), false, false, rows, inputs, outputs, upstream.data(),
                    weight.data(), target.data, target.accumulate);
        }
    }

    static std::array<Operand<typename B::Scalar>, 1> operands(const Variable<B>& bias) {
        return {{{bias.data(), Broadcast::channel}}};
    }
};

}  // namespace detail

/// `input` (..., in) times the transpose of `weight` (out, in), PyTorch's order, plus `bias`
/// (out) where there is one; the result is (..., out). Errors: ShapeError.
template <class B>
    requires MatrixBackend<B> && PointwiseBackend<B>
[[nodiscard]] Variable<B> linear(
    const Variable<B>& input, const Variable<B>& weight,
    const std::type_identity_t<std::optional<Variable<B>>>& bias = {}) {
    const Shape& from = input.shape();
    detail::require(from.rank() >= 1, "linear", "an input of rank 1 or more", from,
                    "pass (..., in)");
    detail::require(weight.shape().rank() == 2, "linear", "a weight (out, in)", weight.shape(),
                    "pass a matrix");
    const Index outputs = weight.shape()[0];
    const Index inputs = weight.shape()[1];
    detail::require_shape("linear", "weight", Shape{outputs, from.back()}, weight.shape());
    if (bias) detail::require_shape("linear", "bias", Shape{outputs}, bias->shape());

    Tape<B>& tape = input.tape();
    const Shape result = from.with_last(outputs);
    const Index rows = result.elements() / outputs;
    auto output = tape.acquire(result.elements());
    if (bias) {
        B::map(tape.context(), detail::Stretched{}, MapGeometry{rows, 1, outputs},
               detail::LinearOperation<B>::operands(*bias), output.data());
    }
    B::gemm(tape.context(), false, true, rows, outputs, inputs, input.data(), weight.data(),
            output.data(), bias.has_value());
    detail::LinearOperation<B> operation{input, weight, bias, rows};
    return bias ? tape.record(result, std::move(output), {input, weight, *bias}, operation)
                : tape.record(result, std::move(output), {input, weight}, operation);
}

}  // namespace kasmina::ops
