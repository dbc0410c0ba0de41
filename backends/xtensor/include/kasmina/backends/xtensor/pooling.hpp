// Pooling: the maximum and the mean of windows, and the mean over all positions of a map.
#pragma once

#include <kasmina/backend/pooling.hpp>
#include <kasmina/backends/xtensor/context.hpp>
#include <kasmina/backends/xtensor/view.hpp>
#include <kasmina/finite.hpp>

namespace kasmina::backends::xtensor_detail {

/// f(index in y, index in x) for each window and each of its places on the map, in row-major order.
/// Of one window all places come one after another.
template <class F>
void for_each_place(const PoolShape& shape, F&& f) {
    const auto [batch, height, width, channels] = shape.map;
    for (Index out = 0; out < shape.out_elements(); ++out) {
        const Index channel = out % channels;
        const Index column = out / channels % shape.out_width;
        const Index row = out / channels / shape.out_width % shape.out_height;
        const Index sample = out / channels / shape.out_width / shape.out_height;
        for (Index i = 0; i < shape.kernel_height; ++i) {
            for (Index j = 0; j < shape.kernel_width; ++j) {
                const Index from_row = row * shape.stride_height + i - shape.pad_top;
                const Index from_column = column * shape.stride_width + j - shape.pad_left;
                if (from_row < 0 || from_row >= height) continue;
                if (from_column < 0 || from_column >= width) continue;
                f(out, ((sample * height + from_row) * width + from_column) * channels + channel);
            }
        }
    }
}

/// Capability: PoolingBackend.
template <class T>
struct Pooling {
    static void max_pool(Context&, const MaxPool<T>& pool) {
        const auto places = maxima(pool.shape, pool.x);
        for (Index out = 0; out < pool.shape.out_elements(); ++out) {
            pool.y[out] = pool.x[places(out)];
        }
    }
    static void max_pool_pullback(Context&, const MaxPoolPullback<T>& pool) {
        const auto places = maxima(pool.shape, pool.x);
        xt::xtensor<T, 1> grad_x = xt::zeros<T>({pool.shape.map.elements()});
        for (Index out = 0; out < pool.shape.out_elements(); ++out) {
            grad_x(places(out)) += pool.grad_y[out];
        }
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
    /// Where in x the maximum of each window is: of equals the first in row-major order, of NaNs
    /// the last, as PyTorch has it.
    static xt::xtensor<Index, 1> maxima(const PoolShape& shape, const T* x) {
        constexpr Index none = -1;
        xt::xtensor<Index, 1> places = none * xt::ones<Index>({shape.out_elements()});
        for_each_place(shape, [&](Index out, Index place) {
            Index& best = places(out);
            if (best == none || x[place] > x[best] || is_nan(x[place])) best = place;
        });
        return places;
    }
};

/// Capability: AveragePoolingBackend.
template <class T>
struct AveragePooling {
    static void average_pool(Context&, const AveragePool<T>& pool) {
        const auto counts = counted(pool.shape, pool.count_padding);
        xt::xtensor<T, 1> sums = xt::zeros<T>({pool.shape.out_elements()});
        for_each_place(pool.shape, [&](Index out, Index place) { sums(out) += pool.x[place]; });
        for (Index out = 0; out < pool.shape.out_elements(); ++out) {
            pool.y[out] = sums(out) / counts(out);
        }
    }
    static void average_pool_pullback(Context&, const AveragePoolPullback<T>& pool) {
        const auto counts = counted(pool.shape, pool.count_padding);
        xt::xtensor<T, 1> grad_x = xt::zeros<T>({pool.shape.map.elements()});
        for_each_place(pool.shape, [&](Index out, Index place) {
            grad_x(place) += pool.grad_y[out] / counts(out);
        });
        put(pool.grad_x, grad_x);
    }

private:
    /// By what the sum of each window is divided.
    static xt::xtensor<T, 1> counted(const PoolShape& shape, bool count_padding) {
        xt::xtensor<T, 1> counts = xt::zeros<T>({shape.out_elements()});
        for_each_place(shape, [&](Index out, Index) { counts(out) += T{1}; });
        if (count_padding) counts.fill(static_cast<T>(shape.kernel_height * shape.kernel_width));
        return counts;
    }
};

}  // namespace kasmina::backends::xtensor_detail
