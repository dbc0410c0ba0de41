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

/// y (batch, height, width, out) from x (batch, height, width, in) and weight (out, in, kh, kw):
/// stride 1, odd kernel, zero padding that keeps the size.
template <class T>
void conv2d_forward(Context& context, const ConvShape& shape, const T* x, const T* weight, T* y) {
    if (is_pointwise(shape)) {
        return gemm(context, Gemm<T>{.m = pixel_count(shape),
                                     .n = shape.out_channels,
                                     .k = shape.in_channels,
                                     .transpose_b = true,
                                     .a = x,
                                     .b = weight,
                                     .c = y});
    }
    if constexpr (winograd::exact_enough<T>) {
        if (winograd::suits<T>(shape)) {
            return winograd::conv(context, shape, x, weight, false, y, false);
        }
    }
    const Buffer<T> packed = pack_filters(context, shape, weight, false);
    conv_direct(context, shape, x, packed.data(), y, false);
}

/// The gradient of x, added to grad_x if `accumulate`, otherwise overwriting it.
template <class T>
void conv2d_backward_input(Context& context, const ConvShape& shape, const T* grad_y,
                           const T* weight, T* grad_x, bool accumulate) {
    if (is_pointwise(shape)) {
        return gemm(context, Gemm<T>{.m = pixel_count(shape),
                                     .n = shape.in_channels,
                                     .k = shape.out_channels,
                                     .a = grad_y,
                                     .b = weight,
                                     .c = grad_x,
                                     .accumulate = accumulate});
    }
    const ConvShape back = transposed(shape);
    if constexpr (winograd::exact_enough<T>) {
        if (winograd::suits<T>(back)) {
            return winograd::conv(context, back, grad_y, weight, true, grad_x, accumulate);
        }
    }
    const Buffer<T> packed = pack_filters(context, back, weight, true);
    conv_direct(context, back, grad_y, packed.data(), grad_x, accumulate);
}

/// The gradient of weight, added to grad_weight if `accumulate`, otherwise overwriting it.
template <class T>
void conv2d_backward_weight(Context& context, const ConvShape& shape, const T* x, const T* grad_y,
                            T* grad_weight, bool accumulate) {
    if (is_pointwise(shape)) {
        return gemm(context, Gemm<T>{.m = shape.out_channels,
                                     .n = shape.in_channels,
                                     .k = pixel_count(shape),
                                     .transpose_a = true,
                                     .a = grad_y,
                                     .b = x,
                                     .c = grad_weight,
                                     .accumulate = accumulate});
    }
    if constexpr (winograd::exact_enough<T>) {
        if (winograd::suits<T>(shape)) {
            return winograd::weight_gradient(context, shape, x, grad_y, grad_weight, accumulate);
        }
    }
    conv_weight_gradient(context, shape, x, grad_y, grad_weight, accumulate);
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
