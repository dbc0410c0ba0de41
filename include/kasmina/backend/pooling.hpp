// Pooling: the capability to shrink a feature map by maxima or by means.
#pragma once

#include <kasmina/backend/geometry.hpp>
#include <kasmina/backend/gradient_target.hpp>

namespace kasmina {

/// y (batch, height / 2, width / 2, channels) = the maximum of each 2x2 window of x, stride 2; an
/// odd last row or column is dropped. A NaN is the maximum of its window.
template <class T>
struct MaxPool {
    MapShape shape{};  ///< of x
    const T* x = nullptr;
    T* y = nullptr;
};

/// The gradient of x: that of y at the maximum of each window - of equals the first, of NaNs the
/// last - and 0 elsewhere.
template <class T>
struct MaxPoolPullback {
    MapShape shape{};
    const T* x = nullptr;
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

}  // namespace kasmina
