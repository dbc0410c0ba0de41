// Batch norm: statistics, then normalisation, ReLU and 2x2 max-pool in one pass, and their
// pullback, which computes masks and maxima again instead of reading them.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/pooling.hpp>
#include <kasmina/backends/eigen/rows.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::eigen_detail {

/// A map without windows: rows of whole pixels, cut into chunks that fit the cache twice over.
template <class T>
struct PixelPlan {
    Index elements;
    Index width;
    Index chunk_size;
    Index chunks;

    explicit PixelPlan(const MapShape& of)
        : elements(of.batch * of.height * of.width * of.channels),
          width(row_width<T>(of.channels, of.batch * of.height * of.width)),
          chunk_size(width * std::max<Index>(16, 32768 / width)),
          chunks((elements + chunk_size - 1) / chunk_size) {}

    /// row(start, length) for the rows of a chunk.
    template <class Row>
    void run(Index chunk, Row&& row) const {
        const Index first = chunk * chunk_size;
        for_each_row(std::min(chunk_size, elements - first), width,
                     [&](Index start, Index length) { row(first + start, length); });
    }
    [[nodiscard]] Index pixels(Index chunk, Index channels) const {
        return std::min(chunk_size, elements - chunk * chunk_size) / channels;
    }
};

/// The mean and 1 / deviation of each channel over the batch; moves the running mean and (with the
/// unbiased variance) the running variance, which may be null. Each chunk is summed in two passes
/// and chunks are combined by the formula of Chan, Golub and LeVeque (1983): nothing cancels.
template <class T>
void batch_norm_statistics(Context& context, const MapShape& shape, double epsilon,
                           double momentum, const T* x, T* mean, T* inverse_deviation,
                           T* running_mean, T* running_variance) {
    const PixelPlan<T> plan(shape);
    const Index channels = shape.channels;
    const Index partial = spaced<T>(channels);
    const Index stride = spaced<T>(plan.width);
    // Per chunk: the mean, and the sum of squares of what differs from it.
    Buffer<T> partials = context.buffer<T>(2 * partial * plan.chunks);
    context.parallel_for_with_scratch<T>(
        plan.chunks, 3 * stride, [&](Index chunk, T* means) {
            T* sums = means + stride;
            T* squares = sums + stride;
            T* chunk_mean = partials.data() + 2 * partial * chunk;
            T* chunk_squares = chunk_mean + partial;
            const T pixels = static_cast<T>(plan.pixels(chunk, channels));
            std::fill_n(sums, plan.width, T{0});
            plan.run(chunk, [&](Index start, Index length) {
                for_each_vector<T>(length, [&](Index i, auto count) {
                    add_lanes(sums + i, load_lanes(x + start + i, count), count);
                });
            });
            fold(sums, channels, plan.width);
            for (Index c = 0; c < channels; ++c) means[c] = sums[c] / pixels;
            spread_first(means, channels, plan.width);
            std::fill_n(sums, plan.width, T{0});
            std::fill_n(squares, plan.width, T{0});
            plan.run(chunk, [&](Index start, Index length) {
                for_each_vector<T>(length, [&](Index i, auto count) {
                    const Vector<T> centred =
                        load_lanes(x + start + i, count) - load_lanes(means + i, count);
                    add_lanes(sums + i, centred, count);
                    add_lanes(squares + i, centred * centred, count);
                });
            });
            fold(sums, channels, plan.width);
            fold(squares, channels, plan.width);
            for (Index c = 0; c < channels; ++c) {
                const T rest = sums[c] / pixels;  // what rounding left out of the mean
                chunk_mean[c] = means[c] + rest;
                chunk_squares[c] = squares[c] - sums[c] * rest;
            }
        });

    for (Index c = 0; c < channels; ++c) {
        double total = 0.0;
        double average = 0.0;
        double squares = 0.0;
        for (Index chunk = 0; chunk < plan.chunks; ++chunk) {
            const T* from = partials.data() + 2 * partial * chunk;
            const double pixels = static_cast<double>(plan.pixels(chunk, channels));
            const double difference = static_cast<double>(from[c]) - average;
            const double share = pixels / (total + pixels);
            average += difference * share;
            squares += static_cast<double>(from[partial + c]) + difference * difference * total * share;
            total += pixels;
        }
        mean[c] = static_cast<T>(average);
        inverse_deviation[c] = static_cast<T>(1.0 / std::sqrt(squares / total + epsilon));
        const auto move = [&](T* running, double to) {
            if (running == nullptr) return;
            const double from = static_cast<double>(running[c]);
            running[c] = static_cast<T>(from + momentum * (to - from));
        };
        move(running_mean, average);
        move(running_variance, squares / std::max(1.0, total - 1.0));
    }
}

/// 1 / sqrt(variance + epsilon), channel by channel.
template <class T>
void inverse_deviations(Index channels, double epsilon, const T* variance, T* inverse_deviation) {
    for (Index c = 0; c < channels; ++c) {
        inverse_deviation[c] =
            static_cast<T>(1.0 / std::sqrt(static_cast<double>(variance[c]) + epsilon));
    }
}

