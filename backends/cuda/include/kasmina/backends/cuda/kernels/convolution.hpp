// Convolution and both ways back: by the device's library where it has one, else by own products.
#pragma once

#include <kasmina/requirements.hpp>

#include <algorithm>
#include <concepts>

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backend/matrix.hpp>
#include <kasmina/backends/cuda/buffer.hpp>
#include <kasmina/backends/cuda/kernels/convolution/direct.hpp>
#include <kasmina/backends/cuda/kernels/convolution/implicit_product.hpp>
#include <kasmina/backends/cuda/kernels/convolution/weight_order.hpp>
#include <kasmina/backends/cuda/kernels/convolution/weight_product.hpp>
#include <kasmina/backends/cuda/kernels/depthwise_convolution.hpp>
#include <kasmina/backends/cuda/kernels/matrix.hpp>
#include <kasmina/backends/cuda/kernels/storage.hpp>

namespace kasmina::backends::cuda_detail {

/// A device with a library of convolutions has these; each says whether it did the work.
template <class D, class T>
concept LibraryConvolutions =
    requires(typename D::Context& context, const Conv2d<T>& forward,
             const Conv2dPullbackInput<T>& input, const Conv2dPullbackWeight<T>& weight) {
        { D::conv2d(context, forward) } -> std::same_as<bool>;
        { D::conv2d_pullback_input(context, input) } -> std::same_as<bool>;
        { D::conv2d_pullback_weight(context, weight) } -> std::same_as<bool>;
    };

/// Capability: ConvolutionBackend. What a library has no answer for, and where there is
/// none, own products do; these multiply in full at any precision. With one tap a
/// convolution that keeps the map's size is a matrix product; a weight's gradient always.
template <class T, class D>
struct Convolutions {
    using Context = typename D::Context;

    static void conv2d(Context& context, const Conv2d<T>& call) {
        if (sums_nothing(call.shape)) {
            return put_zeros<T, D>(context, {call.y, false}, output_size(call.shape));
        }
        if constexpr (LibraryConvolutions<D, T>) {
            if (D::conv2d(context, call)) return;
        }
        const ConvShape& shape = call.shape;
        if (has_one_tap(shape)) {
            Matrices<T, D>::gemm(context, Gemm<T>{.m = pixels_of(shape),
                                                  .n = shape.out_channels,
                                                  .k = shape.in_channels,
                                                  .transpose_b = true,
                                                  .a = call.x,
                                                  .b = call.weight,
                                                  .c = call.y});
        } else if (is_plain(shape)) {
            product(context, shape, SlidingWindow::of(shape, shape.in_channels), call.x,
                    call.weight, false, {call.y, false});
        } else if (is_depthwise(shape)) {
            DepthwiseConvolutions<T, D>::depthwise_conv2d(context, call);
        } else if (has_small_groups(shape, shape.out_channels)) {
            DirectConvolutions<T, D>::forward(context, call);
        } else {
            product(context, shape, StridedWindow::forward(shape), call.x, call.weight, false,
                    {call.y, false});
        }
    }

    static void conv2d_pullback_input(Context& context, const Conv2dPullbackInput<T>& call) {
        if (!call.grad_x) return;
        if (sums_nothing(call.shape)) {
            return put_zeros<T, D>(context, call.grad_x, input_size(call.shape));
        }
        if constexpr (LibraryConvolutions<D, T>) {
            if (D::conv2d_pullback_input(context, call)) return;
        }
        const ConvShape& shape = call.shape;
        if (has_one_tap(shape)) {
            Matrices<T, D>::gemm(context, Gemm<T>{.m = pixels_of(shape),
                                                  .n = shape.in_channels,
                                                  .k = shape.out_channels,
                                                  .a = call.grad_y,
                                                  .b = call.weight,
                                                  .c = call.grad_x.data,
                                                  .accumulate = call.grad_x.accumulate});
        } else if (is_plain(shape)) {
            product(context, shape, SlidingWindow::of(shape, shape.out_channels), call.grad_y,
                    call.weight, true, call.grad_x);
        } else if (is_depthwise(shape)) {
            DepthwiseConvolutions<T, D>::depthwise_conv2d_pullback_input(context, call);
        } else if (has_small_groups(shape, shape.in_channels)) {
            DirectConvolutions<T, D>::to_input(context, call);
        } else {
            product(context, shape, StridedWindow::back(shape), call.grad_y, call.weight, true,
                    call.grad_x);
        }
    }

