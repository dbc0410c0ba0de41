// The pullback of batch norm with ReLU and 2x2 max-pool: masks and maxima are computed again from
// x, which is cheaper than keeping and reading them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <type_traits>

#include <kasmina/backend/batch_norm.hpp>
#include <kasmina/backend/geometry.hpp>
#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backends/eigen/batch_norm.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/pooling.hpp>
#include <kasmina/backends/eigen/rows.hpp>
#include <kasmina/backends/eigen/simd.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// Two passes over memory, each with and without a pool: `sum` adds up, per channel, the gradient
/// behind the epilogue, and that gradient times x - mean; `write` gives
/// grad_x = factor * gradient + constant + slope * (x - mean). All pixels have the constant in
/// common, so in a sum over them, which the weight gradient of a convolution in front is, an error
/// in it would not average out: it is a number and what rounding left out of it.
///
/// A pool gives the same bits here as behind the norm, as an operation of its own, where a seed in
/// between has parted the two [I-1]: both sum the same chunks, window by window. Three of the four
/// terms of a window behind a pool are 0, and adding 0 changes no bit, so that with the pool only
/// the fourth is added.
template <class T>
struct BatchNormPasses {
    Context& context;
    MapShape shape;
    NormEpilogue epilogue;
    const T* x;
    const T* grad_y;
    NormRows<T> norm;
    PixelPlan<T> pixels;
    PoolPlan pool;
    Index width;   ///< of a row of `norm`
    Index stride;  ///< between them

    /// Per chunk, `2 * partial` apart: sums of gradient * (x - mean), then of the gradient.
    void sum(double* partials, Index partial) const {
        context.parallel_for(pool.chunks, [&](Index chunk) {
            double* sums = partials + 2 * chunk * partial;
            std::fill_n(sums, 2 * partial, 0.0);
            if (epilogue.max_pool) {
                sum_windows(chunk, sums, partial);
            } else {
                sum_pixels(chunk, sums, partial);
            }
        });
    }

    /// `line` has constants, their rests and slopes, `stride` apart.
    void write(const T* line, const GradientTarget<T>& grad_x) const {
        context.parallel_for(epilogue.max_pool ? pool.chunks : pixels.chunks, [&](Index chunk) {
            if (epilogue.max_pool) {
                write_windows(chunk, line, grad_x);
            } else {
                write_pixels(chunk, line, grad_x);
            }
        });
    }

private:
    /// With a pool the terms of four pixels are one.
    static constexpr Index windows_at_once = terms_at_once / 4;

    /// The gradient behind the ReLU, if there is one, of `value`.
    [[nodiscard]] static KASMINA_ALWAYS_INLINE Vector<T> behind(bool relu, Vector<T> value,
                                                                Vector<T> gradient) {
        return relu ? (is_at_most_zero<T>(value) ? Vector<T>{} : gradient) : gradient;
    }

    /// Constant, what rounding left out of it, and slope of a register of channels.
    struct Line {
        Vector<T> constant;
        Vector<T> rest;
        Vector<T> slope;

        template <class Count>
        KASMINA_ALWAYS_INLINE Line(const T* line, Index stride, Index i, Count count)
            : constant(load_lanes(line + i, count)),
              rest(load_lanes(line + stride + i, count)),
              slope(load_lanes(line + 2 * stride + i, count)) {}

