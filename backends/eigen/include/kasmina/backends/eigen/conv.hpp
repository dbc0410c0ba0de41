// 2-d convolution and its gradients: picks the kernel for a shape.
#pragma once

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/conv_direct.hpp>
#include <kasmina/backends/eigen/conv_weight_gradient.hpp>
#include <kasmina/backends/eigen/depthwise.hpp>
#include <kasmina/backends/eigen/elementwise.hpp>
#include <kasmina/backends/eigen/gemm.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/winograd.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// A 1x1 convolution of every pixel is a matrix product over all of them.
[[nodiscard]] inline bool is_product(const ConvShape& shape) {
    return shape.kernel_height == 1 && shape.kernel_width == 1 && shape.groups == 1 &&
           keeps_size(shape);
}

[[nodiscard]] inline bool is_depthwise(const ConvShape& shape) {
    return shape.groups > 1 && shape.groups == shape.in_channels &&
           shape.groups == shape.out_channels;
}

[[nodiscard]] inline Index pixel_count(const ConvShape& shape) {
    return shape.batch * shape.height * shape.width;
}

/// y (batch, out height, out width, out) from x (batch, height, width, in) and weight
/// (out, in / groups, kh, kw).
template <class T>
void conv2d(Context& context, const Conv2d<T>& call) {
    if (sums_nothing(call.shape)) {
        return put_zeros<T>(context, {call.y, false}, output_size(call.shape));
    }
    if (is_depthwise(call.shape)) return depthwise_conv2d(context, call);
    if (is_product(call.shape)) {
        return gemm(context, Gemm<T>{.m = pixel_count(call.shape),
                                     .n = call.shape.out_channels,
                                     .k = call.shape.in_channels,
                                     .transpose_b = true,
                                     .a = call.x,
                                     .b = call.weight,
                                     .c = call.y});
    }
    if constexpr (winograd::exact_enough<T>) {
        if (winograd::suits<T>(call.shape)) return winograd::conv<T>(context, call);
    }
    conv_direct(context, call);
}

template <class T>
void conv2d_pullback_input(Context& context, const Conv2dPullbackInput<T>& call) {
    if (!call.grad_x) return;
    if (sums_nothing(call.shape)) {
        return put_zeros(context, call.grad_x, input_size(call.shape));
    }
    if (is_depthwise(call.shape)) return depthwise_conv2d_pullback_input(context, call);
    if (is_product(call.shape)) {
        return gemm(context, Gemm<T>{.m = pixel_count(call.shape),
                                     .n = call.shape.in_channels,
                                     .k = call.shape.out_channels,
                                     .a = call.grad_y,
                                     .b = call.weight,
                                     .c = call.grad_x.data,
                                     .accumulate = call.grad_x.accumulate});
    }
    if constexpr (winograd::exact_enough<T>) {
        if (winograd::suits<T>(call.shape)) return winograd::conv<T>(context, call);
    }
    conv_direct(context, call);
}

template <class T>
void conv2d_pullback_weight(Context& context, const Conv2dPullbackWeight<T>& call) {
    if (!call.grad_weight) return;
    if (sums_nothing(call.shape)) {
        return put_zeros(context, call.grad_weight, weight_size(call.shape));
    }
    if (is_depthwise(call.shape)) return depthwise_conv2d_pullback_weight(context, call);
    if (is_product(call.shape)) {
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
