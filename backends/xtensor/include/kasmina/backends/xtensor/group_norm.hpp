// Group norm and its pullback as formulas over (samples, positions, groups, group members).
#pragma once

#include <cstddef>

#include <kasmina/backends/xtensor/storage.hpp>
#include <kasmina/backends/xtensor/view.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: GroupNormBackend.
template <class T>
struct GroupNorms {
    using Array = xt::xtensor<T, 4>;

    static void group_norm(Context&, const NormGeometry& geometry, double epsilon, const T* x,
                           const T* scale, const T* shift, const T* residual, bool activate, T* y,
                           T* mean, T* inverse_deviation) {
        const auto [samples, positions, channels, groups] = geometry;
        const Index members = channels / groups;
        const auto in = view(x, samples, positions, groups, members);

        auto centre = view(mean, samples, 1, groups, 1);
        centre = xt::mean(in, {1, 3}, xt::keep_dims);
        const Array variance = xt::mean(xt::square(in - centre), {1, 3}, xt::keep_dims);
        auto inverse = view(inverse_deviation, samples, 1, groups, 1);
        inverse = T{1} / xt::sqrt(variance + static_cast<T>(epsilon));

        Array result = (in - centre) * inverse * view(scale, groups, members) +
                       view(shift, groups, members);
        if (activate) result = relu(result);
        if (residual != nullptr) result += view(residual, samples, positions, groups, members);
        view(y, samples, positions, groups, members) = result;
    }

    static void group_norm_pullback(Context&, const NormGeometry& geometry, const T* x,
                                    const T* scale, const T* shift, bool activate, const T* mean,
                                    const T* inverse_deviation, const T* grad_y,
                                    const GradientTarget<T>& grad_x,
                                    const GradientTarget<T>& grad_scale,
                                    const GradientTarget<T>& grad_shift) {
        const auto [samples, positions, channels, groups] = geometry;
        const Index members = channels / groups;
        const auto inverse = view(inverse_deviation, samples, 1, groups, 1);
        const auto factor = view(scale, groups, members);

        const Array normal = (view(x, samples, positions, groups, members) -
                              view(mean, samples, 1, groups, 1)) *
                             inverse;
        Array gradient = view(grad_y, samples, positions, groups, members);
        if (activate) {
            gradient =
                xt::where(normal * factor + view(shift, groups, members) > T{0}, gradient, T{0});
        }
        put<T, 2>(grad_scale, xt::sum(gradient * normal, {0, 1}));
        put<T, 2>(grad_shift, xt::sum(gradient, {0, 1}));

        // Mean and deviation depend on x: the parts along 1 and along `normal` do not count.
        const Array inner = gradient * factor;
        const Array along_one = xt::mean(inner, {1, 3}, xt::keep_dims);
        const Array along_normal = xt::mean(inner * normal, {1, 3}, xt::keep_dims);
        put<T, 4>(grad_x, inverse * (inner - along_one - normal * along_normal));
    }
};

}  // namespace kasmina::backends::xtensor_detail
