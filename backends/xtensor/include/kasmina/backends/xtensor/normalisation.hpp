// Group norm and batch norm: one set of formulas over (samples, positions, groups, members).
#pragma once

#include <algorithm>
#include <cmath>

#include <kasmina/backends/xtensor/pooling.hpp>
#include <kasmina/backends/xtensor/storage.hpp>
#include <kasmina/backends/xtensor/view.hpp>
#include <kasmina/tensor/kernel_types.hpp>

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
    [[nodiscard]] Array sum(const Array& x) const { return xt::sum(x, {0, 1}, xt::keep_dims); }

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

    static void group_norm(Context&, const NormGeometry& geometry, double epsilon, const T* x,
                           const T* scale, const T* shift, const T* residual, bool activate, T* y,
                           T* mean, T* inverse_deviation) {
        const Normalisation<T> norm{geometry};
        const Array in = norm.map(x);
        const Array centre = norm.mean(in);
        const Array distance = in - centre;
        const Array variance = norm.mean(distance * distance);
        norm.per_group(mean) = centre;
        norm.per_group(inverse_deviation) = T{1} / xt::sqrt(variance + static_cast<T>(epsilon));

        Array result = norm.affine(norm.normal(x, mean, inverse_deviation), scale, shift);
        if (activate) result = relu(result);
        if (residual != nullptr) result += norm.map(residual);
        norm.map(y) = result;
    }

    static void group_norm_pullback(Context&, const NormGeometry& geometry, const T* x,
                                    const T* scale, const T* shift, bool activate, const T* mean,
                                    const T* inverse_deviation, const T* grad_y,
                                    const GradientTarget<T>& grad_x,
                                    const GradientTarget<T>& grad_scale,
                                    const GradientTarget<T>& grad_shift) {
        const Normalisation<T> norm{geometry};
        const Array normal = norm.normal(x, mean, inverse_deviation);
        Array gradient = norm.map(grad_y);
        if (activate) gradient = where_positive(norm.affine(normal, scale, shift), gradient);
        norm.pullback(gradient, normal, scale, inverse_deviation, true, grad_x, grad_scale,
                      grad_shift);
    }
};

/// Capability: BatchNormBackend. ReLU and pooling are steps of their own here.
template <class T>
struct BatchNorms {
    using Array = xt::xtensor<T, 4>;

    static void batch_norm_statistics(Context&, const MapShape& shape, double epsilon,
                                      double momentum, const T* x, T* mean, T* inverse_deviation,
                                      T* running_mean, T* running_variance) {
        const auto norm = Normalisation<T>::over_batch(shape);
        const Array in = norm.map(x);
        const Array centre = norm.mean(in);
        const Array distance = in - centre;
        const Array variance = norm.mean(distance * distance);
        norm.per_group(mean) = centre;
        norm.per_group(inverse_deviation) = T{1} / xt::sqrt(variance + static_cast<T>(epsilon));

        const T step = static_cast<T>(momentum);
        const auto count = static_cast<T>(norm.geometry.positions);
        for (Index c = 0; c < shape.channels; ++c) {
            // A single value has no unbiased variance; its spread of 0 stands.
            const T unbiased = variance(0, 0, c, 0) * count / std::max(count - T{1}, T{1});
            if (running_mean) running_mean[c] += step * (mean[c] - running_mean[c]);
            if (running_variance) running_variance[c] += step * (unbiased - running_variance[c]);
        }
    }

    static void inverse_deviation(Context&, Index channels, double epsilon, const T* variance,
                                  T* result) {
        for (Index c = 0; c < channels; ++c) {
            result[c] = T{1} / std::sqrt(variance[c] + static_cast<T>(epsilon));
        }
    }

    static void batch_norm(Context& context, const MapShape& shape, const NormEpilogue& epilogue,
                           const T* x, const T* mean, const T* inverse_deviation, const T* scale,
                           const T* shift, T* y) {
        const auto norm = Normalisation<T>::over_batch(shape);
        Array result = norm.affine(norm.normal(x, mean, inverse_deviation), scale, shift);
        if (epilogue.relu) result = relu(result);
        if (epilogue.max_pool) {
            Pooling<T>::max_pool(context, shape, result.data(), y);
        } else {
            norm.map(y) = result;
        }
    }

    static void batch_norm_pullback(Context& context, const MapShape& shape,
                                    const NormEpilogue& epilogue, bool batch, const T* x,
                                    const T* mean, const T* inverse_deviation, const T* scale,
                                    const T* shift, const T* grad_y,
                                    const GradientTarget<T>& grad_x,
                                    const GradientTarget<T>& grad_scale,
                                    const GradientTarget<T>& grad_shift) {
        const auto norm = Normalisation<T>::over_batch(shape);
        const Array normal = norm.normal(x, mean, inverse_deviation);
        const Array before = norm.affine(normal, scale, shift);
        Array gradient = normal;
        if (epilogue.max_pool) {
            Pooling<T>::max_pool_pullback(context, shape, before.data(), grad_y,
                                          {gradient.data(), false});
        } else {
            gradient = norm.map(grad_y);
        }
        if (epilogue.relu) gradient = where_positive(before, gradient);
        norm.pullback(gradient, normal, scale, inverse_deviation, batch, grad_x, grad_scale,
                      grad_shift);
    }
};

}  // namespace kasmina::backends::xtensor_detail
