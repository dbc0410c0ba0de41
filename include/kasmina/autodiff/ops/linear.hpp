// linear: y = x * transposed weight + bias, on the last dimension.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/ops/saved.hpp>
#include <kasmina/autodiff/ops/stretched.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/matrix.hpp>
#include <kasmina/backend/pointwise.hpp>

namespace kasmina::ops {
namespace detail {

template <class B>
struct LinearOperation {
    using Scalar = typename B::Scalar;

    Saved<B> input;   // read for the weight's gradient
    Saved<B> weight;  // read for the input's gradient
    std::optional<Edge<B>> bias;
    Index rows;
    Index inputs;
    Index outputs;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        if (const auto target = tape.gradient_target(weight.edge())) {
            B::gemm(tape.context(), Gemm<Scalar>{.m = outputs,
                                                 .n = inputs,
                                                 .k = rows,
                                                 .transpose_a = true,
                                                 .a = upstream.data(),
                                                 .b = input.data(),
                                                 .c = target.data,
                                                 .accumulate = target.accumulate});
        }
        if (bias) {
            if (const auto target = tape.gradient_target(*bias)) {
                bias_pullback(tape, upstream.data(), rows, outputs, target);
            }
        }
        if (const auto target = tape.gradient_target(input.edge())) {
            B::gemm(tape.context(), Gemm<Scalar>{.m = rows,
                                                 .n = inputs,
                                                 .k = outputs,
                                                 .a = upstream.data(),
                                                 .b = weight.data(),
                                                 .c = target.data,
                                                 .accumulate = target.accumulate});
        }
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
    detail::require_values("linear", weight.shape());
    const Index outputs = weight.shape()[0];
    const Index inputs = weight.shape()[1];
    detail::require_shape("linear", "weight", Shape{outputs, from.back()}, weight.shape());
    if (bias) detail::require_shape("linear", "bias", Shape{outputs}, bias->shape());

    Tape<B>& tape = input.tape();
    const Shape result = from.with_last(outputs);
    const Index rows = result.elements() / outputs;
    auto output = tape.acquire(result.elements());
    B::gemm(tape.context(), Gemm<typename B::Scalar>{.m = rows,
                                                     .n = outputs,
                                                     .k = inputs,
                                                     .transpose_b = true,
                                                     .a = input.data(),
                                                     .b = weight.data(),
                                                     .c = output.data(),
                                                     .bias = bias ? bias->data() : nullptr});
    std::optional<Edge<B>> bias_edge;
    if (bias) bias_edge.emplace(*bias);
    return tape.record(result, std::move(output),
                       {input, weight, bias_edge.value_or(weight.edge())},
                       detail::LinearOperation<B>{Saved<B>(input, weight.requires_gradient()),
                                                  Saved<B>(weight, input.requires_gradient()),
                                                  bias_edge, rows, inputs, outputs});
}

}  // namespace kasmina::ops
