// The rows of a convolution's input, copied with zero margins left and right where it needs them.
#pragma once

#include <algorithm>
#include <kasmina/backend/geometry.hpp>
#include <kasmina/backends/eigen/conv_axis.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// Columns from `first` up to `last`; some may be off the map.
struct ColumnRange {
    Index first;
    Index last;
};

/// Rows from `first` up to `last`, counted through the batch.
struct RowRange {
    Index first;
    Index last;
};

/// The rows of maps of `height` that the outputs in `of` read, and those between; `outputs` are the
/// axis' positions through the batch.
[[nodiscard]] inline RowRange rows_read(const ConvAxis& axis, Index height, RowRange outputs) {
    const auto row_of = [&](Index output, Index tap) {
        const Index row = output % axis.count * axis.step + axis.first + tap * axis.tap_step;
        return output / axis.count * height + std::clamp<Index>(row, 0, height);
    };
    const Index first = row_of(outputs.first, 0);
    // One behind the last, but not behind its map.
    const Index last = outputs.last - 1;
    const Index end = std::min(row_of(last, axis.taps - 1) + 1, (last / axis.count + 1) * height);
    return {first, std::max(first, end)};
}

/// The most rows that any `count` outputs in a row read, when all are cut up by that.
[[nodiscard]] inline Index most_rows_read(const ConvAxis& axis, Index height, RowRange outputs,
                                          Index count) {
    Index most = 0;
    for (Index first = outputs.first; first < outputs.last; first += count) {
        const RowRange rows =
            rows_read(axis, height, {first, std::min(outputs.last, first + count)});
        most = std::max(most, rows.last - rows.first);
    }
    return most;
}

/// With margins, what a row of the kernel covers is one run of kernel_width * channels numbers
/// for every pixel, edges included: one loop instead of one per column tap. A few rows are copied
/// at a time, which stay in the cache: that is cheap beside the arithmetic. Where no column is off
/// the map they are read in place.
template <class T>
class PaddedRows {
public:
    PaddedRows(const MapShape& map, ColumnRange columns, const T* x)
        : channels_(map.channels),
          columns_(columns),
          width_(map.width),
          x_(x),
          in_place_(columns.first >= 0 && columns.last <= map.width) {
        if (in_place_) columns_ = {0, map.width};
    }

    /// Numbers from one row to the next.
    [[nodiscard]] Index pitch() const noexcept {
        return (columns_.last - columns_.first) * channels_;
    }

    /// Numbers of the scratch that so many rows need.
    [[nodiscard]] Index room(Index rows) const noexcept { return in_place_ ? 0 : rows * pitch(); }

    /// Some rows, as `load` has brought them.
    class View {
    public:
        /// Where a row, counted through the batch, has a column; that need not be one of them.
        [[nodiscard]] Index place(Index row, Index column) const noexcept {
            return (row - first_row_) * pitch_ + (column - first_column_) * channels_;
        }
        [[nodiscard]] const T* data() const noexcept { return data_; }

    private:
        friend class PaddedRows;
        View(const PaddedRows& of, const T* data, Index first_row)
            : data_(data),
              first_row_(first_row),
              pitch_(of.pitch()),
              first_column_(of.columns_.first),
              channels_(of.channels_) {}

        const T* data_;
        Index first_row_;
        Index pitch_;
        Index first_column_;
        Index channels_;
    };

    [[nodiscard]] View load(RowRange rows, T* scratch) const {
        if (in_place_) return View(*this, x_, 0);
        const Index row_size = width_ * channels_;
        // What is copied of a row, and the numbers of the margin before it.
        const Index from = std::clamp<Index>(columns_.first, 0, width_) * channels_;
        const Index end = std::clamp<Index>(columns_.last, 0, width_) * channels_;
        const Index size = std::max<Index>(0, end - from);
        const Index margin = std::min(pitch(), std::max<Index>(0, -columns_.first) * channels_);
        for (Index row = rows.first; row < rows.last; ++row) {
            T* const to = scratch + (row - rows.first) * pitch();
            std::fill_n(to, margin, T{0});
            std::copy_n(x_ + row * row_size + from, size, to + margin);
            std::fill(to + margin + size, to + pitch(), T{0});
        }
        return View(*this, scratch, rows.first);
    }

private:
    Index channels_;
    ColumnRange columns_;
    Index width_;
    const T* x_;
    bool in_place_;
};

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
