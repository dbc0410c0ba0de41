// Convolution and both ways back: by the device's library where it has one, else by own products.
#pragma once

#include <kasmina/requirements.hpp>

#include <algorithm>
#include <concepts>

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backend/matrix.hpp>
#include <kasmina/backends/cuda/buffer.hpp>
#include <kasmina/backends/cuda/kernels/convolution/implicit_product.hpp>
#include <kasmina/backends/cuda/kernels/convolution/weight_order.hpp>
#include <kasmina/backends/cuda/kernels/convolution/weight_product.hpp>

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
/// convolution is a matrix product; a weight's gradient always.
template <class T, class D>
struct Convolutions {
    using Context = typename D::Context;

    static void conv2d(Context& context, const Conv2d<T>& call) {
        if constexpr (LibraryConvolutions<D, T>) {
            if (D::conv2d(context, call)) return;
        }
        const ConvShape& shape = call.shape;
        if (has_one_tap(shape)) {
            D::gemm(context, Gemm<T>{.m = pixels_of(shape),
                                     .n = shape.out_channels,
                                     .k = shape.in_channels,
                                     .transpose_b = true,
                                     .a = call.x,
                                     .b = call.weight,
                                     .c = call.y});
            return;
        }
        product(context, shape, shape.in_channels, shape.out_channels, call.x, call.weight, false,
                {call.y, false});
    }

    static void conv2d_pullback_input(Context& context, const Conv2dPullbackInput<T>& call) {
        if (!call.grad_x) return;
        if constexpr (LibraryConvolutions<D, T>) {
            if (D::conv2d_pullback_input(context, call)) return;
        }
        const ConvShape& shape = call.shape;
        if (has_one_tap(shape)) {
            D::gemm(context, Gemm<T>{.m = pixels_of(shape),
                                     .n = shape.in_channels,
                                     .k = shape.out_channels,
                                     .a = call.grad_y,
                                     .b = call.weight,
                                     .c = call.grad_x.data,
                                     .accumulate = call.grad_x.accumulate});
            return;
        }
        product(context, shape, shape.out_channels, shape.in_channels, call.grad_y, call.weight,
                true, call.grad_x);
    }

    static void conv2d_pullback_weight(Context& context, const Conv2dPullbackWeight<T>& call) {
        if (!call.grad_weight) return;
        if (has_one_tap(call.shape)) {
            D::gemm(context, Gemm<T>{.m = call.shape.out_channels,
                                     .n = call.shape.in_channels,
                                     .k = pixels_of(call.shape),
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
        const ConvShape& shape = call.shape;
        const SlidingWindow window = window_of(shape, shape.in_channels);
        const bool in = in_vectors<T>(shape.in_channels, call.x);
        const bool out = in_vectors<T>(shape.out_channels, call.grad_y);
        if (shape.out_channels <= 32) {
            weight_product<8>(context, call, window, out, in);
        } else {
            weight_product<16>(context, call, window, out, in);
        }
    }

private:
    /// Then a convolution is a matrix product.
    [[nodiscard]] static bool has_one_tap(const ConvShape& shape) {
        return shape.kernel_height * shape.kernel_width == 1;
    }
    [[nodiscard]] static Index pixels_of(const ConvShape& shape) {
        return shape.batch * shape.height * shape.width;
    }
    [[nodiscard]] static SlidingWindow window_of(const ConvShape& shape, Index channels) {
        return {.pixels = pixels_of(shape),
                .height = static_cast<int>(shape.height),
                .width = static_cast<int>(shape.width),
                .kernel_height = static_cast<int>(shape.kernel_height),
                .kernel_width = static_cast<int>(shape.kernel_width),
                .channels = static_cast<int>(channels),
                .depth = shape.kernel_height * shape.kernel_width * channels};
    }

    static void product(Context& context, const ConvShape& shape, Index depth, Index columns,
                        const T* from, const T* weight, bool turned, const GradientTarget<T>& to) {
        const SlidingWindow window = window_of(shape, depth);
        const Index rows = parts(window.depth, ProductTile::depth) * ProductTile::depth;
        // Few columns have tiles that are narrow and long. Large tiles read less; but there must be
        // enough of them for all of a card.
        constexpr Index enough_blocks = 264;
        const bool narrow = columns <= 32;
        const Index tile = narrow ? 32 : 64;
        const Index pitch = parts(columns, tile) * tile;
        const bool large = parts(window.pixels, 128) * (pitch / tile) >= enough_blocks;
        Scratch<T, D> matrix(context, rows * pitch);
        context.launch(over_elements(rows * pitch),
                       WeightMatrixKernel<T>{shape.in_channels, shape.out_channels,
                                             shape.kernel_height * shape.kernel_width, rows, pitch,
                                             turned, weight, matrix.data()});
        const bool vectors = in_vectors<T>(depth, from);
        const bool whole = in_vectors<T>(columns, to.data);
        const auto run = [&]<int Across, int RowsEach, bool Vectors>() {
            const ImplicitProductKernel<T, Across, RowsEach, Vectors> kernel{
                window, columns, pitch, whole, from, matrix.data(), to};
            context.launch(kernel.launch(), kernel);
        };
        if (narrow) {
            vectors ? run.template operator()<8, 4, true>()
                    : run.template operator()<8, 4, false>();
        } else if (large) {
            vectors ? run.template operator()<16, 8, true>()
                    : run.template operator()<16, 8, false>();
        } else {
            vectors ? run.template operator()<16, 4, true>()
                    : run.template operator()<16, 4, false>();
        }
    }

    template <int OutAcross>
    static void weight_product(Context& context, const Conv2dPullbackWeight<T>& call,
                               const SlidingWindow& window, bool out_vectors, bool in_vectors) {
        if (out_vectors && in_vectors) {
            weight_product<WeightProductKernel<T, OutAcross, true, true>>(context, call, window);
        } else if (out_vectors) {
            weight_product<WeightProductKernel<T, OutAcross, true, false>>(context, call, window);
        } else {
            weight_product<WeightProductKernel<T, OutAcross, false, false>>(context, call, window);
        }
    }

    template <class Kernel>
    static void weight_product(Context& context, const Conv2dPullbackWeight<T>& call,
                               const SlidingWindow& window) {
        const ConvShape& shape = call.shape;
        constexpr Index enough_blocks = 528;
        constexpr Index least_pixels = 256;
        constexpr Index most_splits = 64;
        const Index splits_wanted =
            std::clamp<Index>(enough_blocks / Kernel::tiles(window, shape.out_channels), 1,
                              std::min(most_splits, parts(window.pixels, least_pixels)));
        const Index split_pixels =
            parts(parts(window.pixels, splits_wanted), ProductTile::depth) * ProductTile::depth;
        const Index splits = parts(window.pixels, split_pixels);
        const Index weights = shape.out_channels * window.depth;
        Scratch<T, D> partials(context, splits * weights);
        const Kernel kernel{window, shape.out_channels, splits,         split_pixels,
                            call.x, call.grad_y,        partials.data()};
        context.launch(kernel.launch(), kernel);
        context.launch(over_elements(weights),
                       WeightSplitsKernel<T>{shape.out_channels, shape.in_channels,
                                             shape.kernel_height * shape.kernel_width, splits,
                                             partials.data(), call.grad_weight});
    }
};

}  // namespace kasmina::backends::cuda_detail
