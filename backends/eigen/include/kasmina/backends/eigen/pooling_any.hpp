// Pools of any window, stride and padding: maxima and averages, vectorised over channels.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backend/pooling.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/elementwise.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/rows.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// The part of one window that is on the map.
struct PoolWindow {
    Index first_row, last_row;
    Index first_column, last_column;
    Index row_distance;    ///< numbers from one row of the map to the next
    Index pixel_distance;  ///< and from one pixel to the next

    [[nodiscard]] Index places() const noexcept {
        return (last_row - first_row) * (last_column - first_column);
    }
    [[nodiscard]] KASMINA_ALWAYS_INLINE Index at(Index row, Index column) const noexcept {
        return row * row_distance + column * pixel_distance;
    }
};

[[nodiscard]] inline PoolWindow pool_window(const PoolShape& shape, Index row, Index column) {
    const Index top = row * shape.stride_height - shape.pad_top;
    const Index left = column * shape.stride_width - shape.pad_left;
    return {std::max<Index>(0, top),
            std::min(shape.map.height, top + shape.kernel_height),
            std::max<Index>(0, left),
            std::min(shape.map.width, left + shape.kernel_width),
            shape.map.width * shape.map.channels,
            shape.map.channels};
}

/// f(window, sample, out) for the windows of one chunk, in order: `sample` is where the window's
/// map begins, `out` where its result is. Windows overlap, but not those of two maps: a chunk is
/// a row of windows where they are only read (`by_rows`), and else a whole map.
template <bool by_rows, class F>
void for_each_window(Context& context, const PoolShape& shape, F&& f) {
    const Index rows = shape.map.batch * shape.out_height;
    const Index step = by_rows ? 1 : Index{shape.out_height};
    context.parallel_for(rows / std::max<Index>(1, step), [&](Index chunk) {
        for (Index row = chunk * step; row < (chunk + 1) * step; ++row) {
            const Index sample =
                row / shape.out_height * shape.map.height * shape.map.width * shape.map.channels;
            for (Index column = 0; column < shape.out_width; ++column) {
                f(pool_window(shape, row % shape.out_height, column), sample,
                  (row * shape.out_width + column) * shape.map.channels);
            }
        }
    });
}

/// Whether `next` takes the place of the maximum so far, lane by lane: of equals the first in
/// row-major order is it, of NaNs the last, as PyTorch has it.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE auto takes_over(Vector<T> next, Vector<T> maximum) {
    return (next > maximum) | is_not_a_number<T>(next);
}

/// The row and column of a window's maximum, lane by lane.
template <class T>
struct AnyWindowMaximum {
    Vector<T> value;
    Vector<T> row{};
    Vector<T> column{};

    template <class Count>
    KASMINA_ALWAYS_INLINE AnyWindowMaximum(const T* x, const PoolWindow& window, Count count)
        : value(load_lanes(x + window.at(window.first_row, window.first_column), count)) {
        for (Index i = window.first_row; i < window.last_row; ++i) {
            for (Index j = window.first_column; j < window.last_column; ++j) {
                const Vector<T> next = load_lanes(x + window.at(i, j), count);
                const auto greater = takes_over<T>(next, value);
                value = greater ? next : value;
                row = greater ? Vector<T>{} + static_cast<T>(i - window.first_row) : row;
                column = greater ? Vector<T>{} + static_cast<T>(j - window.first_column) : column;
            }
        }
    }
};

/// Adds a gradient where a window of few places has its maximum, by going through all of them: for
/// few, that is quicker than to go to each lane's. `x` and `to` are where the window begins.
template <class T, class Rows, class Columns, class Count>
KASMINA_ALWAYS_INLINE void add_at_maximum(const T* x, T* to, const PoolWindow& window, Rows rows,
                                          Columns columns, Vector<T> gradient, Count count) {
    Vector<T> value = load_lanes(x, count);
    Vector<T> place{};
    Vector<T> here{};
    for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < columns; ++j) {
            const Vector<T> next = load_lanes(x + window.at(i, j), count);
            const auto greater = takes_over<T>(next, value);
            value = greater ? next : value;
            place = greater ? here : place;
            here += T{1};
        }
    }
    here = Vector<T>{};
    for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < columns; ++j) {
            add_lanes(to + window.at(i, j), here == place ? gradient : Vector<T>{}, count);
            here += T{1};
        }
    }
}

inline constexpr Index few_places = 16;

/// The maximum alone.
template <class T, class Count>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> maximum_of(const T* x, const PoolWindow& window,
                                                         Count count) {
    Vector<T> value = load_lanes(x + window.at(window.first_row, window.first_column), count);
    for (Index i = window.first_row; i < window.last_row; ++i) {
        for (Index j = window.first_column; j < window.last_column; ++j) {
            const Vector<T> next = load_lanes(x + window.at(i, j), count);
            value = takes_over<T>(next, value) ? next : value;
        }
    }
    return value;
}

