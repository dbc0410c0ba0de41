// depthwise_conv2d: one filter per channel, stride 1, "same" padding, no bias.
#pragma once

#include <utility>

#include <kasmina/autodiff/ops/conv2d.hpp>

namespace kasmina::ops {
namespace detail {

template <DepthwiseConvolutionBackend B>
struct DepthwiseConv2dOperation {
    Variable<B> input;
    Variable<B> weight;
    ConvShape shape;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        if (const auto target = tape.gradient_target(weight)) {
            B::depthwise_conv2d_pullback_weight(tape.context(), shape, input.data(),
                                                upstream.data(), target);
        }
        if (const auto target = tape.gradient_target(input)) {
            B::depthwise_conv2d_pullback_input(tape.context(), shape, upstream.data(),
                                               weight.data(), target);
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
    B::depthwise_conv2d(tape.context(), shape, input.data(), weight.data(), output.data());
    return tape.record(result, std::move(output), {input, weight},
                       detail::DepthwiseConv2dOperation<B>{input, weight, shape});
}

}  // namespace kasmina::ops
