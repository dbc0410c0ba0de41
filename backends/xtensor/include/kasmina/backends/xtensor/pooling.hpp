// Pooling: the maximum of 2x2 windows, and the mean over all positions of a map.
#pragma once

#include <kasmina/backend/pooling.hpp>
#include <kasmina/backends/xtensor/context.hpp>
#include <kasmina/backends/xtensor/view.hpp>
#include <kasmina/finite.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: PoolingBackend.
template <class T>
struct Pooling {
    static void max_pool(Context&, const MaxPool<T>& pool) {
        for_each_maximum(pool.shape, pool.x,
                         [&](Index place, Index out) { pool.y[out] = pool.x[place]; });
    }
    static void max_pool_pullback(Context&, const MaxPoolPullback<T>& pool) {
        xt::xtensor<T, 1> grad_x = xt::zeros<T>({pool.shape.elements()});
        for_each_maximum(pool.shape, pool.x,
                         [&](Index place, Index out) { grad_x(place) = pool.grad_y[out]; });
        put(pool.grad_x, grad_x);
    }

    static void mean_positions(Context&, const MeanPositions<T>& mean) {
        const auto [samples, positions, channels] = mean.geometry;
        view(mean.y, samples, channels) = xt::mean(view(mean.x, samples, positions, channels), {1});
    }
    static void mean_positions_pullback(Context&, const MeanPositionsPullback<T>& mean) {
        const auto [samples, positions, channels] = mean.geometry;
        const xt::xtensor<T, 3> share =
            view(mean.grad_y, samples, 1, channels) / static_cast<T>(positions);
        put<T, 3>(mean.grad_x, xt::broadcast(share, {samples, positions, channels}));
    }

private:
    /// f(index in x, index in y) for the maximum of each window: of equals the first in row-major
    /// order, of NaNs the last, as PyTorch has it.
    template <class F>
    static void for_each_maximum(const MapShape& shape, const T* x, F&& f) {
        const auto [batch, height, width, channels] = shape;
        Index out = 0;
        for (Index sample = 0; sample < batch; ++sample) {
            for (Index row = 0; row + 1 < height; row += 2) {
                for (Index column = 0; column + 1 < width; column += 2) {
                    const Index corner = ((sample * height + row) * width + column) * channels;
                    const Index right = corner + channels;
                    const Index below = corner + width * channels;
                    for (Index c = 0; c < channels; ++c, ++out) {
                        Index place = corner + c;
                        for (const Index next : {right + c, below + c, below + channels + c}) {
                            if (x[next] > x[place] || is_nan(x[next])) place = next;
                        }
                        f(place, out);
                    }
                }
            }
        }
    }
};

}  // namespace kasmina::backends::xtensor_detail
