// Batch norm: statistics, then normalisation, ReLU and 2x2 max-pool in one pass.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include <kasmina/backend/batch_norm.hpp>
#include <kasmina/backend/geometry.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/pooling.hpp>
#include <kasmina/backends/eigen/rows.hpp>
#include <kasmina/backends/eigen/simd.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

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

    [[nodiscard]] Index start(Index chunk) const { return chunk * chunk_size; }
    [[nodiscard]] Index size(Index chunk) const {
        return std::min(chunk_size, elements - start(chunk));
    }
    [[nodiscard]] Index pixels(Index chunk, Index channels) const { return size(chunk) / channels; }
};

/// The mean and 1 / deviation of each channel over the batch; moves the running mean and (with the
/// unbiased variance) the running variance, which may be null. A variance that overflows is
/// infinite, and stays that in the running one: what it divides is 0 and not NaN. Each chunk is
/// summed in two passes and chunks are combined by the formula of Chan, Golub and LeVeque (1983):
/// nothing cancels.
template <class T>
void batch_norm_statistics(Context& context, const BatchNormStatistics<T>& call) {
    const PixelPlan<T> plan(call.shape);
    const Index channels = call.shape.channels;
    const T* const x = call.x;
    const Index partial = spaced<double>(channels);
    const Index stride = spaced<T>(plan.width);
    // Per chunk: the mean, and the sum of squares of what differs from it.
    Buffer<double> partials = context.buffer<double>(2 * partial * plan.chunks);
    context.parallel_for_with_sums<T>(
        plan.chunks, stride, 2 * stride, [&](Index chunk, T* means, double* sums) {
            const T* from = x + plan.start(chunk);
            double* chunk_mean = partials.data() + 2 * partial * chunk;
            double* chunk_squares = chunk_mean + partial;
            const double pixels = static_cast<double>(plan.pixels(chunk, channels));
            std::fill_n(sums, plan.width, 0.0);
            sum_rows_of(from, plan.size(chunk), plan.width, sums);
            fold(sums, channels, plan.width);
            for (Index c = 0; c < channels; ++c) means[c] = static_cast<T>(sums[c] / pixels);
            spread_first(means, channels, plan.width);
            double* squares = sums + stride;
            std::fill_n(sums, 2 * stride, 0.0);
            sum_rows<2, T>(plan.size(chunk), plan.width, sums, stride,
                           [&](Index at, Index i, auto count) {
                               const Vector<T> centred =
                                   load_lanes(from + at, count) - load_lanes(means + i, count);
                               return std::array{centred, centred * centred};
                           });
            fold(sums, channels, plan.width);
            fold(squares, channels, plan.width);
            for (Index c = 0; c < channels; ++c) {
                const double rest = sums[c] / pixels;  // what rounding left out of the mean
                chunk_mean[c] = static_cast<double>(means[c]) + rest;
                chunk_squares[c] = squares[c] - sums[c] * rest;
            }
        });

    for (Index c = 0; c < channels; ++c) {
        double total = 0.0;
        double average = 0.0;
        double squares = 0.0;
        for (Index chunk = 0; chunk < plan.chunks; ++chunk) {
            const double* from = partials.data() + 2 * partial * chunk;
            const double pixels = static_cast<double>(plan.pixels(chunk, channels));
            const double difference = from[c] - average;
            const double share = pixels / (total + pixels);
            average += difference * share;
            squares += from[partial + c] + difference * difference * total * share;
            total += pixels;
        }
        call.mean[c] = static_cast<T>(average);
        call.inverse_deviation[c] = static_cast<T>(1.0 / std::sqrt(squares / total + call.epsilon));
        const auto move = [&](T* running, double to) {
            if (running == nullptr) return;
            const double from = static_cast<double>(running[c]);
            running[c] = static_cast<T>((1.0 - call.momentum) * from + call.momentum * to);
        };
        move(call.running_mean, average);
        move(call.running_variance, squares / std::max(1.0, total - 1.0));
    }
}

/// 1 / sqrt(variance + epsilon), channel by channel.
template <class T>
void inverse_deviation(const InverseDeviation<T>& call) {
    for (Index c = 0; c < call.channels; ++c) {
        call.inverse_deviation[c] =
            static_cast<T>(1.0 / std::sqrt(static_cast<double>(call.variance[c]) + call.epsilon));
    }
}

