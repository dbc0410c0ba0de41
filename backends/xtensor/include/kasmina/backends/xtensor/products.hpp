// Matrix products and convolutions: every one is a sum of products, spelled out.
#pragma once

#include <algorithm>
#include <array>

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backend/matrix.hpp>
#include <kasmina/backends/xtensor/bfloat16.hpp>
#include <kasmina/backends/xtensor/context.hpp>
#include <kasmina/backends/xtensor/view.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: MatrixBackend.
template <class T>
struct Matrices {
    static void gemm(Context& context, const Gemm<T>& product) {
        const Multiplication times(context);
        const auto [m, n, k] = std::array{product.m, product.n, product.k};
        for (Index matrix = 0; matrix < product.batch; ++matrix) {
            const T* a = product.a + matrix * product.batch_stride_a;
            const T* b = product.b + matrix * product.batch_stride_b;
            T* c = product.c + matrix * product.batch_stride_c;
            for (Index i = 0; i < m; ++i) {
                for (Index j = 0; j < n; ++j) {
                    T sum{0};
                    for (Index l = 0; l < k; ++l) {
                        sum += times(product.transpose_a ? a[l * m + i] : a[i * k + l],
                                     product.transpose_b ? b[j * k + l] : b[l * n + j]);
                    }
                    if (product.bias != nullptr) sum += product.bias[j];
                    c[i * n + j] = product.accumulate ? c[i * n + j] + sum : sum;
                }
            }
        }
    }
};

/// A convolution is the sum, over output pixels and the taps of the kernel that fall on the map,
/// of y(pixel, o) += x(pixel + tap, i) * weight(o, i, tap). This calls
/// f(output pixel, input pixel, tap), as indices, for each of those pairs. The forward pass and
/// both pullbacks differ only in which of the three factors they add to.
template <class F>
void for_each_tap(const ConvShape& shape, F&& f) {
    const auto [batch, height, width, in_channels, out_channels, kernel_height, kernel_width] =
        shape;
    for (Index sample = 0; sample < batch; ++sample) {
        for (Index row = 0; row < height; ++row) {
            for (Index column = 0; column < width; ++column) {
                for (Index i = 0; i < kernel_height; ++i) {
                    for (Index j = 0; j < kernel_width; ++j) {
                        const Index from_row = row + i - kernel_height / 2;
                        const Index from_column = column + j - kernel_width / 2;
                        if (from_row < 0 || from_row >= height) continue;
                        if (from_column < 0 || from_column >= width) continue;
                        f((sample * height + row) * width + column,
                          (sample * height + from_row) * width + from_column, i * kernel_width + j);
                    }
                }
            }
        }
    }
}

/// Capability: ConvolutionBackend.
template <class T>
struct Convolutions {
    static void conv2d(Context& context, const Conv2d<T>& conv) {
        const ConvShape& shape = conv.shape;
        const Multiplication times(context);
        std::fill_n(conv.y, shape.batch * shape.height * shape.width * shape.out_channels, T{0});
        for_each_product(shape, [&](Index in, Index w, Index out) {
            conv.y[out] += times(conv.x[in], conv.weight[w]);
        });
    }
    static void conv2d_pullback_input(Context& context, const Conv2dPullbackInput<T>& conv) {
        const ConvShape& shape = conv.shape;
        const Multiplication times(context);
        xt::xtensor<T, 1> grad_x =
            xt::zeros<T>({shape.batch * shape.height * shape.width * shape.in_channels});
        for_each_product(shape, [&](Index in, Index w, Index out) {
            grad_x(in) += times(conv.grad_y[out], conv.weight[w]);
        });
        put(conv.grad_x, grad_x);
    }
    static void conv2d_pullback_weight(Context& context, const Conv2dPullbackWeight<T>& conv) {
        const ConvShape& shape = conv.shape;
        const Multiplication times(context);
        xt::xtensor<T, 1> grad_weight =
            xt::zeros<T>({shape.out_channels * shape.in_channels * taps(shape)});
        for_each_product(shape, [&](Index in, Index w, Index out) {
            grad_weight(w) += times(conv.grad_y[out], conv.x[in]);
        });
        put(conv.grad_weight, grad_weight);
    }

private:
    static Index taps(const ConvShape& shape) { return shape.kernel_height * shape.kernel_width; }

    /// f(index in x, index in weight, index in y) for each product.
    template <class F>
    static void for_each_product(const ConvShape& shape, F&& f) {
        for_each_tap(shape, [&](Index to, Index from, Index tap) {
            for (Index o = 0; o < shape.out_channels; ++o) {
                for (Index i = 0; i < shape.in_channels; ++i) {
                    f(from * shape.in_channels + i, (o * shape.in_channels + i) * taps(shape) + tap,
                      to * shape.out_channels + o);
                }
            }
        });
    }
};

/// Capability: DepthwiseConvolutionBackend.
template <class T>
struct DepthwiseConvolutions {
    static void depthwise_conv2d(Context& context, const Conv2d<T>& conv) {
        const Multiplication times(context);
        std::fill_n(conv.y, map_size(conv.shape), T{0});
        for_each_product(conv.shape, [&](Index in, Index w, Index out) {
            conv.y[out] += times(conv.x[in], conv.weight[w]);
        });
    }
    static void depthwise_conv2d_pullback_input(Context& context,
                                                const Conv2dPullbackInput<T>& conv) {
        const Multiplication times(context);
        xt::xtensor<T, 1> grad_x = xt::zeros<T>({map_size(conv.shape)});
        for_each_product(conv.shape, [&](Index in, Index w, Index out) {
            grad_x(in) += times(conv.grad_y[out], conv.weight[w]);
        });
        put(conv.grad_x, grad_x);
    }
    static void depthwise_conv2d_pullback_weight(Context& context,
                                                 const Conv2dPullbackWeight<T>& conv) {
        const ConvShape& shape = conv.shape;
        const Multiplication times(context);
        xt::xtensor<T, 1> grad_weight =
            xt::zeros<T>({shape.out_channels * shape.kernel_height * shape.kernel_width});
        for_each_product(shape, [&](Index in, Index w, Index out) {
            grad_weight(w) += times(conv.grad_y[out], conv.x[in]);
        });
        put(conv.grad_weight, grad_weight);
    }

private:
    static Index map_size(const ConvShape& shape) {
        return shape.batch * shape.height * shape.width * shape.out_channels;
    }

    /// f(index in x, index in weight, index in y) for each product.
    template <class F>
    static void for_each_product(const ConvShape& shape, F&& f) {
        const Index taps = shape.kernel_height * shape.kernel_width;
        for_each_tap(shape, [&](Index to, Index from, Index tap) {
            for (Index c = 0; c < shape.out_channels; ++c) {
                f(from * shape.out_channels + c, c * taps + tap, to * shape.out_channels + c);
            }
        });
    }
};

}  // namespace kasmina::backends::xtensor_detail