/// What the passes need per channel, each repeated to a row.
template <class T>
struct NormRows {
    const T* mean;
    const T* factor;  ///< scale * inverse deviation
    const T* shift;

    /// The room that `write` needs.
    [[nodiscard]] static constexpr Index size(Index stride) { return 3 * stride; }

    [[nodiscard]] static NormRows write(T* rows, Index channels, Index width, Index stride,
                                        const T* mean, const T* inverse_deviation, const T* scale,
                                        const T* shift) {
        T* factors = rows + stride;
        for (Index c = 0; c < channels; ++c) factors[c] = scale[c] * inverse_deviation[c];
        spread_first(factors, channels, width);
        spread(mean, channels, rows, width);
        spread(shift, channels, factors + stride, width);
        return {rows, factors, factors + stride};
    }

    template <class Count>
    [[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> centred(const T* x, Index i, Count count) const {
        return load_lanes(x, count) - load_lanes(mean + i, count);
    }
    template <class Count>
    [[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> normalised(Vector<T> from, Index i,
                                                             Count count) const {
        return from * load_lanes(factor + i, count) + load_lanes(shift + i, count);
    }
};

/// y = [max_pool] [relu] (scale * (x - mean) * inverse_deviation + shift). Without a pool y may
/// be x.
template <class T>
void batch_norm(Context& context, const MapShape& shape, const NormEpilogue& epilogue, const T* x,
                const T* mean, const T* inverse_deviation, const T* scale, const T* shift, T* y) {
    const Index channels = shape.channels;
    const PixelPlan<T> plan(shape);
    const Index width = epilogue.max_pool ? channels : plan.width;
    const Index stride = spaced<T>(width);
    Buffer<T> storage = context.buffer<T>(NormRows<T>::size(stride));
    const NormRows<T> norm = NormRows<T>::write(storage.data(), channels, width, stride, mean,
                                                inverse_deviation, scale, shift);
    const bool relu = epilogue.relu;
    if (!epilogue.max_pool) {
        context.parallel_for(plan.chunks, [&](Index chunk) {
            plan.run(chunk, [&](Index start, Index length) {
                for_each_vector<T>(length, [&](Index i, auto count) {
                    Vector<T> value = norm.normalised(norm.centred(x + start + i, i, count), i, count);
                    if (relu) value = value < Vector<T>{} ? Vector<T>{} : value;
                    store_lanes(y + start + i, value, count);
                });
            });
        });
        return;
    }
    const PoolPlan pool(shape);
    const std::array<Index, 4> corners = pool.corners();
    context.parallel_for(pool.chunks, [&](Index chunk) {
        const auto window = [&](Index in, Index out) {
            for_each_vector<T>(channels, [&](Index c, auto count) {
                std::array<Vector<T>, 4> values;
                for (std::size_t i = 0; i < 4; ++i) {
                    values[i] = norm.normalised(norm.centred(x + in + corners[i] + c, c, count), c,
                                                count);
                }
                Vector<T> value = WindowMaximum<T>(values).value;
                if (relu) value = value < Vector<T>{} ? Vector<T>{} : value;
                store_lanes(y + out + c, value, count);
            });
        };
        pool.run(chunk, window, [](Index, Index) {});
    });
}

/// The pass that adds up, per channel, the gradient behind the epilogue and that gradient times
/// x - mean; and the pass that writes grad_x = factor * gradient - constant - slope * (x - mean).
template <class T>
struct BatchNormPullback {
    Context& context;
    MapShape shape;
    NormEpilogue epilogue;
    const T* x;
    const T* grad_y;
    PixelPlan<T> pixels{shape};
    PoolPlan pool{shape};
    Index width = epilogue.max_pool ? shape.channels : pixels.width;
    Index stride = spaced<T>(width);
    Index chunks = epilogue.max_pool ? pool.chunks : pixels.chunks;

    /// pixel(at, i, centred, gradient, count) for all registers of a chunk: the gradient behind
    /// pool and ReLU at element `at` of x, which is number `i` of a row.
    template <class Pixel>
    void run(Index chunk, const NormRows<T>& norm, Pixel&& pixel) const {
        const bool relu = epilogue.relu;
        if (!epilogue.max_pool) {
            pixels.run(chunk, [&](Index start, Index length) {
                for_each_vector<T>(length, [&](Index i, auto count) {
                    const Vector<T> centred = norm.centred(x + start + i, i, count);
                    Vector<T> gradient = load_lanes(grad_y + start + i, count);
                    if (relu) {
                        const Vector<T> value = norm.normalised(centred, i, count);
                        gradient = value <= Vector<T>{} ? Vector<T>{} : gradient;
                    }
                    pixel(start + i, i, centred, gradient, count);
                });
            });
            return;
        }
        const std::array<Index, 4> corners = pool.corners();
        const auto window = [&](Index in, Index out) {
            for_each_vector<T>(shape.channels, [&](Index c, auto count) {
                std::array<Vector<T>, 4> centred;
                std::array<Vector<T>, 4> values;
                for (std::size_t i = 0; i < 4; ++i) {
                    centred[i] = norm.centred(x + in + corners[i] + c, c, count);
                    values[i] = norm.normalised(centred[i], c, count);
                }
                const WindowMaximum<T> maximum(values);
                Vector<T> gradient = load_lanes(grad_y + out + c, count);
                if (relu) gradient = maximum.value <= Vector<T>{} ? Vector<T>{} : gradient;
                for (std::size_t i = 0; i < 4; ++i) {
                    pixel(in + corners[i] + c, c, centred[i], maximum.share(i, gradient), count);
                }
            });
        };
        const auto rest = [&](Index in, Index size) {
            for (Index start = 0; start < size; start += shape.channels) {
                for_each_vector<T>(shape.channels, [&](Index c, auto count) {
                    pixel(in + start + c, c, norm.centred(x + in + start + c, c, count),
                          Vector<T>{}, count);
                });
            }
        };
        pool.run(chunk, window, rest);
    }

    /// Per chunk, `2 * partial` apart: sums of gradient * (x - mean), then of the gradient.
    void sum(const NormRows<T>& norm, T* partials, Index partial) const {
        context.parallel_for_with_scratch<T>(chunks, 2 * stride, [&](Index chunk, T* scale_sums) {
            T* shift_sums = scale_sums + stride;
            std::fill_n(scale_sums, 2 * stride, T{0});
            run(chunk, norm,
                [&](Index, Index i, Vector<T> centred, Vector<T> gradient, auto count) {
                    add_lanes(scale_sums + i, gradient * centred, count);
                    add_lanes(shift_sums + i, gradient, count);
                });
            fold(scale_sums, shape.channels, width);
            fold(shift_sums, shape.channels, width);
            T* to = partials + 2 * partial * chunk;
            std::copy_n(scale_sums, shape.channels, to);
            std::copy_n(shift_sums, shape.channels, to + partial);
        });
    }

    void write(const NormRows<T>& norm, const T* constants, const T* slopes,
               const GradientTarget<T>& grad_x) const {
        context.parallel_for(chunks, [&](Index chunk) {
            run(chunk, norm,
                [&](Index at, Index i, Vector<T> centred, Vector<T> gradient, auto count) {
                    put_lanes(grad_x, at,
                              gradient * load_lanes(norm.factor + i, count) -
                                  load_lanes(constants + i, count) -
                                  centred * load_lanes(slopes + i, count),
                              count);
                });
        });
    }
};

/// The gradients of x, scale and shift. `batch`: mean and deviation are the batch's own, so that
/// x has a share in them; otherwise they are constants.
template <class T>
void batch_norm_pullback(Context& context, const MapShape& shape, const NormEpilogue& epilogue,
                         bool batch, const T* x, const T* mean, const T* inverse_deviation,
                         const T* scale, const T* shift, const T* grad_y,
                         const GradientTarget<T>& grad_x, const GradientTarget<T>& grad_scale,
                         const GradientTarget<T>& grad_shift) {
    const BatchNormPullback<T> pass{context, shape, epilogue, x, grad_y};
    const Index channels = shape.channels;
    const Index stride = pass.stride;
    Buffer<T> storage = context.buffer<T>(NormRows<T>::size(stride) + 2 * stride);
    const NormRows<T> norm = NormRows<T>::write(storage.data(), channels, pass.width, stride, mean,
                                                inverse_deviation, scale, shift);
    // With n = the normalised x: grad_x = factor * (gradient - mean(gradient) - n * mean(gradient *
    // n)), where the means over the batch are there only if `batch`.
    T* constants = storage.data() + NormRows<T>::size(stride);
    T* slopes = constants + stride;
    std::fill_n(constants, 2 * stride, T{0});
    if (grad_scale || grad_shift || (grad_x && batch)) {
        const Index partial = spaced<T>(channels);
        const double count = static_cast<double>(shape.batch * shape.height * shape.width);
        Buffer<T> partials = context.buffer<T>(2 * partial * pass.chunks);
        pass.sum(norm, partials.data(), partial);
        for_each_total(partials.data(), pass.chunks, 2 * partial, channels,
                       [&](Index c, double total) {
                           const double inverse = static_cast<double>(inverse_deviation[c]);
                           if (grad_scale) put_total(grad_scale, c, total * inverse);
                           slopes[c] = static_cast<T>(total / count * inverse * inverse *
                                                      inverse * static_cast<double>(scale[c]));
                       });
        for_each_total(partials.data() + partial, pass.chunks, 2 * partial, channels,
                       [&](Index c, double total) {
                           if (grad_shift) put_total(grad_shift, c, total);
                           constants[c] = static_cast<T>(
                               total / count * static_cast<double>(norm.factor[c]));
                       });
        if (!batch) std::fill_n(constants, 2 * stride, T{0});
        spread_first(constants, channels, pass.width);
        spread_first(slopes, channels, pass.width);
    }
    if (grad_x) pass.write(norm, constants, slopes, grad_x);
}

}  // namespace kasmina::backends::eigen_detail