/// What normalises a register of channels.
template <class T>
struct NormLanes {
    Vector<T> mean;
    Vector<T> factor;  ///< scale * inverse deviation
    Vector<T> shift;

    [[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> normalised(Vector<T> centred) const {
        return multiply_add<T>(centred, factor, shift);
    }
    [[nodiscard]] KASMINA_ALWAYS_INLINE std::array<Vector<T>, 4> centred(
        const std::array<Vector<T>, 4>& window) const {
        return {window[0] - mean, window[1] - mean, window[2] - mean, window[3] - mean};
    }
    [[nodiscard]] KASMINA_ALWAYS_INLINE std::array<Vector<T>, 4> normalised(
        const std::array<Vector<T>, 4>& centred) const {
        return {normalised(centred[0]), normalised(centred[1]), normalised(centred[2]),
                normalised(centred[3])};
    }
};

/// The same for all channels, each number repeated to a row: a view of room for `size(stride)`.
template <class T>
struct NormRows {
    const T* rows;
    Index stride;

    [[nodiscard]] static constexpr Index size(Index stride) { return 3 * stride; }

    [[nodiscard]] static NormRows write(T* rows, Index stride, Index channels, Index width,
                                        const T* mean, const T* inverse_deviation, const T* scale,
                                        const T* shift) {
        T* factors = rows + stride;
        for (Index c = 0; c < channels; ++c) factors[c] = scale[c] * inverse_deviation[c];
        spread_first(factors, channels, width);
        spread(mean, channels, rows, width);
        spread(shift, channels, factors + stride, width);
        return {rows, stride};
    }

    [[nodiscard]] const T* factors() const { return rows + stride; }

    template <class Count>
    [[nodiscard]] KASMINA_ALWAYS_INLINE NormLanes<T> at(Index i, Count count) const {
        return {load_lanes(rows + i, count), load_lanes(rows + stride + i, count),
                load_lanes(rows + 2 * stride + i, count)};
    }
};

template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> relu_if(bool relu, Vector<T> value) {
    return relu ? rectified<T>(value) : value;
}

/// Without a pool y may be x.
template <class T>
void batch_norm(Context& context, const BatchNorm<T>& call) {
    const MapShape shape = call.shape;
    const NormEpilogue epilogue = call.epilogue;
    const T* const x = call.x;
    T* const y = call.y;
    const Index channels = shape.channels;
    const PixelPlan<T> pixels(shape);
    const Index width = epilogue.max_pool ? channels : pixels.width;
    const Index stride = spaced<T>(width);
    Buffer<T> rows = context.buffer<T>(NormRows<T>::size(stride));
    const auto norm = NormRows<T>::write(rows.data(), stride, channels, width, call.mean,
                                         call.inverse_deviation, call.scale, call.shift);
    const bool relu = epilogue.relu;
    if (!epilogue.max_pool) {
        context.parallel_for(pixels.chunks, [&](Index chunk) {
            const T* from = x + pixels.start(chunk);
            T* to = y + pixels.start(chunk);
            for_each_row(pixels.size(chunk), width, [=](Index start, Index length) {
                for_each_vector<T>(length, [=](Index i, auto count) {
                    const NormLanes<T> by = norm.at(i, count);
                    const Vector<T> value =
                        by.normalised(load_lanes(from + start + i, count) - by.mean);
                    store_lanes(to + start + i, relu_if<T>(relu, value), count);
                });
            });
        });
        return;
    }
    const PoolPlan pool(shape);
    const std::array<Index, 4> corners = pool.corners();
    const Index windows = pool.windows();
    context.parallel_for(pool.chunks, [&](Index chunk) {
        const auto pair = [=](Index in, Index out) {
            for_each_vector<T>(channels, [=](Index c, auto count) {
                const NormLanes<T> by = norm.at(c, count);
                for (Index column = 0; column < windows; ++column) {
                    const auto window =
                        load_window(x + in + 2 * column * channels + c, corners, count);
                    const WindowMaximum<T> maximum(by.normalised(by.centred(window)));
                    store_lanes(y + out + column * channels + c, relu_if<T>(relu, maximum.value),
                                count);
                }
            });
        };
        pool.run(chunk, pair, [](Index, Index) {});
    });
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
