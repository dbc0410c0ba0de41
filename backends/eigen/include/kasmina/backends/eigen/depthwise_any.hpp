// Depthwise convolution of any stride, padding and dilation, vectorised over channels.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/conv_axis.hpp>
#include <kasmina/backends/eigen/conv_direct.hpp>
#include <kasmina/backends/eigen/elementwise.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/backends/eigen/rows.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// Filters as [tap of the kernel][channel].
template <class T>
[[nodiscard]] Buffer<T> taps_of_channels(Context& context, const ConvShape& shape,
                                         const T* weight) {
    const Index taps = shape.kernel_height * shape.kernel_width;
    Buffer<T> packed = context.buffer<T>(taps * shape.in_channels);
    for (Index tap = 0; tap < taps; ++tap) {
        for (Index c = 0; c < shape.in_channels; ++c) {
            packed.data()[tap * shape.in_channels + c] = weight[c * taps + tap];
        }
    }
    return packed;
}

/// body(column, many) for all outputs along an axis, in order: as runs of neighbours whose taps are
/// all on a map of `extent`, so that a tap is loaded once for a run, and else one by one.
template <class Body>
KASMINA_ALWAYS_INLINE void for_each_run(const ConvAxis& axis, Index extent, Body&& body) {
    constexpr Index run = 4;
    const auto whole = [&](Index column) {
        const TapRange taps = axis.on_map(column, extent);
        return taps.last - taps.first == axis.taps;
    };
    Index column = 0;
    while (column < axis.count) {
        if (column + run <= axis.count && whole(column) && whole(column + run - 1)) {
            body(column, std::integral_constant<std::size_t, run>{});
            column += run;
        } else {
            body(column, std::integral_constant<std::size_t, 1>{});
            ++column;
        }
    }
}

/// Where the k-th of a run is, from its first.
[[nodiscard]] KASMINA_ALWAYS_INLINE constexpr Index nth(std::size_t k, Index step) noexcept {
    return static_cast<Index>(k) * step;
}

/// One phase of a depthwise convolution of either way: y (+)= x convolved with filters as
/// `taps_of_channels` has them, of kernels that are `kernel_width` wide.
template <class T>
void depthwise_phase(Context& context, const ConvMaps& maps, const ConvPhase& phase, const T* x,
                     const T* filters, Index kernel_width, GradientTarget<T> y) {
    const ConvAxis& vertical = phase.vertical;
    const ConvAxis& horizontal = phase.horizontal;
    const Index channels = maps.from.channels;
    // Numbers from one tap to the next, in what is read and in the filters.
    const Index x_column = horizontal.tap_step * channels;
    const Index x_row = vertical.tap_step * maps.from.width * channels;
    const Index filter_column = horizontal.kernel_step * channels;
    const Index filter_row = vertical.kernel_step * kernel_width * channels;
    const Index next_pixel = horizontal.step * channels;
    const Index next_output = horizontal.out_step * channels;
    const Index rows = maps.to.batch * vertical.count;
    const Index rows_per_chunk =
        ceil_div(Index{1} << 15, horizontal.count * phase.taps() * channels);
    context.parallel_for(ceil_div(rows, rows_per_chunk), [&](Index chunk) {
        const Index end = std::min(rows, (chunk + 1) * rows_per_chunk);
        for (Index row = chunk * rows_per_chunk; row < end; ++row) {
            const Index sample = row / vertical.count;
            const Index position = row % vertical.count;
            const TapRange down = vertical.on_map(position, maps.from.height);
            const Index from_row =
                sample * maps.from.height + position * vertical.step + vertical.first;
            const Index y_row =
                sample * maps.to.height + vertical.out_first + position * vertical.out_step;
            const auto outputs = [&](Index column, auto many) {
                constexpr std::size_t run = decltype(many)::value;
                const TapRange across = horizontal.on_map(column, maps.from.width);
                const Index from_column = column * horizontal.step + horizontal.first;
                const Index to =
                    (y_row * maps.to.width + horizontal.out_first + column * horizontal.out_step) *
                    channels;
                const Index rows_read = down.last - down.first;
                const Index columns_read = across.last - across.first;
                const T* const from =
                    x + ((from_row + down.first * vertical.tap_step) * maps.from.width +
                         from_column + across.first * horizontal.tap_step) *
                            channels;
                const T* const filter = filters + (vertical.kernel_tap(down.first) * kernel_width +
                                                   horizontal.kernel_tap(across.first)) *
                                                      channels;
                for_each_vector<T>(channels, [=](Index c, auto count) {
                    std::array<Vector<T>, run> sums{};
                    for (Index i = 0; i < rows_read; ++i) {
                        const T* pixel = from + i * x_row + c;
                        const T* tap = filter + i * filter_row + c;
                        for (Index j = 0; j < columns_read; ++j) {
                            const Vector<T> factor = load_lanes(tap, count);
                            KASMINA_UNROLL
                            for (std::size_t k = 0; k < run; ++k) {
                                sums[k] += load_lanes(pixel + nth(k, next_pixel), count) * factor;
                            }
                            pixel += x_column;
                            tap += filter_column;
                        }
                    }
                    KASMINA_UNROLL
                    for (std::size_t k = 0; k < run; ++k) {
                        put_lanes(y, to + c + nth(k, next_output), sums[k], count);
                    }
                });
            };
            for_each_run(horizontal, maps.from.width, outputs);
        }
    });
}

