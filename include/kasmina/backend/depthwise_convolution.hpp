// Depthwise convolution: the capability to filter each channel of a feature map by itself.
#pragma once

#include <kasmina/backend/convolution.hpp>

namespace kasmina {

/// Takes the arguments of a convolution with as many groups and output channels as input channels:
/// the weight is (channels, 1, kernel_height, kernel_width).
template <class B>
concept DepthwiseConvolutionBackend =
    requires(typename B::Context& context, const Conv2d<typename B::Scalar>& forward,
             const Conv2dPullbackInput<typename B::Scalar>& input,
             const Conv2dPullbackWeight<typename B::Scalar>& weight) {
        B::depthwise_conv2d(context, forward);
        B::depthwise_conv2d_pullback_input(context, input);
        B::depthwise_conv2d_pullback_weight(context, weight);
    };

}  // namespace kasmina
