// The mean over a map's positions, both ways.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backends/cuda/kernels/reduction/channel_grid.hpp>

namespace kasmina::backends::cuda_detail {

/// y (samples, channels); the grid has one chunk for all positions of a sample.
template <class T, int Width>
struct MeanPositionsKernel {
    static constexpr const char* name = "mean_positions";
    static constexpr int batch = 4;  ///< positions whose loads are under way together
    ChannelGrid grid;
    const T* x;
    T* y;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        double sums[static_cast<unsigned>(Width)] = {};
        const T* from =
            x + (place.sample * grid.positions + place.first) * grid.channels + place.channel;
        const Index step = grid.rows * grid.channels;
        for (Index position = place.first; position < place.end;
             position += batch * grid.rows, from += batch * step) {
            Lanes<T, Width> values[batch];
            KASMINA_DEVICE_UNROLL
            for (int k = 0; k < batch; ++k) {
                values[k] = position + k * grid.rows < place.end
                                ? load_lanes<Width>(from + k * step)
                                : same_lanes<Width>(T{0});
            }
            KASMINA_DEVICE_UNROLL
            for (int k = 0; k < batch; ++k) {
                KASMINA_DEVICE_UNROLL
                for (int i = 0; i < Width; ++i) sums[i] += static_cast<double>(values[k][i]);
            }
        }
        sum_rows(block, grid, place, sums,
                 block.template shared<double>(0, Width * ChannelGrid::threads));
        if (!place.active || place.row != 0) return;
        Lanes<T, Width> mean;
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Width; ++i) {
            mean[i] = static_cast<T>(sums[i] / static_cast<double>(grid.positions));
        }
        store_lanes(y + place.sample * grid.channels + place.channel, mean);
    }
};

/// grad_x (+)= grad_y / positions.
template <class T, int Width>
struct MeanPositionsPullbackKernel {
    static constexpr const char* name = "mean_positions_pullback";
    ChannelGrid grid;
    const T* grad_y;
    GradientTarget<T> grad_x;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        if (!place.active) return;
        Lanes<T, Width> share =
            load_lanes<Width>(grad_y + place.sample * grid.channels + place.channel);
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Width; ++i) share[i] /= static_cast<T>(grid.positions);
        for (Index position = place.first; position < place.end; position += grid.rows) {
            put_lanes(grad_x,
                      (place.sample * grid.positions + position) * grid.channels + place.channel,
                      share);
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
