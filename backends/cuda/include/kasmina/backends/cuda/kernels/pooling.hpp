// Pooling: maxima of 2x2 windows and means over positions, both ways.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/pooling.hpp>
#include <kasmina/backends/cuda/kernels/pooling/max_pool.hpp>
#include <kasmina/backends/cuda/kernels/pooling/mean_positions.hpp>

namespace kasmina::backends::cuda_detail {

/// Capability: PoolingBackend.
template <class T, class D>
struct Pooling {
    using Context = typename D::Context;

    static void max_pool(Context& context, const MaxPool<T>& call) {
        const Windows windows = Windows::whole(call.shape.map);
        with_lanes<T>(in_vectors<T>(call.shape.map.channels, call.x, call.y), [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            const ChannelGrid grid = channel_grid(1, windows.count(call.shape.map),
                                                  call.shape.map.channels, width, 1, any_blocks);
            context.launch(grid.launch(), MaxPoolKernel<T, width>{grid, windows, call.x, call.y});
        });
    }

    static void max_pool_pullback(Context& context, const MaxPoolPullback<T>& call) {
        if (!call.grad_x) return;
        const Windows windows = Windows::all(call.shape.map);
        const bool vectors =
            in_vectors<T>(call.shape.map.channels, call.x, call.grad_y, call.grad_x.data);
        with_lanes<T>(vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            const ChannelGrid grid = channel_grid(1, windows.count(call.shape.map),
                                                  call.shape.map.channels, width, 1, any_blocks);
            context.launch(grid.launch(), MaxPoolPullbackKernel<T, width>{
                                              grid, windows, call.x, call.grad_y, call.grad_x});
        });
    }

    static void mean_positions(Context& context, const MeanPositions<T>& call) {
        const bool vectors = in_vectors<T>(call.geometry.channels, call.x, call.y);
        // Narrow tiles, so that there are enough blocks although each has a whole sample.
        constexpr int most_columns = 8;
        with_lanes<T>(vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            const ChannelGrid grid =
                channel_grid(call.geometry.samples, call.geometry.positions, call.geometry.channels,
                             width, 1, 1, most_columns);
            context.launch(grid.launch(sum_rows_bytes<width, double>()),
                           MeanPositionsKernel<T, width>{grid, call.x, call.y});
        });
    }

    static void mean_positions_pullback(Context& context, const MeanPositionsPullback<T>& call) {
        if (!call.grad_x) return;
        const bool vectors = in_vectors<T>(call.geometry.channels, call.grad_y, call.grad_x.data);
        with_lanes<T>(vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            const ChannelGrid grid = channel_grid(call.geometry.samples, call.geometry.positions,
                                                  call.geometry.channels, width, 4, any_blocks);
            context.launch(grid.launch(),
                           MeanPositionsPullbackKernel<T, width>{grid, call.grad_y, call.grad_x});
        });
    }
};

}  // namespace kasmina::backends::cuda_detail
