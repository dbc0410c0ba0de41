// Group norm and batch norm: one set of formulas over (samples, positions, groups, members).
#pragma once

#include <algorithm>
#include <cmath>

#include <kasmina/backend/batch_norm.hpp>
#include <kasmina/backend/group_norm.hpp>
#include <kasmina/backends/xtensor/context.hpp>
#include <kasmina/backends/xtensor/pooling.hpp>
#include <kasmina/backends/xtensor/view.hpp>

namespace kasmina::backends::xtensor_detail {

/// Normalisation over the positions and the members of each group of each sample. Batch norm is
/// the same for one sample that has all positions of the batch and one channel in each group.
template <class T>
struct Normalisation {
    using Array = xt::xtensor<T, 4>;

    NormGeometry geometry;

    [[nodiscard]] static Normalisation over_batch(const MapShape& shape) {
        return {{1, shape.batch * shape.height * shape.width, shape.channels, shape.channels}};
    }

    /// A map, row-major (samples, positions, channels).
    template <class V>
    [[nodiscard]] auto map(V* data) const {
        return view(data, geometry.samples, geometry.positions, geometry.groups, members());
    }
    /// One value per sample and group: a mean, a deviation.
    template <class V>
    [[nodiscard]] auto per_group(V* data) const {
        return view(data, geometry.samples, 1, geometry.groups, 1);
    }
    /// One value per channel: scale, shift.
    template <class V>
    [[nodiscard]] auto per_channel(V* data) const {
        return view(data, 1, 1, geometry.groups, members());
    }

    [[nodiscard]] Array mean(const Array& x) const { return xt::mean(x, {1, 3}, xt::keep_dims); }
    /// Of no samples 0: xtensor begins a sum behind the last element, which is nowhere then.
    [[nodiscard]] Array sum(const Array& x) const {
        if (x.size() > 0) return xt::sum(x, {0, 1}, xt::keep_dims);
        return xt::zeros<T>({Index{1}, Index{1}, geometry.groups, members()});
    }

    /// Writes mean and inverse deviation of each group of x; gives the variance.
    Array statistics(const T* x, double epsilon, T* mean_of_x, T* inverse_deviation) const {
        const Array in = map(x);
        const Array centre = mean(in);
        const Array distance = in - centre;
        const Array variance = mean(distance * distance);
        per_group(mean_of_x) = centre;
        per_group(inverse_deviation) = T{1} / xt::sqrt(variance + static_cast<T>(epsilon));
        return variance;
    }
    /// (x - mean) / deviation.
    [[nodiscard]] Array normal(const T* x, const T* mean_of_x, const T* inverse_deviation) const {
        return (map(x) - per_group(mean_of_x)) * per_group(inverse_deviation);
    }
    /// normal * scale + shift.
    [[nodiscard]] Array affine(const Array& normal_x, const T* scale, const T* shift) const {
        return normal_x * per_channel(scale) + per_channel(shift);
    }

    /// The way back from the gradient of `affine`'s result. With `own_statistics` mean and
    /// deviation are those of x, so what lies along 1 and along `normal_x` does not count.
    void pullback(const Array& gradient, const Array& normal_x, const T* scale,
                  const T* inverse_deviation, bool own_statistics, const GradientTarget<T>& grad_x,
                  const GradientTarget<T>& grad_scale, const GradientTarget<T>& grad_shift) const {
        const Array along_scale = gradient * normal_x;
        put(grad_scale, sum(along_scale));
        put(grad_shift, sum(gradient));
        Array inner = gradient * per_channel(scale);
        if (own_statistics) {
            const Array along_normal = inner * normal_x;
            inner = inner - mean(inner) - normal_x * mean(along_normal);
        }
        inner *= per_group(inverse_deviation);
        put(grad_x, inner);
    }

    [[nodiscard]] Index members() const { return geometry.channels / geometry.groups; }
};

/// Capability: GroupNormBackend.
template <class T>
struct GroupNorms {
    using Array = xt::xtensor<T, 4>;

