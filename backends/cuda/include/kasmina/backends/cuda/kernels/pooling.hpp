// Pooling: maxima and means of windows, and means over positions, both ways.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstdint>

#include <kasmina/backend/pooling.hpp>
#include <kasmina/backends/cuda/buffer.hpp>
#include <kasmina/backends/cuda/kernels/pooling/any_window.hpp>
#include <kasmina/backends/cuda/kernels/pooling/max_pool.hpp>
#include <kasmina/backends/cuda/kernels/pooling/mean_positions.hpp>

namespace kasmina::backends::cuda_detail {

/// Capabilities: PoolingBackend, AveragePoolingBackend.
template <class T, class D>
struct Pooling {
    using Context = typename D::Context;

    static void max_pool(Context& context, const MaxPool<T>& call) {
        if (!halves(call.shape)) {
            const bool vectors = in_vectors<T>(call.shape.map.channels, call.x, call.y);
            over_windows(call.shape, vectors, [&](auto lanes, const ChannelGrid& grid) {
                context.launch(grid.launch(),
                               AnyMaxPoolKernel<T, decltype(lanes)::value>{
                                   grid, PoolWindows(call.shape), call.x, call.y, nullptr});
            });
            return;
        }
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
        if (!halves(call.shape)) {
            any_max_pool_pullback(context, call);
            return;
        }
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

    static void average_pool(Context& context, const AveragePool<T>& call) {
        const bool vectors = in_vectors<T>(call.shape.map.channels, call.x, call.y);
        over_windows(call.shape, vectors, [&](auto lanes, const ChannelGrid& grid) {
            context.launch(grid.launch(),
                           AveragePoolKernel<T, decltype(lanes)::value>{
                               grid, PoolWindows(call.shape), call.count_padding, call.x, call.y});
        });
    }

    static void average_pool_pullback(Context& context, const AveragePoolPullback<T>& call) {
        if (!call.grad_x) return;
        const bool vectors = in_vectors<T>(call.shape.map.channels, call.grad_y, call.grad_x.data);
        over_map(call.shape, vectors, [&](auto lanes, const ChannelGrid& grid) {
            context.launch(grid.launch(), AveragePoolPullbackKernel<T, decltype(lanes)::value>{
                                              grid, PoolWindows(call.shape), call.count_padding,
                                              call.grad_y, call.grad_x});
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

private:
    /// First which place of each window is its maximum, then each place asks its windows.
    static void any_max_pool_pullback(Context& context, const MaxPoolPullback<T>& call) {
        const Index channels = call.shape.map.channels;
        Scratch<std::int32_t, D> places(context, call.shape.out_elements());
        over_windows(
            call.shape, in_vectors<T>(channels, call.x), [&](auto lanes, const ChannelGrid& grid) {
                context.launch(grid.launch(),
                               AnyMaxPoolKernel<T, decltype(lanes)::value>{
                                   grid, PoolWindows(call.shape), call.x, nullptr, places.data()});
            });
        over_map(call.shape, in_vectors<T>(channels, call.grad_y, call.grad_x.data),
                 [&](auto lanes, const ChannelGrid& grid) {
                     context.launch(grid.launch(),
                                    AnyMaxPoolPullbackKernel<T, decltype(lanes)::value>{
                                        grid, PoolWindows(call.shape), places.data(), call.grad_y,
                                        call.grad_x});
                 });
    }

    /// f(lanes, grid) for a grid whose positions are the windows, or the map's places.
    template <class F>
    static void over_windows(const PoolShape& shape, bool vectors, const F& f) {
        over(shape.map.batch * shape.out_height * shape.out_width, shape, vectors, f);
    }
    template <class F>
    static void over_map(const PoolShape& shape, bool vectors, const F& f) {
        over(shape.map.batch * shape.map.height * shape.map.width, shape, vectors, f);
    }
    template <class F>
    static void over(Index positions, const PoolShape& shape, bool vectors, const F& f) {
        with_lanes<T>(vectors, [&](auto lanes) {
            f(lanes, channel_grid(1, positions, shape.map.channels, decltype(lanes)::value, 1,
                                  any_blocks));
        });
    }
};

}  // namespace kasmina::backends::cuda_detail
