// Convolution: the capability to convolve feature maps in two dimensions, with both ways back.
#pragma once

#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// Stride 1, "same" zero padding, odd kernel extents. Input (batch, height, width,
/// in_channels), weight in PyTorch's order (out_channels, in_channels, kernel_height,
/// kernel_width), output (batch, height, width, out_channels). For a depthwise convolution
/// in_channels == out_channels and the weight is (channels, 1, kernel_height, kernel_width).
struct ConvShape {
    Index batch = 0;
    Index height = 0;
    Index width = 0;
    Index in_channels = 0;
    Index out_channels = 0;
    Index kernel_height = 0;
    Index kernel_width = 0;
};

/// y = x convolved with weight.
template <class T>
struct Conv2d {
    ConvShape shape{};
    const T* x = nullptr;
    const T* weight = nullptr;
    T* y = nullptr;
};

/// The gradient of x from that of y. Nothing is done where it is not wanted.
template <class T>
struct Conv2dPullbackInput {
    ConvShape shape{};
    const T* weight = nullptr;
    const T* grad_y = nullptr;
    GradientTarget<T> grad_x{};
};

/// The gradient of weight from that of y. Nothing is done where it is not wanted.
template <class T>
struct Conv2dPullbackWeight {
    ConvShape shape{};
    const T* x = nullptr;
    const T* grad_y = nullptr;
    GradientTarget<T> grad_weight{};
};

template <class B>
concept ConvolutionBackend =
    requires(typename B::Context& context, const Conv2d<typename B::Scalar>& forward,
             const Conv2dPullbackInput<typename B::Scalar>& input,
             const Conv2dPullbackWeight<typename B::Scalar>& weight) {
        B::conv2d(context, forward);
        B::conv2d_pullback_input(context, input);
        B::conv2d_pullback_weight(context, weight);
    };

}  // namespace kasmina