template <class T>
void depthwise_any(Context& context, const Conv2d<T>& call) {
    const ConvShape& shape = call.shape;
    const Buffer<T> filters = taps_of_channels(context, shape, call.weight);
    depthwise_phase<T>(
        context, ConvMaps::forward(shape),
        {ConvExtents::vertical(shape).forward(), ConvExtents::horizontal(shape).forward()}, call.x,
        filters.data(), shape.kernel_width, {call.y, false});
}

template <class T>
void depthwise_any(Context& context, const Conv2dPullbackInput<T>& call) {
    const ConvShape& shape = call.shape;
    const ConvExtents vertical = ConvExtents::vertical(shape);
    const ConvExtents horizontal = ConvExtents::horizontal(shape);
    if (!call.grad_x.accumulate && (vertical.leaves_gaps() || horizontal.leaves_gaps())) {
        fill(context, call.grad_x.data, input_size(shape), T{0});
    }
    const Buffer<T> filters = taps_of_channels(context, shape, call.weight);
    for (Index row = 0; row < vertical.phases(); ++row) {
        for (Index column = 0; column < horizontal.phases(); ++column) {
            const ConvPhase phase{vertical.backward(row), horizontal.backward(column)};
            if (phase.taps() == 0) continue;
            depthwise_phase<T>(context, ConvMaps::back(shape), phase, call.grad_y, filters.data(),
                               shape.kernel_width, call.grad_x);
        }
    }
}

/// The sums of all taps over the pixels of one row of the output are added to `sums`,
/// [tap][channel].
template <class T>
void depthwise_row_gradient(const ConvShape& shape, Index row, const T* x, const T* grad_y,
                            T* sums) {
    const ConvAxis vertical = ConvExtents::vertical(shape).forward();
    const ConvAxis horizontal = ConvExtents::horizontal(shape).forward();
    const Index channels = shape.in_channels;
    const Index x_column = horizontal.tap_step * channels;
    const Index x_row = vertical.tap_step * shape.width * channels;
    const Index sums_row = shape.kernel_width * channels;
    const Index position = row % shape.out_height;
    const TapRange down = vertical.on_map(position, shape.height);
    const Index from_row =
        row / shape.out_height * shape.height + position * vertical.step + vertical.first;
    const Index next_pixel = horizontal.step * channels;
    const auto gradients = [&](Index column, auto many) {
        constexpr std::size_t run = decltype(many)::value;
        const TapRange across = horizontal.on_map(column, shape.width);
        const Index from_column = column * horizontal.step + horizontal.first;
        const T* const gradient = grad_y + (row * shape.out_width + column) * channels;
        const Index rows_read = down.last - down.first;
        const Index columns_read = across.last - across.first;
        const T* const from = x + ((from_row + down.first * vertical.tap_step) * shape.width +
                                   from_column + across.first * horizontal.tap_step) *
                                      channels;
        T* const to = sums + (down.first * shape.kernel_width + across.first) * channels;
        for_each_vector<T>(channels, [=](Index c, auto count) {
            std::array<Vector<T>, run> upstream{};
            KASMINA_UNROLL
            for (std::size_t k = 0; k < run; ++k) {
                upstream[k] = load_lanes(gradient + nth(k, channels) + c, count);
            }
            for (Index i = 0; i < rows_read; ++i) {
                const T* pixel = from + i * x_row + c;
                T* tap = to + i * sums_row + c;
                for (Index j = 0; j < columns_read; ++j) {
                    Vector<T> sum = load_lanes(tap, count);
                    KASMINA_UNROLL
                    for (std::size_t k = 0; k < run; ++k) {
                        sum += load_lanes(pixel + nth(k, next_pixel), count) * upstream[k];
                    }
                    store_lanes(tap, sum, count);
                    pixel += x_column;
                    tap += channels;
                }
            }
        });
    };
    for_each_run(horizontal, shape.width, gradients);
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
