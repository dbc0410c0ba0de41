// Depthwise convolution and both ways back.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/depthwise_convolution.hpp>
#include <kasmina/backends/cuda/buffer.hpp>
#include <kasmina/backends/cuda/kernels/convolution/direct.hpp>
#include <kasmina/backends/cuda/kernels/depthwise/filter.hpp>
#include <kasmina/backends/cuda/kernels/depthwise/weight_gradient.hpp>
#include <kasmina/backends/cuda/kernels/reduction/partial_sums.hpp>
#include <kasmina/backends/cuda/kernels/storage.hpp>

namespace kasmina::backends::cuda_detail {

/// Capability: DepthwiseConvolutionBackend. Memory sets its pace, not arithmetic, so that it
/// multiplies in full at any precision. What does not keep the map's size is convolved directly.
template <class T, class D>
struct DepthwiseConvolutions {
    using Context = typename D::Context;

    static void depthwise_conv2d(Context& context, const Conv2d<T>& call) {
        if (sums_nothing(call.shape)) {
            return put_zeros<T, D>(context, {call.y, false}, output_size(call.shape));
        }
        if (!keeps_size(call.shape)) {
            DirectConvolutions<T, D>::forward(context, call);
            return;
        }
        filter(context, call.shape, call.x, call.weight, false, {call.y, false});
    }

    static void depthwise_conv2d_pullback_input(Context& context,
                                                const Conv2dPullbackInput<T>& call) {
        if (!call.grad_x) return;
        if (sums_nothing(call.shape)) {
            return put_zeros<T, D>(context, call.grad_x, input_size(call.shape));
        }
        if (!keeps_size(call.shape)) {
            DirectConvolutions<T, D>::to_input(context, call);
            return;
        }
        filter(context, call.shape, call.grad_y, call.weight, true, call.grad_x);
    }

    static void depthwise_conv2d_pullback_weight(Context& context,
                                                 const Conv2dPullbackWeight<T>& call) {
        if (!call.grad_weight) return;
        if (sums_nothing(call.shape)) {
            return put_zeros<T, D>(context, call.grad_weight, weight_size(call.shape));
        }
        if (!keeps_size(call.shape)) {
            DirectConvolutions<T, D>::to_weight(context, call);
            return;
        }
        const bool vectors = in_vectors<T>(call.shape.out_channels, call.x, call.grad_y);
        with_lanes<T>(vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            if (call.shape.kernel_width == 3) {
                weight_gradient<width, 3>(context, call);
            } else {
                weight_gradient<width, 1>(context, call);
            }
        });
    }

private:
    static void filter(Context& context, const ConvShape& shape, const T* from, const T* weight,
                       bool turned, const GradientTarget<T>& to) {
        with_lanes<T>(in_vectors<T>(shape.out_channels, from, to.data), [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            if (shape.kernel_width == 3) {
                filter<width, 3>(context, shape, from, weight, turned, to);
            } else {
                filter<width, 0>(context, shape, from, weight, turned, to);
            }
        });
    }

    template <int Width, int KernelWidth>
    static void filter(Context& context, const ConvShape& shape, const T* from, const T* weight,
                       bool turned, const GradientTarget<T>& to) {
        using Kernel = DepthwiseFilterKernel<T, Width, KernelWidth>;
        // Each block loads its kernels first: not more blocks than fill a card.
        constexpr Index most_blocks = 1024;
        const ChannelGrid grid =
            channel_grid(1, Kernel::positions(shape), shape.out_channels, Width, 1, most_blocks);
        const Kernel kernel{grid,
                            shape,
                            shape.kernel_height * shape.kernel_width,
                            Kernel::runs_of(shape),
                            turned,
                            from,
                            weight,
                            to};
        context.launch(kernel.launch(), kernel);
    }

    template <int Width, int Taps>
    static void weight_gradient(Context& context, const Conv2dPullbackWeight<T>& call) {
        using Kernel = DepthwiseWeightSumsKernel<T, Width, Taps>;
        const ConvShape& shape = call.shape;
        const Index pixels = shape.batch * shape.height * shape.width;
        const Index segments = shape.out_channels * shape.kernel_height * shape.kernel_width;
        const Index most_blocks = most_partial_blocks / Kernel::tap_groups(shape);
        const ChannelGrid grid =
            channel_grid(1, pixels, shape.out_channels, Width, Kernel::batch, most_blocks);
        Scratch<double, D> partials(context, segments * grid.chunks);
        const Kernel kernel{grid, shape, call.x, call.grad_y, partials.data()};
        context.launch(kernel.launch(), kernel);
        context.launch(
            over_warps(segments),
            SumSegmentsKernel<T, double>{partials.data(), segments, grid.chunks, call.grad_weight});
    }
};

}  // namespace kasmina::backends::cuda_detail
