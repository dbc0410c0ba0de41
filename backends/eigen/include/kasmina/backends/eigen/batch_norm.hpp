// Batch normalisation: statistics, and the normalisation fused with ReLU and 2x2 max-pool.
#pragma once

#include <algorithm>
#include <cmath>

#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/group_norm.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::eigen_detail {

/// Mean and inverse deviation per channel over samples and positions, from each sample's mean and
/// squared distances combined in sample order (Chan, Golub and LeVeque 1983). Where given,
/// running statistics move by `momentum` towards the batch's, with the unbiased variance.
template <class T>
void batch_norm_statistics(Context& context, const MapShape& shape, double epsilon,
                           double momentum, const T* x, T* mean, T* inverse_deviation,
                           T* running_mean, T* running_variance) {
    const Index channels = shape.channels;
    const Index positions = shape.height * shape.width;
    const Index spacing = spaced<T>(2 * channels);
    Buffer<T> partials = context.buffer<T>(shape.batch * spacing);
    context.parallel_for(shape.batch, [&](Index sample) {
        const T* in = x + sample * positions * channels;
        T* centre = partials.data() + sample * spacing;
        T* squares = centre + channels;
        std::fill_n(centre, 2 * channels, T{0});
        for (Index p = 0; p < positions; ++p) {
            for (Index c = 0; c < channels; ++c) centre[c] += in[p * channels + c];
        }
        for (Index c = 0; c < channels; ++c) centre[c] /= static_cast<T>(positions);
        for (Index p = 0; p < positions; ++p) {
            for (Index c = 0; c < channels; ++c) {
                const T distance = in[p * channels + c] - centre[c];
                squares[c] += distance * distance;
            }
        }
    });

    const double per_sample = static_cast<double>(positions);
    const double total = per_sample * static_cast<double>(shape.batch);
    for (Index c = 0; c < channels; ++c) {
        double centre = 0.0;
        double squares = 0.0;
        double seen = 0.0;
        for (Index sample = 0; sample < shape.batch; ++sample) {
            const T* partial = partials.data() + sample * spacing;
            const double distance = static_cast<double>(partial[c]) - centre;
            const double both = seen + per_sample;
            centre += distance * per_sample / both;
            squares += static_cast<double>(partial[channels + c]) +
                       distance * distance * seen * per_sample / both;
            seen = both;
        }
        mean[c] = static_cast<T>(centre);
        inverse_deviation[c] = static_cast<T>(1.0 / std::sqrt(squares / total + epsilon));
        if (running_mean != nullptr) {
            const double old = static_cast<double>(running_mean[c]);
            running_mean[c] = static_cast<T>(old + momentum * (centre - old));
        }
        if (running_variance != nullptr) {
            const double unbiased = squares / std::max(total - 1.0, 1.0);
            const double old = static_cast<double>(running_variance[c]);
            running_variance[c] = static_cast<T>(old + momentum * (unbiased - old));
        }
    }
}

template <class T>
void inverse_deviation(Index channels, double epsilon, const T* variance, T* result) {
    for (Index c = 0; c < channels; ++c) {
        result[c] = static_cast<T>(1.0 / std::sqrt(static_cast<double>(variance[c]) + epsilon));
    }
}

/// What the normalisation of one channel is: (x - centre) * factor + shift.
template <class T>
struct Affine {
    const T* centre;
    const T* factor;
    const T* shift;

    [[nodiscard]] T operator()(T value, Index channel) const {
        return (value - centre[channel]) * factor[channel] + shift[channel];
    }
};