template <class T>
void max_pool_any(Context& context, const MaxPool<T>& call) {
    const Index channels = call.shape.map.channels;
    for_each_window<true>(context, call.shape,
                          [&](const PoolWindow& window, Index sample, Index out) {
                              const T* const x = call.x + sample;
                              T* const y = call.y + out;
                              for_each_vector<T>(channels, [=](Index c, auto count) {
                                  store_lanes(y + c, maximum_of(x + c, window, count), count);
                              });
                          });
}

/// The gradient of x: each window's is added at its maximum.
template <class T>
void max_pool_any_pullback(Context& context, const MaxPoolPullback<T>& call) {
    const Index channels = call.shape.map.channels;
    T* const grad_x = call.grad_x.data;
    if (!call.grad_x.accumulate) {
        fill(context, grad_x, call.shape.map.elements(), T{0});
    }
    for_each_window<false>(
        context, call.shape, [&](const PoolWindow& window, Index sample, Index out) {
            const T* const x = call.x + sample;
            const T* const gradient = call.grad_y + out;
            T* const to = grad_x + sample;
            if (window.places() <= few_places) {
                const Index rows = window.last_row - window.first_row;
                const Index columns = window.last_column - window.first_column;
                const Index begin = window.at(window.first_row, window.first_column);
                const auto add = [=](auto height, auto width) {
                    for_each_vector<T>(channels, [=](Index c, auto count) {
                        add_at_maximum<T>(x + begin + c, to + begin + c, window, height, width,
                                          load_lanes(gradient + c, count), count);
                    });
                };
                // The usual one, with loops that the compiler knows.
                constexpr std::integral_constant<Index, 3> three;
                if (rows == 3 && columns == 3) return add(three, three);
                return add(rows, columns);
            }
            for_each_vector<T>(channels, [=](Index c, auto count) {
                const AnyWindowMaximum<T> maximum(x + c, window, count);
                std::array<T, static_cast<std::size_t>(lanes<T>)> row;
                std::array<T, static_cast<std::size_t>(lanes<T>)> column;
                store(row.data(), maximum.row);
                store(column.data(), maximum.column);
                for (Index i = 0; i < count; ++i) {
                    const auto lane = static_cast<std::size_t>(i);
                    to[window.at(window.first_row + static_cast<Index>(row[lane]),
                                 window.first_column + static_cast<Index>(column[lane])) +
                       c + i] += gradient[c + i];
                }
            });
        });
}

/// One over the number of places that count in a window.
template <class T>
[[nodiscard]] T share_of_window(const PoolShape& shape, bool count_padding,
                                const PoolWindow& window) {
    return T{1} / static_cast<T>(count_padding ? shape.kernel_height * shape.kernel_width
                                               : window.places());
}

template <class T>
void average_pool(Context& context, const AveragePool<T>& call) {
    const Index channels = call.shape.map.channels;
    for_each_window<true>(
        context, call.shape, [&](const PoolWindow& window, Index sample, Index out) {
            const T* const x = call.x + sample;
            T* const y = call.y + out;
            const T share = share_of_window<T>(call.shape, call.count_padding, window);
            for_each_vector<T>(channels, [=](Index c, auto count) {
                Vector<T> sum{};
                for (Index i = window.first_row; i < window.last_row; ++i) {
                    // By rows: fewer terms one after another round less away.
                    Vector<T> row{};
                    for (Index j = window.first_column; j < window.last_column; ++j) {
                        row += load_lanes(x + window.at(i, j) + c, count);
                    }
                    sum += row;
                }
                store_lanes(y + c, sum * share, count);
            });
        });
}

/// The gradient of x: each window's share is added at all its places.
template <class T>
void average_pool_pullback(Context& context, const AveragePoolPullback<T>& call) {
    const Index channels = call.shape.map.channels;
    T* const grad_x = call.grad_x.data;
    if (grad_x == nullptr) return;
    if (!call.grad_x.accumulate) {
        fill(context, grad_x, call.shape.map.elements(), T{0});
    }
    for_each_window<false>(
        context, call.shape, [&](const PoolWindow& window, Index sample, Index out) {
            const T* const gradient = call.grad_y + out;
            T* const to = grad_x + sample;
            const T share = share_of_window<T>(call.shape, call.count_padding, window);
            for_each_vector<T>(channels, [=](Index c, auto count) {
                const Vector<T> one = load_lanes(gradient + c, count) * share;
                for (Index i = window.first_row; i < window.last_row; ++i) {
                    for (Index j = window.first_column; j < window.last_column; ++j) {
                        add_lanes(to + window.at(i, j) + c, one, count);
                    }
                }
            });
        });
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