    static void conv2d_pullback_weight(Context& context, const Conv2dPullbackWeight<T>& call) {
        if (!call.grad_weight) return;
        if (sums_nothing(call.shape)) {
            return put_zeros<T, D>(context, call.grad_weight, weight_size(call.shape));
        }
        const ConvShape& shape = call.shape;
        if (has_one_tap(shape)) {
            Matrices<T, D>::gemm(context, Gemm<T>{.m = shape.out_channels,
                                                  .n = shape.in_channels,
                                                  .k = pixels_of(shape),
                                                  .transpose_a = true,
                                                  .a = call.grad_y,
                                                  .b = call.x,
                                                  .c = call.grad_weight.data,
                                                  .accumulate = call.grad_weight.accumulate});
            return;
        }
        if constexpr (LibraryConvolutions<D, T>) {
            if (D::conv2d_pullback_weight(context, call)) return;
        }
        if (is_plain(shape)) {
            weight_product(context, call, SlidingWindow::of(shape, shape.in_channels));
        } else if (is_depthwise(shape)) {
            DepthwiseConvolutions<T, D>::depthwise_conv2d_pullback_weight(context, call);
        } else if (has_small_groups(shape, shape.out_channels)) {
            DirectConvolutions<T, D>::to_weight(context, call);
        } else {
            weight_product(context, call, StridedWindow::forward(shape));
        }
    }

private:
    /// What the fastest kernels are for.
    [[nodiscard]] static bool is_plain(const ConvShape& shape) {
        return shape.groups == 1 && keeps_size(shape);
    }
    /// Then a convolution is a matrix product.
    [[nodiscard]] static bool has_one_tap(const ConvShape& shape) {
        return is_plain(shape) && shape.kernel_height * shape.kernel_width == 1;
    }
    [[nodiscard]] static bool is_depthwise(const ConvShape& shape) {
        return shape.groups == shape.in_channels && shape.groups == shape.out_channels;
    }
    /// Whether so many channels in all are so few in a group that a product's tile would be of
    /// nothing for the most part.
    [[nodiscard]] static bool has_small_groups(const ConvShape& shape, Index channels) {
        constexpr Index few = 8;
        return shape.groups > 1 && channels / shape.groups <= few;
    }
    [[nodiscard]] static Index pixels_of(const ConvShape& shape) {
        return shape.batch * shape.height * shape.width;
    }

    template <class Window>
    static void product(Context& context, const ConvShape& shape, const Window& window,
                        const T* from, const T* weight, bool turned, const GradientTarget<T>& to) {
        const Index in_channels = shape.in_channels / shape.groups;
        const Index out_channels = shape.out_channels / shape.groups;
        const Index columns = turned ? in_channels : out_channels;
        const Index rows = parts(window.depth, ProductTile::depth) * ProductTile::depth;
        // Few columns have tiles that are narrow and long. Large tiles read less; but there must be
        // enough of them for all of a card.
        constexpr Index enough_blocks = 264;
        const bool narrow = columns <= 32;
        const Index tile = narrow ? 32 : 64;
        const Index pitch = parts(columns, tile) * tile;
        const bool large = parts(window.pixels, 128) * (pitch / tile) >= enough_blocks;
        Scratch<T, D> matrix(context, shape.groups * rows * pitch);
        context.launch(over_elements(shape.groups * rows * pitch),
                       WeightMatrixKernel<T>{shape.groups, in_channels, out_channels,
                                             shape.kernel_height * shape.kernel_width, rows, pitch,
                                             turned, weight, matrix.data()});
        const bool vectors = in_vectors<T>(window.channels, from);
        const bool whole = in_vectors<T>(columns, to.data);
        const auto run = [&]<int Across, int RowsEach, bool Vectors>() {
            const ImplicitProductKernel<T, Window, Across, RowsEach, Vectors> kernel{
                window, shape.groups, columns, pitch, whole, from, matrix.data(), to};
            context.launch(kernel.launch(), kernel);
        };
        if (narrow) {
            vectors ? run.template operator()<8, 4, true>()
                    : run.template operator()<8, 4, false>();
        } else if (large && !Window::grouped) {
            if constexpr (!Window::grouped) {
                vectors ? run.template operator()<16, 8, true>()
                        : run.template operator()<16, 8, false>();
            }
        } else {
            vectors ? run.template operator()<16, 4, true>()
                    : run.template operator()<16, 4, false>();
        }
    }

    template <class Window>
    static void weight_product(Context& context, const Conv2dPullbackWeight<T>& call,
                               const Window& window) {
        const Index out_channels = call.shape.out_channels / call.shape.groups;
        const bool in = in_vectors<T>(window.channels, call.x);
        const bool out = in_vectors<T>(out_channels, call.grad_y);
        const auto run = [&]<int OutAcross>() {
            if (out && in) {
                weight_product<WeightProductKernel<T, Window, OutAcross, true, true>>(context, call,
                                                                                      window);
            } else if (out) {
                weight_product<WeightProductKernel<T, Window, OutAcross, true, false>>(
                    context, call, window);
            } else {
                weight_product<WeightProductKernel<T, Window, OutAcross, false, false>>(
                    context, call, window);
            }
        };
        if (out_channels <= 32) {
            run.template operator()<8>();
        } else {
            run.template operator()<16>();
        }
    }

    template <class Kernel, class Window>
    static void weight_product(Context& context, const Conv2dPullbackWeight<T>& call,
                               const Window& window) {
        const ConvShape& shape = call.shape;
        const Index out_channels = shape.out_channels / shape.groups;
        constexpr Index enough_blocks = 528;
        constexpr Index least_pixels = 256;
        constexpr Index most_splits = 64;
        const Index splits_wanted = std::clamp<Index>(
            enough_blocks / (shape.groups * Kernel::tiles(window, out_channels)), 1,
            std::clamp<Index>(parts(window.pixels, least_pixels), 1, most_splits));
        const Index depths =
            std::max<Index>(1, parts(parts(window.pixels, splits_wanted), ProductTile::depth));
        const Index split_pixels = depths * ProductTile::depth;
        const Index splits = parts(window.pixels, split_pixels);
        const Index weights = shape.out_channels * window.depth;
        Scratch<T, D> partials(context, splits * weights);
        const Kernel kernel{window,       shape.groups, out_channels, splits,
                            split_pixels, call.x,       call.grad_y,  partials.data()};
        context.launch(kernel.launch(), kernel);
        context.launch(over_elements(weights),
                       WeightSplitsKernel<T>{shape.out_channels, window.channels,
                                             shape.kernel_height * shape.kernel_width, splits,
                                             partials.data(), call.grad_weight});
    }
};

}  // namespace kasmina::backends::cuda_detail
