// conv2d: 2-d convolution of a feature map, of any stride, padding, dilation and number of groups.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/ops/conv_options.hpp>
#include <kasmina/autodiff/ops/saved.hpp>
#include <kasmina/autodiff/ops/stretched.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/convolution.hpp>

namespace kasmina::ops {
namespace detail {

template <class B>
struct Conv2dOperation {
    using Scalar = typename B::Scalar;

    Saved<B> input;   // read for the weight's gradient
    Saved<B> weight;  // read for the input's gradient
    std::optional<Edge<B>> bias;
    ConvShape shape;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        if (const auto target = tape.gradient_target(weight.edge())) {
            B::conv2d_pullback_weight(tape.context(),
                                      Conv2dPullbackWeight<Scalar>{.shape = shape,
                                                                   .x = input.data(),
                                                                   .grad_y = upstream.data(),
                                                                   .grad_weight = target});
        }
        if (bias) {
            if (const auto target = tape.gradient_target(*bias)) {
                bias_pullback(tape, upstream.data(),
                              shape.batch * shape.out_height * shape.out_width, shape.out_channels,
                              target);
            }
        }
        if (const auto target = tape.gradient_target(input.edge())) {
            B::conv2d_pullback_input(tape.context(),
                                     Conv2dPullbackInput<Scalar>{.shape = shape,
                                                                 .weight = weight.data(),
                                                                 .grad_y = upstream.data(),
                                                                 .grad_x = target});
        }
    }
};

/// Adds a bias to (rows, channels), in place.
template <PointwiseBackend B>
void add_bias(Tape<B>& tape, typename B::Scalar* y, Index rows, const Variable<B>& bias) {
    B::map(tape.context(), Add{},
           Map<typename B::Scalar, 2>{
               .geometry = {rows, 1, bias.shape().back()},
               .operands = {{{y, Broadcast::full}, {bias.data(), Broadcast::channel}}},
               .out = y});
}

/// The convolution that `shape` says; its result is called `result`. Errors: ShapeError for a bias
/// that does not fit.
template <class B>
[[nodiscard]] Variable<B> convolve(const char* op, const Variable<B>& input,
                                   const Variable<B>& weight, const ConvShape& shape,
                                   const Shape& result, const std::optional<Variable<B>>& bias) {
    if (bias) require_shape(op, "bias", Shape{shape.out_channels}, bias->shape());
    Tape<B>& tape = input.tape();
    auto output = tape.acquire(result.elements());
    B::conv2d(tape.context(),
              Conv2d<typename B::Scalar>{
                  .shape = shape, .x = input.data(), .weight = weight.data(), .y = output.data()});
    std::optional<Edge<B>> bias_edge;
    if (bias) {
        add_bias(tape, output.data(), result.elements() / shape.out_channels, *bias);
        bias_edge.emplace(*bias);
    }
    return tape.record(
        result, std::move(output), {input, weight, bias_edge.value_or(weight.edge())},
        Conv2dOperation<B>{Saved<B>(input, weight.requires_gradient()),
                           Saved<B>(weight, input.requires_gradient()), bias_edge, shape});
}

}  // namespace detail

/// Convolves `input` (batch, height, width, in) with `weight` (out, in / groups, kernel height,
/// kernel width), PyTorch's order, and adds `bias` (out) where there is one; the result is (batch,
/// out height, out width, out). Without options the map keeps its size. With as many groups as
/// channels each is filtered by itself. An input or a weight that needs no gradient costs nothing
/// on the way back. Errors: ShapeError, also where the kernel is larger than the padded map;
/// OptionError for options out of range, groups that do not divide the channels, and padding
/// `same` with a stride.
template <class B>
    requires ConvolutionBackend<B> && PointwiseBackend<B>
[[nodiscard]] Variable<B> conv2d(
    const Variable<B>& input, const Variable<B>& weight, const ConvOptions& options = {},
    const std::type_identity_t<std::optional<Variable<B>>>& bias = {}) {
    const Shape& from = input.shape();
    const Shape& filters = weight.shape();
    const MapShape map = detail::map_shape("conv2d", from);
    detail::require(filters.rank() == 4, "conv2d",
                    "a weight (out, in / groups, kernel height, kernel width)", filters,
                    "pass a weight of rank 4");
    detail::require_values("conv2d", filters);
    if (options.groups == 1 && map.channels != filters[1] && from[1] == filters[1]) {
        detail::refuse_channels_first("ops::conv2d", from, filters[1]);
    }
    const ConvShape shape =
        detail::conv_shape("ops::conv2d", map, filters[0], {filters[2], filters[3]}, options);
    detail::require_shape("conv2d", "weight",
                          Shape{filters[0], map.channels / shape.groups, filters[2], filters[3]},
                          filters);
    return detail::convolve(
        "conv2d", input, weight, shape,
        Shape{shape.batch, shape.out_height, shape.out_width, shape.out_channels}, bias);
}

}  // namespace kasmina::ops