    static void group_norm(Context&, const GroupNorm<T>& call) {
        const Normalisation<T> norm{call.geometry};
        norm.statistics(call.x, call.epsilon, call.mean, call.inverse_deviation);
        Array result = norm.affine(norm.normal(call.x, call.mean, call.inverse_deviation),
                                   call.scale, call.shift);
        if (call.relu) result = relu(result);
        if (call.residual != nullptr) result += norm.map(call.residual);
        norm.map(call.y) = result;
    }

    static void group_norm_pullback(Context&, const GroupNormPullback<T>& call) {
        const Normalisation<T> norm{call.geometry};
        const Array normal = norm.normal(call.x, call.mean, call.inverse_deviation);
        Array gradient = norm.map(call.grad_y);
        if (call.relu) {
            gradient = where_positive(norm.affine(normal, call.scale, call.shift), gradient);
        }
        norm.pullback(gradient, normal, call.scale, call.inverse_deviation, true, call.grad_x,
                      call.grad_scale, call.grad_shift);
    }
};

/// Capability: BatchNormBackend. ReLU and pooling are steps of their own here.
template <class T>
struct BatchNorms {
    using Array = xt::xtensor<T, 4>;

    static void batch_norm_statistics(Context&, const BatchNormStatistics<T>& call) {
        const auto norm = Normalisation<T>::over_batch(call.shape);
        const Array variance =
            norm.statistics(call.x, call.epsilon, call.mean, call.inverse_deviation);
        const T step = static_cast<T>(call.momentum);
        const auto count = static_cast<T>(norm.geometry.positions);
        const auto move = [step](T* running, Index c, T value) {
            if (running != nullptr) running[c] = (T{1} - step) * running[c] + step * value;
        };
        for (Index c = 0; c < call.shape.channels; ++c) {
            move(call.running_mean, c, call.mean[c]);
            // A single value has no unbiased variance; its spread of 0 stands.
            move(call.running_variance, c,
                 variance(0, 0, c, 0) * count / std::max(count - T{1}, T{1}));
        }
    }

    static void inverse_deviation(Context&, const InverseDeviation<T>& call) {
        for (Index c = 0; c < call.channels; ++c) {
            call.inverse_deviation[c] =
                T{1} / std::sqrt(call.variance[c] + static_cast<T>(call.epsilon));
        }
    }

    static void batch_norm(Context& context, const BatchNorm<T>& call) {
        const auto norm = Normalisation<T>::over_batch(call.shape);
        Array result = norm.affine(norm.normal(call.x, call.mean, call.inverse_deviation),
                                   call.scale, call.shift);
        if (call.epilogue.relu) result = relu(result);
        if (call.epilogue.max_pool) {
            Pooling<T>::max_pool(context,
                                 {.shape = halving(call.shape), .x = result.data(), .y = call.y});
        } else {
            norm.map(call.y) = result;
        }
    }

    static void batch_norm_pullback(Context& context, const BatchNormPullback<T>& call) {
        const auto norm = Normalisation<T>::over_batch(call.shape);
        const Array normal = norm.normal(call.x, call.mean, call.inverse_deviation);
        const Array before = norm.affine(normal, call.scale, call.shift);
        Array gradient = normal;
        if (call.epilogue.max_pool) {
            Pooling<T>::max_pool_pullback(context, {.shape = halving(call.shape),
                                                    .x = before.data(),
                                                    .grad_y = call.grad_y,
                                                    .grad_x = {gradient.data(), false}});
        } else {
            gradient = norm.map(call.grad_y);
        }
        if (call.epilogue.relu) gradient = where_positive(before, gradient);
        norm.pullback(gradient, normal, call.scale, call.inverse_deviation, call.batch_statistics,
                      call.grad_x, call.grad_scale, call.grad_shift);
    }
};

}  // namespace kasmina::backends::xtensor_detail
