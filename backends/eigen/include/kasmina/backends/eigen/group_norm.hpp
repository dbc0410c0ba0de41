// Group normalisation and its pullback: statistics per sample, while the sample is in cache.
#pragma once

#include <algorithm>
#include <cmath>

#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/pointwise.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::eigen_detail {

/// Numbers of type T that keep neighbours' accumulators off each other's cache lines.
template <class T>
[[nodiscard]] constexpr Index spaced(Index count) noexcept {
    constexpr Index line = 128 / static_cast<Index>(sizeof(T));
    return (count + line - 1) / line * line;
}

/// Group norm [+ ReLU] [+ residual]; `mean` and `inverse_deviation` receive samples * groups
/// values. Two passes for the statistics, so that a large mean costs no digits.
template <class T>
void group_norm(Context& context, const NormGeometry& geometry, double epsilon, const T* x,
                const T* scale, const T* shift, const T* residual, bool relu, T* y, T* mean,
                T* inverse_deviation) {
    const Index channels = geometry.channels;
    const Index positions = geometry.positions;
    const Index width = channels / geometry.groups;
    context.parallel_for_with_scratch<T>(
        geometry.samples, spaced<T>(2 * channels), [&](Index sample, T* scratch) {
            const T* in = x + sample * positions * channels;
            T* out = y + sample * positions * channels;
            T* centre = scratch;           // per channel: the mean of its group
            T* factor = scratch + channels;  // first sums, then scale / deviation
            const double count = static_cast<double>(positions * width);

            std::fill_n(factor, channels, T{0});
            for (Index p = 0; p < positions; ++p) {
                const T* row = in + p * channels;
                for (Index c = 0; c < channels; ++c) factor[c] += row[c];
            }
            for (Index g = 0; g < geometry.groups; ++g) {
                double sum = 0.0;
                for (Index c = g * width; c < (g + 1) * width; ++c) {
                    sum += static_cast<double>(factor[c]);
                }
                const T group_mean = static_cast<T>(sum / count);
                mean[sample * geometry.groups + g] = group_mean;
                std::fill_n(centre + g * width, width, group_mean);
            }
            std::fill_n(factor, channels, T{0});
            for (Index p = 0; p < positions; ++p) {
                const T* row = in + p * channels;
                for (Index c = 0; c < channels; ++c) {
                    const T distance = row[c] - centre[c];
                    factor[c] += distance * distance;
                }
            }
            for (Index g = 0; g < geometry.groups; ++g) {
                double sum = 0.0;
                for (Index c = g * width; c < (g + 1) * width; ++c) {
                    sum += static_cast<double>(factor[c]);
                }
                const T inverse = static_cast<T>(1.0 / std::sqrt(sum / count + epsilon));
                inverse_deviation[sample * geometry.groups + g] = inverse;
                for (Index c = g * width; c < (g + 1) * width; ++c) factor[c] = inverse * scale[c];
            }
            const T* add = residual == nullptr ? nullptr
                                               : residual + sample * positions * channels;
            for (Index p = 0; p < positions; ++p) {
                const T* row = in + p * channels;
                T* to = out + p * channels;
                for (Index c = 0; c < channels; ++c) {
                    const T value = (row[c] - centre[c]) * factor[c] + shift[c];
                    to[c] = !relu || value > T{0} ? value : T{0};
                }
                if (add == nullptr) continue;
                for (Index c = 0; c < channels; ++c) to[c] += add[p * channels + c];
            }
        });
}

/// Gradients of group norm [+ ReLU]; the ReLU's mask is computed again from x.
template <class T>
void group_norm_pullback(Context& context, const NormGeometry& geometry, const T* x,
                         const T* scale, const T* shift, bool relu, const T* mean,
                         const T* inverse_deviation, const T* grad_y,
                         const GradientTarget<T>& grad_x, const GradientTarget<T>& grad_scale,
                         const GradientTarget<T>& grad_shift) {
    const Index channels = geometry.channels;
    const Index positions = geometry.positions;
    const Index width = channels / geometry.groups;
    const Index spacing = spaced<T>(2 * channels);
    // Per sample and channel: the sums of grad and of grad times the normalised value.
    Buffer<T> partials = context.buffer<T>(geometry.samples * spacing);
    context.parallel_for_with_scratch<T>(
        geometry.samples, spaced<T>(4 * channels), [&](Index sample, T* scratch) {
            const T* in = x + sample * positions * channels;
            const T* up = grad_y + sample * positions * channels;
            T* sum_gradient = partials.data() + sample * spacing;
            T* sum_product = sum_gradient + channels;
            T* centre = scratch;
            T* inverse = scratch + channels;
            T* gradient_factor = scratch + 2 * channels;
            T* offset = scratch + 3 * channels;
            for (Index c = 0; c < channels; ++c) {
                const Index group = sample * geometry.groups + c / width;
                centre[c] = mean[group];
                inverse[c] = inverse_deviation[group];
                gradient_factor[c] = inverse[c] * scale[c];
            }
            std::fill_n(sum_gradient, 2 * channels, T{0});
            for (Index p = 0; p < positions; ++p) {
                const T* row = in + p * channels;
                const T* gradient = up + p * channels;
                for (Index c = 0; c < channels; ++c) {
                    const T distance = row[c] - centre[c];
                    const T before = distance * gradient_factor[c] + shift[c];
                    const T masked = !relu || before > T{0} ? gradient[c] : T{0};
                    sum_gradient[c] += masked;
                    sum_product[c] += masked * (distance * inverse[c]);
                }
            }
            if (!grad_x) return;
            const double count = static_cast<double>(positions * width);
            T* slope = inverse;  // from here on the coefficient of the centred input
            for (Index g = 0; g < geometry.groups; ++g) {
                double gradient = 0.0;
                double product = 0.0;
                for (Index c = g * width; c < (g + 1) * width; ++c) {
                    gradient += static_cast<double>(scale[c]) * static_cast<double>(sum_gradient[c]);
                    product += static_cast<double>(scale[c]) * static_cast<double>(sum_product[c]);
                }
                const double deviation = static_cast<double>(inverse[g * width]);
                std::fill_n(offset + g * width, width,
                            static_cast<T>(deviation * gradient / count));
                std::fill_n(slope + g * width, width,
                            static_cast<T>(deviation * deviation * product / count));
            }
            T* out = grad_x.data + sample * positions * channels;
            for (Index p = 0; p < positions; ++p) {
                const T* row = in + p * channels;
                const T* gradient = up + p * channels;
                T* to = out + p * channels;
                for (Index c = 0; c < channels; ++c) {
                    const T distance = row[c] - centre[c];
                    const T before = distance * gradient_factor[c] + shift[c];
                    const T masked = !relu || before > T{0} ? gradient[c] : T{0};
                    const T value =
                        masked * gradient_factor[c] - distance * slope[c] - offset[c];
                    to[c] = grad_x.accumulate ? to[c] + value : value;
                }
            }
        });
    if (grad_shift) {
        combine_partials(partials.data(), geometry.samples, spacing, channels, grad_shift);
    }
    if (grad_scale) {
        combine_partials(partials.data() + channels, geometry.samples, spacing, channels,
                         grad_scale);
    }
}

}  // namespace kasmina::backends::eigen_detail
