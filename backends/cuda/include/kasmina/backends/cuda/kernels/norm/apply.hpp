// Applying a norm: normalise, cut at 0 and add a residual in one pass over memory.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backends/cuda/kernels/norm/geometry.hpp>

namespace kasmina::backends::cuda_detail {

/// y = [residual +] [relu](scale * (x - mean) * inverse_deviation + shift); y may be x.
template <class T, int Width>
struct NormApplyKernel {
    static constexpr const char* name = "norm_apply";
    static constexpr int batch = 4;  ///< positions whose loads are under way together
    ChannelGrid grid;
    NormParameters<T> parameters;
    bool relu;
    const T* x;
    const T* residual;  ///< null for none
    T* y;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        if (!place.active) return;
        const auto norm = parameters.template at<Width>(place.sample, place.channel);
        const Index step = grid.rows * grid.channels;
        Index at = (place.sample * grid.positions + place.first) * grid.channels + place.channel;
        for (Index position = place.first; position < place.end;
             position += batch * grid.rows, at += batch * step) {
            Lanes<T, Width> values[batch];
            Lanes<T, Width> added[batch];
            KASMINA_DEVICE_UNROLL
            for (int k = 0; k < batch; ++k) {
                if (position + k * grid.rows >= place.end) continue;
                values[k] = load_lanes<Width>(x + at + k * step);
                added[k] = residual != nullptr ? load_lanes<Width>(residual + at + k * step)
                                               : same_lanes<Width>(T{0});
            }
            KASMINA_DEVICE_UNROLL
            for (int k = 0; k < batch; ++k) {
                if (position + k * grid.rows >= place.end) continue;
                KASMINA_DEVICE_UNROLL
                for (int i = 0; i < Width; ++i) {
                    const T value = norm.normalised(values[k][i], i);
                    values[k][i] = relu ? rectified(value) : value;
                    if (residual != nullptr) values[k][i] += added[k][i];
                }
                store_lanes(y + at + k * step, values[k]);
            }
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
