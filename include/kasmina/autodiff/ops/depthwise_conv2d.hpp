// depthwise_conv2d: one filter per channel, stride 1, "same" padding, no bias.
#pragma once

#include <utility>

#include <kasmina/autodiff/ops/conv_options.hpp>
#include <kasmina/autodiff/ops/saved.hpp>
#include <kasmina/autodiff/tape.hpp>
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
/// `weight` (channels, 1, kernel height, kernel width); the map keeps its size. With a stride, use
/// conv2d with as many groups as channels. Errors: ShapeError.
template <DepthwiseConvolutionBackend B>
[[nodiscard]] Variable<B> depthwise_conv2d(const Variable<B>& input, const Variable<B>& weight) {
    const MapShape map = detail::map_shape("depthwise_conv2d", input.shape());
    const Shape& filters = weight.shape();
    detail::require(filters.rank() == 4, "depthwise_conv2d",
                    "a weight (channels, 1, kernel height, kernel width)", filters,
                    "pass a weight of rank 4");
    detail::require_values("depthwise_conv2d", filters);
    detail::require_shape("depthwise_conv2d", "weight",
                          Shape{map.channels, 1, filters[2], filters[3]}, filters);
    const ConvShape shape = detail::conv_shape("ops::depthwise_conv2d", map, map.channels,
                                               {filters[2], filters[3]}, {.groups = map.channels});
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
