// conv2d: 2-d convolution of a feature map, stride 1, "same" padding, no bias.
#pragma once

#include <string>
#include <utility>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/ops/saved.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/convolution.hpp>

namespace kasmina::ops {
namespace detail {

template <ConvolutionBackend B>
struct Conv2dOperation {
    using Scalar = typename B::Scalar;

    Saved<B> input;   // read for the weight's gradient
    Saved<B> weight;  // read for the input's gradient
    ConvShape shape;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        if (const auto target = tape.gradient_target(weight.edge())) {
            B::conv2d_pullback_weight(tape.context(),
                                      Conv2dPullbackWeight<Scalar>{.shape = shape,
                                                                   .x = input.data(),
                                                                   .grad_y = upstream.data(),
                                                                   .grad_weight = target});
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

KASMINA_COLD [[noreturn]] inline void refuse_channels_first(const char* op, const Shape& input,
                                                            Index channels) {
    throw ShapeError(
        "a map has its channels first (NCHW)", std::string("ops::") + op,
        "(batch, height, width, channels) with " + std::to_string(channels) + " channels",
        to_string(input), "move the channels to the end, as permute(0, 2, 3, 1) does in PyTorch");
}

/// The geometry of a convolution with that weight. Errors: ShapeError.
KASMINA_APART inline ConvShape conv_shape(const char* op, const Shape& input, const Shape& weight,
                                          bool depthwise) {
    const MapShape map = map_shape(op, input);
    require(weight.rank() == 4 && weight[2] % 2 == 1 && weight[3] % 2 == 1, op,
            "a weight (out, in, kernel height, kernel width) with odd kernel extents", weight,
            "use kernels of 1x1, 3x3, 5x5, ...");
    require_values(op, weight);
    if (!depthwise && map.channels != weight[1] && input[1] == weight[1]) {
        refuse_channels_first(op, input, weight[1]);
    }
    const Shape expected = depthwise ? Shape{map.channels, 1, weight[2], weight[3]}
                                     : Shape{weight[0], map.channels, weight[2], weight[3]};
    require_shape(op, "weight", expected, weight);
    return keeping_size({.batch = map.batch,
                         .height = map.height,
                         .width = map.width,
                         .in_channels = map.channels,
                         .out_channels = weight[0],
                         .kernel_height = weight[2],
                         .kernel_width = weight[3],
                         .groups = depthwise ? map.channels : 1});
}

}  // namespace detail

/// Convolves `input` (batch, height, width, in) with `weight` (out, in, kernel height, kernel
/// width), PyTorch's order; the result is (batch, height, width, out). An input or a weight that
/// needs no gradient costs nothing on the way back. Errors: ShapeError.
template <ConvolutionBackend B>
[[nodiscard]] Variable<B> conv2d(const Variable<B>& input, const Variable<B>& weight) {
    const ConvShape shape = detail::conv_shape("conv2d", input.shape(), weight.shape(), false);
    Tape<B>& tape = input.tape();
    const Shape result{shape.batch, shape.height, shape.width, shape.out_channels};
    auto output = tape.acquire(result.elements());
    B::conv2d(tape.context(),
              Conv2d<typename B::Scalar>{
                  .shape = shape, .x = input.data(), .weight = weight.data(), .y = output.data()});
    return tape.record(
        result, std::move(output), {input, weight},
        detail::Conv2dOperation<B>{Saved<B>(input, weight.requires_gradient()),
                                   Saved<B>(weight, input.requires_gradient()), shape});
}

}  // namespace kasmina::ops