template <class T>
void batch_norm(Context& context, const MapShape& shape, const NormEpilogue& epilogue, const T* x,
                const T* mean, const T* inverse, const T* scale, const T* shift, T* y) {
    const Index channels = shape.channels;
    const Index row = shape.width * channels;
    Buffer<T> factor = context.buffer<T>(channels);
    for (Index c = 0; c < channels; ++c) factor.data()[c] = inverse[c] * scale[c];
    const Affine<T> affine{mean, factor.data(), shift};
    const bool relu = epilogue.relu;
    if (!epilogue.max_pool) {
        context.parallel_for(shape.batch, [&](Index sample) {
            const Index start = sample * shape.height * row;
            for (Index p = 0; p < shape.height * shape.width; ++p) {
                const T* in = x + start + p * channels;
                T* out = y + start + p * channels;
                for (Index c = 0; c < channels; ++c) {
                    const T value = affine(in[c], c);
                    out[c] = !relu || value > T{0} ? value : T{0};
                }
            }
        });
        return;
    }
    const Index pooled_rows = shape.height / 2;
    const Index pooled_columns = shape.width / 2;
    context.parallel_for(shape.batch, [&](Index sample) {
        for (Index i = 0; i < pooled_rows; ++i) {
            const T* upper = x + (sample * shape.height + 2 * i) * row;
            T* out = y + (sample * pooled_rows + i) * pooled_columns * channels;
            for (Index j = 0; j < pooled_columns; ++j) {
                const T* in = upper + 2 * j * channels;
                for (Index c = 0; c < channels; ++c) {
                    const T a = affine(in[c], c);
                    const T b = affine(in[channels + c], c);
                    const T d = affine(in[row + c], c);
                    const T e = affine(in[row + channels + c], c);
                    const T upper_most = a > b ? a : b;
                    const T lower_most = d > e ? d : e;
                    const T most = upper_most > lower_most ? upper_most : lower_most;
                    out[j * channels + c] = !relu || most > T{0} ? most : T{0};
                }
            }
        }
    });
}

/// The gradient that reaches the four inputs of a pooling window: the first of the greatest gets
/// it, in row-major order, and with ReLU only when it is positive.
template <class T>
struct WindowGradient {
    T values[4];

    WindowGradient(const T (&inputs)[4], T upstream, bool relu) {
        T most = inputs[0];
        for (int k = 1; k < 4; ++k) most = inputs[k] > most ? inputs[k] : most;
        T left = !relu || most > T{0} ? upstream : T{0};
        for (int k = 0; k < 4; ++k) {
            const bool takes = inputs[k] == most;
            values[k] = takes ? left : T{0};
            left = takes ? T{0} : left;
        }
    }
};

/// Calls visit(offset in the sample, channel-row of masked gradients) for each position of one
/// sample, in row-major window order; `masked` has room for 4 * channels values.
template <class T, class Visit>
void for_masked_gradients(const MapShape& shape, const NormEpilogue& epilogue,
                          const Affine<T>& affine, const T* in, const T* upstream, T* masked,
                          Visit&& visit) {
    const Index channels = shape.channels;
    const Index row = shape.width * channels;
    const bool relu = epilogue.relu;
    if (!epilogue.max_pool) {
        for (Index p = 0; p < shape.height * shape.width; ++p) {
            const T* from = in + p * channels;
            const T* gradient = upstream + p * channels;
            for (Index c = 0; c < channels; ++c) {
                masked[c] = !relu || affine(from[c], c) > T{0} ? gradient[c] : T{0};
            }
            visit(p * channels, masked);
        }
        return;
    }
    const Index pooled_rows = shape.height / 2;
    const Index pooled_columns = shape.width / 2;
    for (Index i = 0; i < pooled_rows; ++i) {
        for (Index j = 0; j < pooled_columns; ++j) {
            const Index corner = 2 * i * row + 2 * j * channels;
            const T* gradient = upstream + (i * pooled_columns + j) * channels;
            const T* from = in + corner;
            for (Index c = 0; c < channels; ++c) {
                const T inputs[4] = {affine(from[c], c), affine(from[channels + c], c),
                                     affine(from[row + c], c),
                                     affine(from[row + channels + c], c)};
                const WindowGradient<T> window(inputs, gradient[c], relu);
                for (int k = 0; k < 4; ++k) masked[k * channels + c] = window.values[k];
            }
            visit(corner, masked);
            visit(corner + channels, masked + channels);
            visit(corner + row, masked + 2 * channels);
            visit(corner + row + channels, masked + 3 * channels);
        }
    }
    // Trailing odd rows and columns are in no window.
    std::fill_n(masked, channels, T{0});
    for (Index i = 0; i < shape.height; ++i) {
        const bool dropped_row = i >= 2 * pooled_rows;
        for (Index j = dropped_row ? 0 : 2 * pooled_columns; j < shape.width; ++j) {
            visit(i * row + j * channels, masked);
        }
    }
}

