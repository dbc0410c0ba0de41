// Batch norm: the capability to normalise each channel, fused with ReLU and a 2x2 max-pool.
#pragma once

#include <kasmina/backend/geometry.hpp>
#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// What follows a batch normalisation in the same pass over memory.
struct NormEpilogue {
    bool relu = false;
    bool max_pool = false;  ///< 2x2, stride 2, odd rows and columns at the end dropped
};

/// Mean and inverse deviation of each channel over the batch's positions, and the running mean and
/// (unbiased) variance moved: running = (1 - momentum) * running + momentum *
/// batch, so that an infinite one stays infinite and does not become NaN. The running ones may be
/// null. All hold one value per channel.
template <class T>
struct BatchNormStatistics {
    MapShape shape{};
    double epsilon = 1e-5;
    double momentum = 0.1;
    const T* x = nullptr;
    T* mean = nullptr;
    T* inverse_deviation = nullptr;
    T* running_mean = nullptr;
    T* running_variance = nullptr;
};

/// inverse_deviation = 1 / sqrt(variance + epsilon), `channels` values.
template <class T>
struct InverseDeviation {
    Index channels = 0;
    double epsilon = 1e-5;
    const T* variance = nullptr;
    T* inverse_deviation = nullptr;
};

/// y = [max_pool] [relu](scale * (x - mean) * inverse_deviation + shift), with the statistics given
/// apart. All but x and y hold one value per channel.
template <class T>
struct BatchNorm {
    MapShape shape{};
    NormEpilogue epilogue{};
    const T* x = nullptr;
    const T* mean = nullptr;
    const T* inverse_deviation = nullptr;
    const T* scale = nullptr;
    const T* shift = nullptr;
    T* y = nullptr;
};

/// The gradients of x, scale and shift, those that are wanted.
template <class T>
struct BatchNormPullback {
    MapShape shape{};
    NormEpilogue epilogue{};
    bool batch_statistics = true;  ///< the statistics are x's own: gradients flow through them
    const T* x = nullptr;
    const T* mean = nullptr;
    const T* inverse_deviation = nullptr;
    const T* scale = nullptr;
    const T* shift = nullptr;
    const T* grad_y = nullptr;
    GradientTarget<T> grad_x{};
    GradientTarget<T> grad_scale{};
    GradientTarget<T> grad_shift{};
};

template <class B>
concept BatchNormBackend = requires(typename B::Context& context,
                                    const BatchNormStatistics<typename B::Scalar>& statistics,
                                    const InverseDeviation<typename B::Scalar>& deviation,
                                    const BatchNorm<typename B::Scalar>& forward,
                                    const BatchNormPullback<typename B::Scalar>& pullback) {
    B::batch_norm_statistics(context, statistics);
    B::inverse_deviation(context, deviation);
    B::batch_norm(context, forward);
    B::batch_norm_pullback(context, pullback);
};

}  // namespace kasmina
