// Pooling: the capabilities to shrink a feature map by maxima or by means.
#pragma once

#include <kasmina/backend/geometry.hpp>
#include <kasmina/backend/gradient_target.hpp>

namespace kasmina {

/// Windows of (kernel_height, kernel_width) over `map`, to (batch, out_height, out_width,
/// channels). Window (row, column) begins at row * stride_height - pad_top and at the column
/// alike; its places outside the map are not in it. Every window has a place on the map.
struct PoolShape {
    MapShape map{};
    Index kernel_height = 2;
    Index kernel_width = 2;
    Index stride_height = 2;
    Index stride_width = 2;
    Index pad_top = 0;
    Index pad_left = 0;
    OutputExtent out_height;
    OutputExtent out_width;

    friend constexpr bool operator==(const PoolShape&, const PoolShape&) = default;

    [[nodiscard]] constexpr Index out_elements() const noexcept {
        return map.batch * out_height * out_width * map.channels;
    }
};

/// 2x2 windows, stride 2; an odd last row or column is dropped.
[[nodiscard]] constexpr PoolShape halving(const MapShape& map) noexcept {
    return {.map = map, .out_height = map.height / 2, .out_width = map.width / 2};
}

/// Whether it is such a pool: what a backend's fastest kernels are for.
[[nodiscard]] constexpr bool halves(const PoolShape& shape) noexcept {
    return shape == halving(shape.map);
}

/// y = the maximum of each window of x. A NaN is the maximum of its window.
template <class T>
struct MaxPool {
    PoolShape shape;
    const T* x = nullptr;
    T* y = nullptr;
};

/// The gradient of x: the sum of those of y at the windows whose maximum it is - of equals the
/// first in row-major order, of NaNs the last.
template <class T>
struct MaxPoolPullback {
    PoolShape shape;
    const T* x = nullptr;
    const T* grad_y = nullptr;
    GradientTarget<T> grad_x{};
};

/// y = the sum of each window of x over its number of places: all of the kernel's with
/// `count_padding`, else those on the map.
template <class T>
struct AveragePool {
    PoolShape shape;
    bool count_padding = true;
    const T* x = nullptr;
    T* y = nullptr;
};

template <class T>
struct AveragePoolPullback {
    PoolShape shape;
    bool count_padding = true;
    const T* grad_y = nullptr;
    GradientTarget<T> grad_x{};
};

/// y (samples, channels) = the mean of x over its positions.
template <class T>
struct MeanPositions {
    MapGeometry geometry{};  ///< of x
    const T* x = nullptr;
    T* y = nullptr;
};

template <class T>
struct MeanPositionsPullback {
    MapGeometry geometry{};
    const T* grad_y = nullptr;
    GradientTarget<T> grad_x{};
};

template <class B>
concept PoolingBackend =
    requires(typename B::Context& context, const MaxPool<typename B::Scalar>& max_pool,
             const MaxPoolPullback<typename B::Scalar>& max_pool_pullback,
             const MeanPositions<typename B::Scalar>& mean,
             const MeanPositionsPullback<typename B::Scalar>& mean_pullback) {
        B::max_pool(context, max_pool);
        B::max_pool_pullback(context, max_pool_pullback);
        B::mean_positions(context, mean);
        B::mean_positions_pullback(context, mean_pullback);
    };

template <class B>
concept AveragePoolingBackend =
    requires(typename B::Context& context, const AveragePool<typename B::Scalar>& average_pool,
             const AveragePoolPullback<typename B::Scalar>& average_pool_pullback) {
        B::average_pool(context, average_pool);
        B::average_pool_pullback(context, average_pool_pullback);
    };

}  // namespace kasmina