/// Gradients of batch norm with its epilogue; masks and winners are computed again from x.
/// `batch`: the statistics are the batch's own, so gradients flow through them too.
template <class T>
void batch_norm_pullback(Context& context, const MapShape& shape, const NormEpilogue& epilogue,
                         bool batch, const T* x, const T* mean, const T* inverse, const T* scale,
                         const T* shift, const T* grad_y, const GradientTarget<T>& grad_x,
                         const GradientTarget<T>& grad_scale,
                         const GradientTarget<T>& grad_shift) {
    const Index channels = shape.channels;
    const Index in_size = shape.height * shape.width * channels;
    const Index out_size = epilogue.max_pool
                               ? (shape.height / 2) * (shape.width / 2) * channels
                               : in_size;
    const Index spacing = spaced<T>(2 * channels);
    Buffer<T> coefficients = context.buffer<T>(5 * channels);
    T* factor = coefficients.data();
    for (Index c = 0; c < channels; ++c) factor[c] = inverse[c] * scale[c];
    const Affine<T> affine{mean, factor, shift};

    Buffer<T> partials = context.buffer<T>(shape.batch * spacing);
    context.parallel_for_with_scratch<T>(
        shape.batch, spaced<T>(4 * channels), [&](Index sample, T* masked) {
            const T* in = x + sample * in_size;
            T* sum_gradient = partials.data() + sample * spacing;
            T* sum_product = sum_gradient + channels;
            std::fill_n(sum_gradient, 2 * channels, T{0});
            for_masked_gradients(shape, epilogue, affine, in, grad_y + sample * out_size, masked,
                                 [&](Index offset, const T* gradient) {
                                     const T* from = in + offset;
                                     for (Index c = 0; c < channels; ++c) {
                                         sum_gradient[c] += gradient[c];
                                         sum_product[c] +=
                                             gradient[c] * ((from[c] - mean[c]) * inverse[c]);
                                     }
                                 });
        });
    T* shift_sum = coefficients.data() + channels;
    T* scale_sum = coefficients.data() + 2 * channels;
    combine_partials(partials.data(), shape.batch, spacing, channels,
                     GradientTarget<T>{shift_sum, false});
    combine_partials(partials.data() + channels, shape.batch, spacing, channels,
                     GradientTarget<T>{scale_sum, false});
    for (Index c = 0; c < channels; ++c) {
        if (grad_shift) {
            grad_shift.data[c] = (grad_shift.accumulate ? grad_shift.data[c] : T{0}) + shift_sum[c];
        }
        if (grad_scale) {
            grad_scale.data[c] = (grad_scale.accumulate ? grad_scale.data[c] : T{0}) + scale_sum[c];
        }
    }
    if (!grad_x) return;

    T* offset_of = coefficients.data() + 3 * channels;
    T* slope = coefficients.data() + 4 * channels;
    const double count = static_cast<double>(shape.batch * shape.height * shape.width);
    for (Index c = 0; c < channels; ++c) {
        const double per_element = batch ? static_cast<double>(factor[c]) / count : 0.0;
        offset_of[c] = static_cast<T>(per_element * static_cast<double>(shift_sum[c]));
        slope[c] = static_cast<T>(per_element * static_cast<double>(scale_sum[c]) *
                                  static_cast<double>(inverse[c]));
    }
    context.parallel_for_with_scratch<T>(
        shape.batch, spaced<T>(4 * channels), [&](Index sample, T* masked) {
            const T* in = x + sample * in_size;
            T* out = grad_x.data + sample * in_size;
            for_masked_gradients(shape, epilogue, affine, in, grad_y + sample * out_size, masked,
                                 [&](Index offset, const T* gradient) {
                                     const T* from = in + offset;
                                     T* to = out + offset;
                                     for (Index c = 0; c < channels; ++c) {
                                         const T value = gradient[c] * factor[c] -
                                                         (from[c] - mean[c]) * slope[c] -
                                                         offset_of[c];
                                         to[c] = grad_x.accumulate ? to[c] + value : value;
                                     }
                                 });
        });
}

}  // namespace kasmina::backends::eigen_detail
