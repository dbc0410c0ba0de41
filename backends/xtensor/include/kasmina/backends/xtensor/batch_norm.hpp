// Batch norm and its pullback as formulas; its ReLU and pooling are steps of their own here.
#pragma once

#include <algorithm>
#include <cstddef>

#include <kasmina/backends/xtensor/pooling.hpp>
#include <kasmina/backends/xtensor/storage.hpp>
#include <kasmina/backends/xtensor/view.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: BatchNormBackend.
template <class T>
struct BatchNorms {
    using Array = xt::xtensor<T, 4>;
    using PerChannel = xt::xtensor<T, 1>;

    static void batch_norm_statistics(Context&, const MapShape& shape, double epsilon,
                                      double momentum, const T* x, T* mean, T* inverse_deviation,
                                      T* running_mean, T* running_variance) {
        const auto [batch, height, width, channels] = shape;
        const Index count = batch * height * width;
        const auto in = view(x, batch, height, width, channels);
        const PerChannel centre = xt::mean(in, {0, 1, 2});
        const PerChannel variance = xt::mean(xt::square(in - centre), {0, 1, 2});
        view(mean, channels) = centre;
        view(inverse_deviation, channels) =
            T{1} / xt::sqrt(variance + static_cast<T>(epsilon));

        const T step = static_cast<T>(momentum);
        if (running_mean != nullptr) {
            auto running = view(running_mean, channels);
            running += step * (centre - running);
        }
        if (running_variance != nullptr) {
            // A single value has no unbiased variance; its spread of 0 stands.
            const PerChannel unbiased = variance * static_cast<T>(count) /
                                        static_cast<T>(std::max<Index>(count - 1, 1));
            auto running = view(running_variance, channels);
            running += step * (unbiased - running);
        }
    }

    static void inverse_deviation(Context&, Index channels, double epsilon, const T* variance,
                                  T* result) {
        view(result, channels) =
            T{1} / xt::sqrt(view(variance, channels) + static_cast<T>(epsilon));
    }

    static void batch_norm(Context& context, const MapShape& shape, const NormEpilogue& epilogue,
                           const T* x, const T* mean, const T* inverse, const T* scale,
                           const T* shift, T* y) {
        const auto [batch, height, width, channels] = shape;
        const Array result = activated(shape, epilogue, x, mean, inverse, scale, shift);
        if (epilogue.max_pool) {
            Pooling<T>::max_pool(context, shape, result.data(), y);
        } else {
            view(y, batch, height, width, channels) = result;
        }
    }

    static void batch_norm_pullback(Context& context, const MapShape& shape,
                                    const NormEpilogue& epilogue, bool batch_statistics,
                                    const T* x, const T* mean, const T* inverse_deviation,
                                    const T* scale, const T* shift, const T* grad_y,
                                    const GradientTarget<T>& grad_x,
                                    const GradientTarget<T>& grad_scale,
                                    const GradientTarget<T>& grad_shift) {
        const auto [batch, height, width, channels] = shape;
        const Array result =
            activated(shape, epilogue, x, mean, inverse_deviation, scale, shift);
        Array gradient = xt::empty_like(result);
        if (epilogue.max_pool) {
            Pooling<T>::max_pool_pullback(context, shape, result.data(), grad_y,
                                          {gradient.data(), false});
        } else {
            gradient = view(grad_y, batch, height, width, channels);
        }
        if (epilogue.relu) gradient = xt::where(result > T{0}, gradient, T{0});

        const auto inverse = view(inverse_deviation, channels);
        const Array normal =
            (view(x, batch, height, width, channels) - view(mean, channels)) * inverse;
        put<T, 1>(grad_scale, xt::sum(gradient * normal, {0, 1, 2}));
        put<T, 1>(grad_shift, xt::sum(gradient, {0, 1, 2}));

        Array inner = gradient * view(scale, channels);
        if (batch_statistics) {
            // They depend on x: the parts along 1 and along `normal` do not count.
            const PerChannel along_one = xt::mean(inner, {0, 1, 2});
            const PerChannel along_normal = xt::mean(inner * normal, {0, 1, 2});
            inner = inner - along_one - normal * along_normal;
        }
        put<T, 4>(grad_x, inner * inverse);
    }

private:
    static Array activated(const MapShape& shape, const NormEpilogue& epilogue, const T* x,
                           const T* mean, const T* inverse, const T* scale, const T* shift) {
        const auto [batch, height, width, channels] = shape;
        const Array result = (view(x, batch, height, width, channels) - view(mean, channels)) *
                                 view(inverse, channels) * view(scale, channels) +
                             view(shift, channels);
        return epilogue.relu ? relu(result) : result;
    }
};

}  // namespace kasmina::backends::xtensor_detail
