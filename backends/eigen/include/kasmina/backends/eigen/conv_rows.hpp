// How the direct kernels see the rows of their input: as they are, or copied with zero margins.
#pragma once

#include <algorithm>

#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/tensor/index.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::eigen_detail {

/// The input of a convolution. With margins, a row of the kernel lies on kernel_width *
/// in_channels numbers in a row, which the kernels take as one tap of so many channels: worth a
/// copy for few channels, and the only way for kernels wider than three. Without margins, column
/// taps that fall on the padding are skipped.
template <class T>
struct InputRows {
    const T* data;  ///< the first pixel of the first row, margin included
    Index pitch;    ///< from a row to the next
    Index taps;     ///< column taps per kernel row
    Index depth;    ///< numbers per tap
};

/// Whether rows are to be copied with margins.
[[nodiscard]] inline bool wants_margins(const ConvShape& shape) {
    constexpr Index few_channels = 12;
    return shape.kernel_width > 3 || (shape.kernel_width > 1 && shape.in_channels < few_channels);
}

/// The rows of `x`; `storage` keeps the copy where one is made.
template <class T>
[[nodiscard]] InputRows<T> input_rows(Context& context, const ConvShape& shape, const T* x,
                                      Buffer<T>& storage) {
    const Index row_size = shape.width * shape.in_channels;
    if (!wants_margins(shape)) return {x, row_size, shape.kernel_width, shape.in_channels};

    const Index margin = shape.kernel_width / 2 * shape.in_channels;
    const Index pitch = row_size + 2 * margin;
    const Index rows = shape.batch * shape.height;
    storage = context.buffer<T>(rows * pitch);
    constexpr Index rows_per_chunk = 128;
    context.parallel_for(ceil_div(rows, rows_per_chunk), [&](Index chunk) {
        const Index first = chunk * rows_per_chunk;
        for (Index row = first; row < std::min(rows, first + rows_per_chunk); ++row) {
            T* to = storage.data() + row * pitch;
            std::fill_n(to, margin, T{0});
            std::copy_n(x + row * row_size, row_size, to + margin);
            std::fill_n(to + margin + row_size, margin, T{0});
        }
    });
    return {storage.data(), pitch, 1, shape.kernel_width * shape.in_channels};
}

}  // namespace kasmina::backends::eigen_detail
