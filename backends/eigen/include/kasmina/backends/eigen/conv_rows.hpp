// The rows of a convolution's input, copied with zero margins left and right.
#pragma once

#include <algorithm>
#include <kasmina/backend/convolution.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// With margins, what a row of the kernel covers is one run of kernel_width * in_channels numbers
/// for every pixel, edges included: one loop instead of one per column tap. The copy is cheap
/// beside the arithmetic.
template <class T>
class PaddedRows {
public:
    PaddedRows(Context& context, const ConvShape& shape, const T* x)
        : in_channels_(shape.in_channels),
          pitch_((shape.width + shape.kernel_width - 1) * shape.in_channels),
          data_(context.buffer<T>(shape.batch * shape.height * pitch_)) {
        const Index row_size = shape.width * shape.in_channels;
        const Index margin = shape.kernel_width / 2 * shape.in_channels;
        const Index rows = shape.batch * shape.height;
        const Index rows_per_chunk = ceil_div(Index{1} << 15, pitch_);
        context.parallel_for(ceil_div(rows, rows_per_chunk), [&](Index chunk) {
            const Index first = chunk * rows_per_chunk;
            for (Index row = first; row < std::min(rows, first + rows_per_chunk); ++row) {
                T* const to = data_.data() + row * pitch_;
                std::fill_n(to, margin, T{0});
                std::copy_n(x + row * row_size, row_size, to + margin);
                std::fill_n(to + margin + row_size, margin, T{0});
            }
        });
    }

    /// What the kernel's row covers when it is centred on a pixel: `row` counts through the batch.
    [[nodiscard]] const T* at(Index row, Index column) const noexcept {
        return data_.data() + row * pitch_ + column * in_channels_;
    }

private:
    Index in_channels_;
    Index pitch_;
    Buffer<T> data_;
};

/// The taps of a kernel along one axis that stay on the map when it is centred on `position`.
struct TapRange {
    TapRange(Index position, Index kernel, Index extent)
        : first(std::max<Index>(0, kernel / 2 - position)),
          last(std::min(kernel, extent + kernel / 2 - position)) {}
    Index first;
    Index last;
};

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
