// depthwise_conv2d: one filter per channel, stride 1, "same" padding, no bias.
#pragma once

#include <utility>

#include <kasmina/autodiff/ops/conv2d.hpp>
#include <kasmina/backend/depthwise_convolution.hpp>

namespace kasmina::ops {
namespace detail {

template <DepthwiseConvolutionBackend B>
struct DepthwiseConv2dOperation {
    using Scalar = typename B::Scalar;

    Saved<B> input;   // read for the weight's gradient
    Saved<B> weight;  // read for the input's gradient
    ConvShape shape;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        if (const auto target = tape.gradient_target(weight.edge())) {
            B::depthwise_conv2d_pullback_weight(
                tape.context(), Conv2dPullbackWeight<Scalar>{.shape = shape,
                                                             .x = input.data(),
                                                             .grad_y = upstream.data(),
                                                             .grad_weight = target});
        }
        if (const auto target = tape.gradient_target(input.edge())) {
            B::depthwise_conv2d_pullback_input(
                tape.context(), Conv2dPullbackInput<Scalar>{.shape = shape,
                                                            .weight = weight.data(),
                                                            .grad_y = upstream.data(),
                                                            .grad_x = target});
        }
    }
};

}  // namespace detail

/// Filters each channel of `input` (batch, height, width, channels) with its own kernel of
/// `weight` (channels, 1, kernel height, kernel width). Errors: ShapeError.
template <DepthwiseConvolutionBackend B>
[[nodiscard]] Variable<B> depthwise_conv2d(const Variable<B>& input, const Variable<B>& weight) {
    const ConvShape shape =
        detail::conv_shape("depthwise_conv2d", input.shape(), weight.shape(), true);
    Tape<B>& tape = input.tape();
    const Shape result = input.shape();
    auto output = tape.acquire(result.elements());
    B::depthwise_conv2d(
        tape.context(),
        Conv2d<typename B::Scalar>{
            .shape = shape, .x = input.data(), .weight = weight.data(), .y = output.data()});
    return tape.record(
        result, std::move(output), {input, weight},
        detail::DepthwiseConv2dOperation<B>{Saved<B>(input, weight.requires_gradient()),
                                            Saved<B>(weight, input.requires_gradient()), shape});
}

}  // namespace kasmina::ops
