// Max-pool over 2x2 windows, both ways: one thread for a window's channels.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backends/cuda/kernels/pooling/windows.hpp>
#include <kasmina/backends/cuda/kernels/reduction/channel_grid.hpp>

namespace kasmina::backends::cuda_detail {

/// The grid's positions are whole windows.
template <class T, int Width>
struct MaxPoolKernel {
    static constexpr const char* name = "max_pool";
    ChannelGrid grid;
    Windows windows;
    const T* x;
    T* y;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        for (Index position = place.first; position < place.end; position += grid.rows) {
            const Window window = window_at(windows, position);
            const T* from = x + window.corner + place.channel;
            Lanes<T, Width> corners[4];
            KASMINA_DEVICE_UNROLL
            for (int k = 0; k < 4; ++k) {
                corners[k] = load_lanes<Width>(from + corner_of(windows, k));
            }
            Lanes<T, Width> result;
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                result[i] = maximum(corners[0][i], corners[1][i], corners[2][i], corners[3][i]);
            }
            store_lanes(y + window.pooled + place.channel, result);
        }
    }
};

/// The grid's positions are all windows, whole or not.
template <class T, int Width>
struct MaxPoolPullbackKernel {
    static constexpr const char* name = "max_pool_pullback";
    ChannelGrid grid;
    Windows windows;
    const T* x;
    const T* grad_y;
    GradientTarget<T> grad_x;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        for (Index position = place.first; position < place.end; position += grid.rows) {
            const Window window = window_at(windows, position);
            const Index corner = window.corner + place.channel;
            Lanes<T, Width> gradient = same_lanes<Width>(T{0});
            Lanes<int, Width> maximum_at = same_lanes<Width>(-1);
            if (window.right && window.below) {
                Lanes<T, Width> values[4];
                KASMINA_DEVICE_UNROLL
                for (int k = 0; k < 4; ++k) {
                    values[k] = load_lanes<Width>(x + corner + corner_of(windows, k));
                }
                gradient = load_lanes<Width>(grad_y + window.pooled + place.channel);
                KASMINA_DEVICE_UNROLL
                for (int i = 0; i < Width; ++i) {
                    maximum_at[i] =
                        place_of_maximum(values[0][i], values[1][i], values[2][i], values[3][i]);
                }
            }
            KASMINA_DEVICE_UNROLL
            for (int k = 0; k < 4; ++k) {
                if (!has_corner(window, k)) continue;
                Lanes<T, Width> here;
                KASMINA_DEVICE_UNROLL
                for (int i = 0; i < Width; ++i) {
                    here[i] = maximum_at[i] == k ? gradient[i] : T{0};
                }
                put_lanes(grad_x, corner + corner_of(windows, k), here);
            }
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
