// Pooling: maxima, with kernels for 2x2 windows of stride 2, and the mean over all positions.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include <kasmina/backend/geometry.hpp>
#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backend/pooling.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/pooling_any.hpp>
#include <kasmina/backends/eigen/rows.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// The maximum of a 2x2 window, lane by lane, and where it is: of equals the first in row-major
/// order, of NaNs the last, as PyTorch has it.
template <class T>
struct WindowMaximum {
    Vector<T> value;
    Vector<T> place{};  ///< 0 ... 3

    KASMINA_ALWAYS_INLINE explicit WindowMaximum(const std::array<Vector<T>, 4>& window)
        : value(window[0]) {
        KASMINA_UNROLL
        for (std::size_t i = 1; i < 4; ++i) {
            const auto greater = (window[i] > value) | is_not_a_number<T>(window[i]);
            value = greater ? window[i] : value;
            place = greater ? Vector<T>{} + static_cast<T>(i) : place;
        }
    }

    /// `gradient` where the maximum is at `i`, else 0.
    [[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> share(std::size_t i, Vector<T> gradient) const {
        return place == Vector<T>{} + static_cast<T>(i) ? gradient : Vector<T>{};
    }
    /// What `window` has where the maximum is.
    [[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> pick(
        const std::array<Vector<T>, 4>& window) const {
        Vector<T> picked = window[0];
        KASMINA_UNROLL
        for (std::size_t i = 1; i < 4; ++i) {
            picked = place == Vector<T>{} + static_cast<T>(i) ? window[i] : picked;
        }
        return picked;
    }
};

/// A map as pairs of rows, the unit of work of 2x2 windows. Of an odd height the last pair is a
/// single row, of an odd width the last column has no window.
struct PoolPlan {
    MapShape shape;
    Index pair_rows;  ///< of one map
    Index pairs_per_chunk;
    Index chunks;

    explicit PoolPlan(const MapShape& of) : shape(of), pair_rows((of.height + 1) / 2) {
        const Index pair_size = std::max<Index>(1, 2 * of.width * of.channels);
        pairs_per_chunk = std::max<Index>(1, 32768 / pair_size);
        chunks = (of.batch * pair_rows + pairs_per_chunk - 1) / pairs_per_chunk;
    }

    /// Offsets of a window's corners from its first, in row-major order.
    [[nodiscard]] std::array<Index, 4> corners() const {
        const Index below = shape.width * shape.channels;
        return {0, shape.channels, below, below + shape.channels};
    }

    [[nodiscard]] Index windows() const { return shape.width / 2; }  ///< of a pair of rows

    /// pair(in, out): where a pair of rows begins, and the output row of its windows.
    /// rest(in, size): stretches of the input that no window covers.
    template <class Pair, class Rest>
    void run(Index chunk, Pair&& pair, Rest&& rest) const {
        const Index row_size = shape.width * shape.channels;
        const Index last = std::min(shape.batch * pair_rows, (chunk + 1) * pairs_per_chunk);
        for (Index number = chunk * pairs_per_chunk; number < last; ++number) {
            const Index map = number / pair_rows;
            const Index row = number % pair_rows;
            const Index in = (map * shape.height + 2 * row) * row_size;
            if (2 * row + 1 == shape.height) {
                rest(in, row_size);
                continue;
            }
            pair(in, (map * (shape.height / 2) + row) * windows() * shape.channels);
            if (shape.width % 2 != 0) {
                rest(in + row_size - shape.channels, shape.channels);
                rest(in + 2 * row_size - shape.channels, shape.channels);
            }
        }
    }
};

/// The four values of a window whose first is at `from`.
template <class T, class Count>
[[nodiscard]] KASMINA_ALWAYS_INLINE std::array<Vector<T>, 4> load_window(
    const T* from, const std::array<Index, 4>& corners, Count count) {
    return {load_lanes(from, count), load_lanes(from + corners[1], count),
            load_lanes(from + corners[2], count), load_lanes(from + corners[3], count)};
}

/// y = the maximum of each window of x.
template <class T>
void max_pool(Context& context, const MaxPool<T>& call) {
    if (!halves(call.shape)) return max_pool_any(context, call);
    const T* const x = call.x;
    T* const y = call.y;
    const PoolPlan plan(call.shape.map);
    const std::array<Index, 4> corners = plan.corners();
    const Index channels = call.shape.map.channels;
    context.parallel_for(plan.chunks, [&](Index chunk) {
        const auto pair = [&](Index in, Index out) {
            for (Index column = 0; column < plan.windows(); ++column) {
                const T* from = x + in + 2 * column * channels;
                T* to = y + out + column * channels;
                for_each_vector<T>(channels, [=](Index c, auto count) {
                    store_lanes(to + c,
                                WindowMaximum<T>(load_window(from + c, corners, count)).value,
                                count);
                });
            }
        };
        plan.run(chunk, pair, [](Index, Index) {});
    });
}

/// The gradient of x: each window's goes to its maximum.
template <class T>
void max_pool_pullback(Context& context, const MaxPoolPullback<T>& call) {
    const T* const x = call.x;
    const T* const grad_y = call.grad_y;
    const GradientTarget<T> grad_x = call.grad_x;
    if (!grad_x) return;
    if (!halves(call.shape)) return max_pool_any_pullback(context, call);
    const PoolPlan plan(call.shape.map);
    const std::array<Index, 4> corners = plan.corners();
    const Index channels = call.shape.map.channels;
    context.parallel_for(plan.chunks, [&](Index chunk) {
        const auto pair = [&](Index in, Index out) {
            for (Index column = 0; column < plan.windows(); ++column) {
                for_each_vector<T>(channels, [=](Index c, auto count) {
                    const Index at = in + 2 * column * channels + c;
                    const WindowMaximum<T> maximum(load_window(x + at, corners, count));
                    const Vector<T> gradient =
                        load_lanes(grad_y + out + column * channels + c, count);
                    KASMINA_UNROLL
                    for (std::size_t i = 0; i < 4; ++i) {
                        put_lanes(grad_x, at + corners[i], maximum.share(i, gradient), count);
                    }
                });
            }
        };
        plan.run(chunk, pair, [&](Index in, Index size) {
            if (!grad_x.accumulate) std::fill_n(grad_x.data + in, size, T{0});
        });
    });
}

/// y (samples, channels) = the mean of x (samples, positions, channels) over positions.
template <class T>
void mean_positions(Context& context, const MeanPositions<T>& call) {
    const MapGeometry geometry = call.geometry;
    const T* const x = call.x;
    T* const y = call.y;
    const Index channels = geometry.channels;
    const Index width = row_width<T>(channels, geometry.positions);
    const Index sample_size = geometry.positions * channels;
    const double positions = static_cast<double>(geometry.positions);
    context.parallel_for_with_scratch<double>(
        geometry.samples, spaced<double>(width), [&](Index sample, double* sums) {
            const T* from = x + sample * sample_size;
            std::fill_n(sums, width, 0.0);
            sum_rows_of(from, sample_size, width, sums);
            fold(sums, channels, width);
            for (Index c = 0; c < channels; ++c) {
                y[sample * channels + c] = static_cast<T>(sums[c] / positions);
            }
        });
}

/// The gradient of x: grad_y / positions at every position.
template <class T>
void mean_positions_pullback(Context& context, const MeanPositionsPullback<T>& call) {
    const MapGeometry geometry = call.geometry;
    const T* const grad_y = call.grad_y;
    const GradientTarget<T> grad_x = call.grad_x;
    if (!grad_x) return;
    const Index channels = geometry.channels;
    const Index width = row_width<T>(channels, geometry.positions);
    const Index sample_size = geometry.positions * channels;
    const T factor = T{1} / static_cast<T>(geometry.positions);
    context.parallel_for_with_scratch<T>(
        geometry.samples, spaced<T>(width), [&](Index sample, T* row) {
            spread(grad_y + sample * channels, channels, row, width);
            for (Index i = 0; i < width; ++i) row[i] *= factor;
            for_each_row(sample_size, width, [=](Index start, Index length) {
                for_each_vector<T>(length, [=](Index i, auto count) {
                    put_lanes(grad_x, sample * sample_size + start + i, load_lanes(row + i, count),
                              count);
                });
            });
        });
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
