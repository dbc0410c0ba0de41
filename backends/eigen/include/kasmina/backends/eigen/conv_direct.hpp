// Direct convolution: the register tile slides over pixels of a row; taps on padding are skipped.
#pragma once

#include <algorithm>
#include <utility>

#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/conv_rows.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::eigen_detail {

/// The shape of the backward-data convolution: inputs and outputs change places.
[[nodiscard]] inline ConvShape transposed(ConvShape shape) {
    std::swap(shape.in_channels, shape.out_channels);
    return shape;
}

/// Filters as the kernels read them: [panel of outputs][tap][input channel][output in panel],
/// the last panel zero-filled. With `transpose`, `weight` belongs to `transposed(shape)` and is
/// packed with inputs and outputs exchanged and the taps in reverse order, which turns the
/// forward kernel into the backward-data kernel.
template <class T>
[[nodiscard]] Buffer<T> pack_filters(Context& context, const ConvShape& shape, const T* weight,
                                     bool transpose) {
    constexpr Index width = panel_width<T>;
    const Index taps = shape.kernel_height * shape.kernel_width;
    const Index in = shape.in_channels;
    const Index out = shape.out_channels;
    const Index panels = ceil_div(out, width);
    Buffer<T> packed = context.buffer<T>(panels * taps * in * width);
    context.parallel_for(panels, [&](Index panel) {
        const Index first = panel * width;
        const Index count = std::min(width, out - first);
        for (Index tap = 0; tap < taps; ++tap) {
            for (Index i = 0; i < in; ++i) {
                T* to = packed.data() + ((panel * taps + tap) * in + i) * width;
                const T* from = transpose ? weight + (i * out + first) * taps + taps - 1 - tap
                                          : weight + (first * in + i) * taps + tap;
                const Index step = transpose ? taps : in * taps;
                for (Index o = 0; o < count; ++o) to[o] = from[o * step];
                std::fill(to + count, to + width, T{0});
            }
        }
    });
    return packed;
}

/// `Rows` neighbouring pixels of one output row, one panel of output channels. `y` points at the
/// first of them; `columns` channels of the panel exist.
template <class T, int Rows, int Vectors>
void conv_tile(const ConvShape& shape, const InputRows<T>& x, Index row, Index column,
               const T* panel, T* y, Index columns, bool accumulate) {
    constexpr Constant<1> one;
    constexpr Constant<panel_width<T>> width;
    const Index in = shape.in_channels;
    const Index up = row % shape.height - shape.kernel_height / 2;
    const Index last_kh = std::min(shape.kernel_height, shape.height - up);
    RegisterTile<T, Rows, Vectors> sums;
    sums.clear();
    for (Index kh = std::max<Index>(0, -up); kh < last_kh; ++kh) {
        const T* a = x.data + (row - shape.kernel_height / 2 + kh) * x.pitch + column * in;
        const T* b = panel + kh * x.taps * x.depth * width;
        if (x.taps == 1) {
            sums.template accumulate<>(a, in, one, b, width, x.depth);
            continue;
        }
        // Three taps; of the outer ones, an edge pixel's falls on the padding.
        if (column > 0) {
            sums.template accumulate<>(a - in, in, one, b, width, in);
        } else {
            sums.template accumulate<1, Rows>(a - in, in, one, b, width, in);
        }
        sums.template accumulate<>(a, in, one, b + in * width, width, in);
        if (column + Rows < shape.width) {
            sums.template accumulate<>(a + in, in, one, b + 2 * in * width, width, in);
        } else {
            sums.template accumulate<0, Rows - 1>(a + in, in, one, b + 2 * in * width, width, in);
        }
    }
    if (accumulate) sums.add_stored(y, shape.out_channels, columns);
    sums.write(y, shape.out_channels, columns);
}

/// y = x convolved with filters that `pack_filters` packed.
template <class T>
void conv_direct(Context& context, const ConvShape& shape, const T* x, const T* packed, T* y,
                 bool accumulate) {
    constexpr Index width = panel_width<T>;
    Buffer<T> storage;
    const InputRows<T> input = input_rows(context, shape, x, storage);
    const Index rows = shape.batch * shape.height;
    const Index filter_rows = shape.kernel_height * shape.kernel_width * shape.in_channels;
    const Index panels = ceil_div(shape.out_channels, width);
    // As much output as stays in the second-level cache while the panels take their turns.
    const Index row_size = shape.width * (shape.in_channels + shape.out_channels);
    const Index rows_per_chunk = std::max<Index>(1, (Index{1} << 15) / std::max<Index>(1, row_size));
    context.parallel_for(ceil_div(rows, rows_per_chunk), [&](Index chunk) {
        const Index first = chunk * rows_per_chunk;
        const Index last = std::min(rows, first + rows_per_chunk);
        for (Index panel = 0; panel < panels; ++panel) {
            const T* filters = packed + panel * filter_rows * width;
            const Index channel = panel * width;
            for (Index row = first; row < last; ++row) {
                for_each_tile(shape.width, [&](Index column, Index size) {
                    with_tile(size, panel_vectors<T>(channel, shape.out_channels),
                              [&]<int Rows, int Vectors>() {
                                  conv_tile<T, Rows, Vectors>(
                                      shape, input, row, column, filters,
                                      y + (row * shape.width + column) * shape.out_channels +
                                          channel,
                                      shape.out_channels - channel, accumulate);
                              });
                });
            }
        }
    });
}

}  // namespace kasmina::backends::eigen_detail