        [[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> gradient_of_x(Vector<T> factor,
                                                                    Vector<T> gradient,
                                                                    Vector<T> centred) const {
            return multiply_add<T>(gradient, factor, multiply_add<T>(centred, slope, rest)) +
                   constant;
        }
    };

    /// Window by window as `sum_windows` does it, with all four terms of each.
    void sum_pixels(Index chunk, double* sums, Index partial) const {
        const Index channels = shape.channels;
        const std::array<Index, 4> corners = pool.corners();
        const auto pair = [&](Index in, Index) {
            add_groups(sums, partial, in, pool.windows(), 2 * channels, corners);
        };
        const auto rest = [&](Index in, Index size) {
            add_groups(sums, partial, in, size / channels, channels, std::span(corners).first(1));
        };
        pool.run(chunk, pair, rest);
    }

    /// Adds the terms of `groups` groups of pixels, `step` numbers apart from `in` on, to sums;
    /// a group's pixels are `corners` away from its first. Several registers of channels at a
    /// time, so that their sums overlap in time.
    void add_groups(double* sums, Index partial, Index in, Index groups, Index step,
                    std::span<const Index> corners) const {
        const T* from = x + in;
        const T* upstream = grad_y + in;
        const bool relu = epilogue.relu;
        const NormRows<T> rows = norm;
        double* shift_sums = sums + partial;
        const auto columns = [=](Index first, auto block, auto count) {
            constexpr std::size_t vectors = decltype(block)::value;
            const auto place = [=](std::size_t v) {
                return first + static_cast<Index>(v) * lanes<T>;
            };
            for (Index start = 0; start < groups; start += windows_at_once) {
                std::array<Vector<T>, vectors> scale_sum{};
                std::array<Vector<T>, vectors> shift_sum{};
                const Index end = std::min(groups, start + windows_at_once);
                for (Index group = start; group < end; ++group) {
                    for (const Index corner : corners) {
                        const Index at = group * step + corner;
                        KASMINA_UNROLL
                        for (std::size_t v = 0; v < vectors; ++v) {
                            const NormLanes<T> by = rows.at(place(v), count);
                            const Vector<T> centred =
                                load_lanes(from + at + place(v), count) - by.mean;
                            const Vector<T> gradient =
                                behind(relu, by.normalised(centred),
                                       load_lanes(upstream + at + place(v), count));
                            scale_sum[v] = multiply_add<T>(gradient, centred, scale_sum[v]);
                            shift_sum[v] += gradient;
                        }
                    }
                }
                KASMINA_UNROLL
                for (std::size_t v = 0; v < vectors; ++v) {
                    add_widened<T>(sums + place(v), scale_sum[v], count);
                    add_widened<T>(shift_sums + place(v), shift_sum[v], count);
                }
            }
        };
        constexpr std::integral_constant<std::size_t, 4> several;
        constexpr std::integral_constant<std::size_t, 1> one;
        constexpr Index several_lanes = 4 * lanes<T>;
        Index c = 0;
        for (; c + several_lanes <= shape.channels; c += several_lanes) {
            columns(c, several, AllLanes<T>{});
        }
        for (; c + lanes<T> <= shape.channels; c += lanes<T>) columns(c, one, AllLanes<T>{});
        if (c < shape.channels) columns(c, one, shape.channels - c);
    }

    void write_pixels(Index chunk, const T* line, const GradientTarget<T>& grad_x) const {
        const T* from = x + pixels.start(chunk);
        const T* upstream = grad_y + pixels.start(chunk);
        const GradientTarget<T> to{grad_x.data + pixels.start(chunk), grad_x.accumulate};
        const bool relu = epilogue.relu;
        const NormRows<T> rows = norm;
        const Index lines = stride;
        for_each_row(pixels.size(chunk), width, [=](Index start, Index length) {
            for_each_vector<T>(length, [=](Index i, auto count) {
                const NormLanes<T> by = rows.at(i, count);
                const Vector<T> centred = load_lanes(from + start + i, count) - by.mean;
                const Vector<T> gradient =
                    behind(relu, by.normalised(centred), load_lanes(upstream + start + i, count));
                const Line at(line, lines, i, count);
                put_lanes(to, start + i, at.gradient_of_x(by.factor, gradient, centred), count);
            });
        });
    }

    void sum_windows(Index chunk, double* sums, Index partial) const {
        const std::array<Index, 4> corners = pool.corners();
        const Index channels = shape.channels;
        const Index windows = pool.windows();
        const bool relu = epilogue.relu;
        const NormRows<T> rows = norm;
        double* shift_sums = sums + partial;
        const auto pair = [&](Index in, Index out) {
            const T* from = x + in;
            const T* upstream = grad_y + out;
            for_each_vector<T>(channels, [=](Index c, auto count) {
                const NormLanes<T> by = rows.at(c, count);
                for (Index start = 0; start < windows; start += windows_at_once) {
                    Vector<T> scale_sum{};
                    Vector<T> shift_sum{};
                    const Index end = std::min(windows, start + windows_at_once);
                    for (Index column = start; column < end; ++column) {
                        const auto centred = by.centred(
                            load_window(from + 2 * column * channels + c, corners, count));
                        const WindowMaximum<T> maximum(by.normalised(centred));
                        const Vector<T> gradient =
                            behind(relu, maximum.value,
                                   load_lanes(upstream + column * channels + c, count));
                        scale_sum = multiply_add<T>(gradient, maximum.pick(centred), scale_sum);
                        shift_sum += gradient;
                    }
                    add_widened<T>(sums + c, scale_sum, count);
                    add_widened<T>(shift_sums + c, shift_sum, count);
                }
            });
        };
        pool.run(chunk, pair, [](Index, Index) {});
    }

    void write_windows(Index chunk, const T* line, const GradientTarget<T>& grad_x) const {
        const Index channels = shape.channels;
        const Index windows = pool.windows();
        const bool relu = epilogue.relu;
        const NormRows<T> rows = norm;
        const std::array<Index, 4> corners = pool.corners();
        const Index lines = stride;
        const auto pair = [&](Index in, Index out) {
            const T* from = x + in;
            const T* upstream = grad_y + out;
            const GradientTarget<T> to{grad_x.data + in, grad_x.accumulate};
            for_each_vector<T>(channels, [=](Index c, auto count) {
                const NormLanes<T> by = rows.at(c, count);
                const Line sum(line, lines, c, count);
                for (Index column = 0; column < windows; ++column) {
                    const Index at = 2 * column * channels + c;
                    const auto centred = by.centred(load_window(from + at, corners, count));
                    const WindowMaximum<T> maximum(by.normalised(centred));
                    const Vector<T> gradient = behind(
                        relu, maximum.value, load_lanes(upstream + column * channels + c, count));
                    KASMINA_UNROLL
                    for (std::size_t i = 0; i < 4; ++i) {
                        put_lanes(
                            to, at + corners[i],
                            sum.gradient_of_x(by.factor, maximum.share(i, gradient), centred[i]),
                            count);
                    }
                }
            });
        };
        const auto rest = [&](Index in, Index size) {
            for (Index start = in; start < in + size; start += channels) {
                for_each_vector<T>(channels, [&](Index c, auto count) {
                    const NormLanes<T> by = norm.at(c, count);
                    const Line at(line, lines, c, count);
                    put_lanes(grad_x, start + c,
                              at.gradient_of_x(by.factor, Vector<T>{},
                                               load_lanes(x + start + c, count) - by.mean),
                              count);
                });
            }
        };
        pool.run(chunk, pair, rest);
    }
};

/// Where the statistics are the batch's own, x has a share in them; otherwise they are constants.
template <class T>
void batch_norm_pullback(Context& context, const BatchNormPullback<T>& call) {
    const MapShape shape = call.shape;
    const NormEpilogue epilogue = call.epilogue;
    const bool batch = call.batch_statistics;
    const T* const inverse_deviation = call.inverse_deviation;
    const GradientTarget<T> grad_x = call.grad_x;
    const GradientTarget<T> grad_scale = call.grad_scale;
    const GradientTarget<T> grad_shift = call.grad_shift;
    const Index channels = shape.channels;
    const PixelPlan<T> pixels(shape);
    const Index width = epilogue.max_pool ? channels : pixels.width;
    const Index stride = spaced<T>(width);
    Buffer<T> rows = context.buffer<T>(NormRows<T>::size(stride) + 3 * stride);
    const auto norm = NormRows<T>::write(rows.data(), stride, channels, width, call.mean,
                                         inverse_deviation, call.scale, call.shift);
    const BatchNormPasses<T> passes{context, shape,  epilogue,        call.x, call.grad_y,
                                    norm,    pixels, PoolPlan(shape), width,  stride};

    // With n = the normalised x: grad_x = factor * (gradient - mean(gradient) - n * mean(gradient *
    // n)), where the means over the batch are there only if `batch`. The rows have their minus.
    T* constants = rows.data() + NormRows<T>::size(stride);
    T* rests = constants + stride;
    T* slopes = rests + stride;
    std::fill_n(constants, 3 * stride, T{0});
    if (grad_scale || grad_shift || (grad_x && batch)) {
        const Index partial = spaced<double>(channels);
        const double count = static_cast<double>(shape.batch * shape.height * shape.width);
        Buffer<double> partials = context.buffer<double>(2 * partial * passes.pool.chunks);
        passes.sum(partials.data(), partial);
        for_each_total(partials.data(), 0, passes.pool.chunks, 2 * partial, channels,
                       [&](Index c, double total) {
                           const double inverse = static_cast<double>(inverse_deviation[c]);
                           const double factor = static_cast<double>(norm.factors()[c]);
                           if (grad_scale) put_total(grad_scale, c, total * inverse);
                           if (batch)
                               slopes[c] =
                                   static_cast<T>(-factor * total * inverse * inverse / count);
                       });
        for_each_total(partials.data(), partial, passes.pool.chunks, 2 * partial, channels,
                       [&](Index c, double total) {
                           const double factor = static_cast<double>(norm.factors()[c]);
                           if (grad_shift) put_total(grad_shift, c, total);
                           if (!batch) return;
                           const double constant = -factor * total / count;
                           constants[c] = static_cast<T>(constant);
                           rests[c] = static_cast<T>(constant - static_cast<double>(constants[c]));
                       });
        for (Index row = 0; row < 3; ++row) {
            spread_first(constants + row * stride, channels, width);
        }
    }
    if (grad_x) passes.write(constants, grad_x);
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
