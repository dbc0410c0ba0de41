// Applying a norm and pooling: normalise, cut at 0 and take maxima of 2x2 windows in one pass.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backends/cuda/kernels/norm/geometry.hpp>
#include <kasmina/backends/cuda/kernels/pooling/windows.hpp>

namespace kasmina::backends::cuda_detail {

/// y (batch, height / 2, width / 2, channels) = the maxima of [relu](the norm of x). The grid's
/// positions are whole windows.
template <class T, int Width>
struct NormPooledKernel {
    static constexpr const char* name = "norm_pooled";
    ChannelGrid grid;
    Windows windows;
    NormParameters<T> parameters;
    bool relu;
    const T* x;
    T* y;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        if (!place.active) return;
        const auto norm = parameters.template at<Width>(place.sample, place.channel);
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
                const T value =
                    maximum(norm.normalised(corners[0][i], i), norm.normalised(corners[1][i], i),
                            norm.normalised(corners[2][i], i), norm.normalised(corners[3][i], i));
                result[i] = relu ? rectified(value) : value;
            }
            store_lanes(y + window.pooled + place.channel, result);
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
