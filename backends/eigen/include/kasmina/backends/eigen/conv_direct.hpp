// Direct convolution: the register tile slides over pixels of a row; taps on padding are skipped.
#pragma once

#include <algorithm>

#include <kasmina/backends/eigen/context.hpp>
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

/// `Rows` neighbouring pixels of one output row, one panel of output channels. `x` points at the
/// input pixel under the first output pixel.
template <class T, int Rows, int Vectors>
void conv_tile(const ConvShape& shape, Index row, Index column, const T* x, const T* panel, T* y,
               Index y_columns, bool accumulate) {
    const Index in = shape.in_channels;
    const Index radius_h = shape.kernel_height / 2;
    const Index radius_w = shape.kernel_width / 2;
    constexpr Constant<1> one;
    constexpr Constant<panel_width<T>> step;
    const Index tap_size = in * step;
    RegisterTile<T, Rows, Vectors> sums;
    sums.clear();
    const Index first_kh = std::max<Index>(0, radius_h - row);
    const Index last_kh = std::min(shape.kernel_height, shape.height + radius_h - row);
    for (Index kh = first_kh; kh < last_kh; ++kh) {
        for (Index kw = 0; kw < shape.kernel_width; ++kw) {
            const Index from = column + kw - radius_w;  // the input column under the first pixel
            const T* a = x + ((kh - radius_h) * shape.width + kw - radius_w) * in;
            const T* b = panel + (kh * shape.kernel_width + kw) * tap_size;
            if (from >= 0 && from + Rows <= shape.width) {
                sums.template accumulate<0, Rows>(a, in, one, b, step, in);
            } else if constexpr (Rows > 1) {
                // Only with kernels up to 3 wide: one pixel's tap falls on the padding.
                if (from < 0 && from + Rows <= shape.width) {
                    sums.template accumulate<1, Rows>(a, in, one, b, step, in);
                } else if (from >= 0) {
                    sums.template accumulate<0, Rows - 1>(a, in, one, b, step, in);
                }
            }
        }
    }
    if (accumulate) sums.add_stored(y, shape.out_channels, y_columns);
    sums.write(y, shape.out_channels, y_columns);
}

/// y = x convolved with filters that `pack_filters` packed.
template <class T>
void conv_direct(Context& context, const ConvShape& shape, const T* x, const T* packed, T* y,
                 bool accumulate) {
    constexpr Index width = panel_width<T>;
    const Index rows = shape.batch * shape.height;
    const Index taps = shape.kernel_height * shape.kernel_width;
    const Index row_work = shape.width * taps * shape.in_channels * shape.out_channels;
    const Index rows_per_chunk = std::max<Index>(1, (Index{4} << 20) / std::max<Index>(row_work, 1));
    const Index panels = ceil_div(shape.out_channels, width);
    context.parallel_for(ceil_div(rows, rows_per_chunk), [&](Index chunk) {
        const Index first = chunk * rows_per_chunk;
        const Index last = std::min(rows, first + rows_per_chunk);
        for (Index panel = 0; panel < panels; ++panel) {
            const T* filters = packed + panel * taps * shape.in_channels * width;
            const Index channel = panel * width;
            const Index columns = shape.out_channels - channel;
            for (Index row = first; row < last; ++row) {
                const auto tile = [&](Index column, Index size) {
                    const Index pixel = row * shape.width + column;
                    with_tile(size, panel_vectors<T>(channel, shape.out_channels),
                              [&]<int Rows, int Vectors>() {
                                  conv_tile<T, Rows, Vectors>(
                                      shape, row % shape.height, column,
                                      x + pixel * shape.in_channels, filters,
                                      y + pixel * shape.out_channels + channel, columns,
                                      accumulate);
                              });
                };
                if (shape.kernel_width <= 3) {
                    for_each_tile(shape.width, tile);
                } else {
                    for (Index column = 0; column < shape.width; ++column) tile(column, 1);
                }
            }
        }
    });
}

}  // namespace kasmina::backends::eigen_detail
