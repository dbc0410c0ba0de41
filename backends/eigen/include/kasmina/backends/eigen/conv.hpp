// 2-d convolution and its gradients: picks the kernel for a shape.
#pragma once

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/conv_direct.hpp>
#include <kasmina/backends/eigen/conv_weight_gradient.hpp>
#include <kasmina/backends/eigen/gemm.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/winograd.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// A 1x1 convolution is a matrix product over all pixels.
[[nodiscard]] inline bool is_pointwise(const ConvShape& shape) {
    return shape.kernel_height == 1 && shape.kernel_width == 1;
}

[[nodiscard]] inline Index pixel_count(const ConvShape& shape) {
    return shape.batch * shape.height * shape.width;
}

template <class T>
void convolve(Context& context, const Convolution<T>& call) {
    if constexpr (winograd::exact_enough<T>) {
        if (winograd::suits<T>(call.shape)) return winograd::conv(context, call);
    }
    conv_direct(context, call);
}

/// y (batch, height, width, out) from x (batch, height, width, in) and weight (out, in, kh, kw):
/// stride 1, odd kernel, zero padding that keeps the size.
template <class T>
void conv2d(Context& context, const Conv2d<T>& call) {
    if (!is_pointwise(call.shape)) return convolve<T>(context, call);
    gemm(context, Gemm<T>{.m = pixel_count(call.shape),
                          .n = call.shape.out_channels,
                          .k = call.shape.in_channels,
                          .transpose_b = true,
                          .a = call.x,
                          .b = call.weight,
                          .c = call.y});
}

template <class T>
void conv2d_pullback_input(Context& context, const Conv2dPullbackInput<T>& call) {
    if (!call.grad_x) return;
    if (!is_pointwise(call.shape)) return convolve<T>(context, call);
    gemm(context, Gemm<T>{.m = pixel_count(call.shape),
                          .n = call.shape.in_channels,
                          .k = call.shape.out_channels,
                          .a = call.grad_y,
                          .b = call.weight,
                          .c = call.grad_x.data,
                          .accumulate = call.grad_x.accumulate});
}

template <class T>
void conv2d_pullback_weight(Context& context, const Conv2dPullbackWeight<T>& call) {
    if (!call.grad_weight) return;
    if (is_pointwise(call.shape)) {
        return gemm(context, Gemm<T>{.m = call.shape.out_channels,
                                     .n = call.shape.in_channels,
                                     .k = pixel_count(call.shape),
                                     .transpose_a = true,
                                     .a = call.grad_y,
                                     .b = call.x,
                                     .c = call.grad_weight.data,
                                     .accumulate = call.grad_weight.accumulate});
    }
    if constexpr (winograd::exact_enough<T>) {
        if (winograd::suits<T>(call.shape)) return winograd::weight_gradient(context, call);
    }
    conv_weight_gradient(context, call);
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
