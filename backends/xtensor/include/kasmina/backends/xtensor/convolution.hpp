// Convolutions: every one is a sum of products, spelled out.
#pragma once

#include <algorithm>

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backend/depthwise_convolution.hpp>
#include <kasmina/backends/xtensor/bfloat16.hpp>
#include <kasmina/backends/xtensor/context.hpp>
#include <kasmina/backends/xtensor/view.hpp>

namespace kasmina::backends::xtensor_detail {

/// A convolution is the sum, over output pixels and the taps of the kernel that fall on the map,
/// of y(pixel, o) += x(pixel + tap, i) * weight(o, i, tap). This calls
/// f(output pixel, input pixel, tap), as indices, for each of those pairs.
template <class F>
void for_each_tap(const ConvShape& shape, F&& f) {
    for (Index sample = 0; sample < shape.batch; ++sample) {
        for (Index row = 0; row < shape.out_height; ++row) {
            for (Index column = 0; column < shape.out_width; ++column) {
                for (Index i = 0; i < shape.kernel_height; ++i) {
                    for (Index j = 0; j < shape.kernel_width; ++j) {
                        const Index from_row =
                            row * shape.stride_height + i * shape.dilation_height - shape.pad_top;
                        const Index from_column =
                            column * shape.stride_width + j * shape.dilation_width - shape.pad_left;
                        if (from_row < 0 || from_row >= shape.height) continue;
                        if (from_column < 0 || from_column >= shape.width) continue;
                        f((sample * shape.out_height + row) * shape.out_width + column,
                          (sample * shape.height + from_row) * shape.width + from_column,
                          i * shape.kernel_width + j);
                    }
                }
            }
        }
    }
}

/// f(index in x, index in weight, index in y) for each product. The forward pass and both
/// pullbacks differ only in which of the three factors they add to.
template <class F>
void for_each_product(const ConvShape& shape, F&& f) {
    const Index taps = shape.kernel_height * shape.kernel_width;
    const Index inputs = shape.in_channels / shape.groups;    // of a group
    const Index outputs = shape.out_channels / shape.groups;  // of a group
    for_each_tap(shape, [&](Index to, Index from, Index tap) {
        for (Index o = 0; o < shape.out_channels; ++o) {
            const Index first_input = o / outputs * inputs;
            for (Index i = 0; i < inputs; ++i) {
                f(from * shape.in_channels + first_input + i, (o * inputs + i) * taps + tap,
                  to * shape.out_channels + o);
            }
        }
    });
}

/// Capability: ConvolutionBackend.
template <class T>
struct Convolutions {
    static void conv2d(Context& context, const Conv2d<T>& conv) {
        const Multiplication times(context);
        std::fill_n(conv.y, output_size(conv.shape), T{0});
        for_each_product(conv.shape, [&](Index in, Index w, Index out) {
            conv.y[out] += times(conv.x[in], conv.weight[w]);
        });
    }
    static void conv2d_pullback_input(Context& context, const Conv2dPullbackInput<T>& conv) {
        const Multiplication times(context);
        xt::xtensor<T, 1> grad_x = xt::zeros<T>({input_size(conv.shape)});
        for_each_product(conv.shape, [&](Index in, Index w, Index out) {
            grad_x(in) += times(conv.grad_y[out], conv.weight[w]);
        });
        put(conv.grad_x, grad_x);
    }
    static void conv2d_pullback_weight(Context& context, const Conv2dPullbackWeight<T>& conv) {
        const Multiplication times(context);
        xt::xtensor<T, 1> grad_weight = xt::zeros<T>({weight_size(conv.shape)});
        for_each_product(conv.shape, [&](Index in, Index w, Index out) {
            grad_weight(w) += times(conv.grad_y[out], conv.x[in]);
        });
        put(conv.grad_weight, grad_weight);
    }
};

/// Capability: DepthwiseConvolutionBackend. A convolution with a group for each channel.
template <class T>
struct DepthwiseConvolutions {
    static void depthwise_conv2d(Context& context, const Conv2d<T>& conv) {
        Convolutions<T>::conv2d(context, conv);
    }
    static void depthwise_conv2d_pullback_input(Context& context,
                                                const Conv2dPullbackInput<T>& conv) {
        Convolutions<T>::conv2d_pullback_input(context, conv);
    }
    static void depthwise_conv2d_pullback_weight(Context& context,
                                                 const Conv2dPullbackWeight<T>& conv) {
        Convolutions<T>::conv2d_pullback_weight(context, conv);
    }
};

}  // namespace kasmina::backends::xtensor_detail
