// Convolution: the capability to convolve feature maps in two dimensions, with both ways back.
#pragma once

#include <kasmina/backend/geometry.hpp>
#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// A convolution of (batch, height, width, in_channels) with weight (out_channels,
/// in_channels / groups, kernel_height, kernel_width), PyTorch's order, to (batch, out_height,
/// out_width, out_channels). Output (row, column) sums, over the taps (i, j) of the kernel, what is
/// at row * stride_height - pad_top + i * dilation_height and at the column alike; what lies
/// outside the map is zero. Group g of the outputs sees group g of the inputs; both counts are
/// multiples of `groups`. How far a kernel goes over the lower and the right edge follows from the
/// output's extents: every output is asked for, and its kernel may reach any distance over an edge.
/// Any extent may be 0: then a backend writes zeros to what has elements, and adds nothing.
struct ConvShape {
    Index batch = 0;
    Index height = 0;
    Index width = 0;
    Index in_channels = 0;
    Index out_channels = 0;
    Index kernel_height = 0;
    Index kernel_width = 0;
    OutputExtent out_height;
    OutputExtent out_width;
    Index stride_height = 1;
    Index stride_width = 1;
    Index dilation_height = 1;
    Index dilation_width = 1;
    Index pad_top = 0;
    Index pad_left = 0;
    Index groups = 1;

    friend constexpr bool operator==(const ConvShape&, const ConvShape&) = default;
};

/// A convolution that keeps the map's size: stride 1, kernels of odd extents that are centred on a
/// pixel.
struct SameConvolution {
    Index batch = 0;
    Index height = 0;
    Index width = 0;
    Index in_channels = 0;
    Index out_channels = 0;
    Index kernel_height = 0;
    Index kernel_width = 0;
    Index groups = 1;
};

/// Such a one as any convolution: with its padding and its output's extents.
[[nodiscard]] constexpr ConvShape keeping_size(const SameConvolution& same) noexcept {
    return {.batch = same.batch,
            .height = same.height,
            .width = same.width,
            .in_channels = same.in_channels,
            .out_channels = same.out_channels,
            .kernel_height = same.kernel_height,
            .kernel_width = same.kernel_width,
            .out_height = same.height,
            .out_width = same.width,
            .pad_top = same.kernel_height / 2,
            .pad_left = same.kernel_width / 2,
            .groups = same.groups};
}

/// Whether it is such a convolution: what a backend's fastest kernels are for.
[[nodiscard]] constexpr bool keeps_size(const ConvShape& shape) noexcept {
    return shape.kernel_height % 2 == 1 && shape.kernel_width % 2 == 1 &&
           shape == keeping_size({shape.batch, shape.height, shape.width, shape.in_channels,
                                  shape.out_channels, shape.kernel_height, shape.kernel_width,
                                  shape.groups});
}

/// Numbers of its input, output and weight.
[[nodiscard]] constexpr Index input_size(const ConvShape& shape) noexcept {
    return shape.batch * shape.height * shape.width * shape.in_channels;
}
[[nodiscard]] constexpr Index output_size(const ConvShape& shape) noexcept {
    return shape.batch * shape.out_height * shape.out_width * shape.out_channels;
}
[[nodiscard]] constexpr Index weight_size(const ConvShape& shape) noexcept {
    return shape.out_channels * (shape.in_channels / shape.groups) * shape.kernel_height *
           shape.kernel_width;
}

/// Whether nothing is summed: all outputs and all gradients are zeros, or there are none.
[[nodiscard]] constexpr bool sums_nothing(const ConvShape& shape) noexcept {
    return input_size(shape) == 0 || output_size(shape) == 0 || weight_size(shape) == 0;
}

/// y = x convolved with weight, for any number of groups.
template <class T>
struct Conv2d {
    ConvShape shape;
    const T* x = nullptr;
    const T* weight = nullptr;
    T* y = nullptr;
};

/// The gradient of x from that of y. Nothing is done where it is not wanted.
template <class T>
struct Conv2dPullbackInput {
    ConvShape shape;
    const T* weight = nullptr;
    const T* grad_y = nullptr;
    GradientTarget<T> grad_x{};
};

/// The gradient of weight from that of y. Nothing is done where it is not wanted.
template <class T>
struct Conv2dPullbackWeight {
    ConvShape shape;
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
