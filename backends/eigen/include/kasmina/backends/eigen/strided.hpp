// Strided places on the CPU: axes brought into the simplest form, and walked from anywhere.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include <kasmina/backend/rearrange.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// The same axes without `axis`.
[[nodiscard]] inline StridedAxes without(const StridedAxes& axes, std::size_t axis) {
    StridedAxes others;
    for (std::size_t i = 0; i < axes.rank; ++i) {
        if (i != axis) others.append(axes.extents[i], axes.from_strides[i], axes.to_strides[i]);
    }
    return others;
}

/// The same pairs of places by as few axes as there can be: those of one index are left out, the
/// others ordered by their stride in `to`, then in `from`, the greatest first, and neighbours that
/// lie next to each other in both places are one.
[[nodiscard]] inline StridedAxes simplified(const StridedAxes& axes) {
    std::array<std::size_t, most_axes> order{};
    std::size_t count = 0;
    const auto outside = [&](std::size_t a, std::size_t b) {
        return std::pair(axes.to_strides[a], axes.from_strides[a]) >
               std::pair(axes.to_strides[b], axes.from_strides[b]);
    };
    for (std::size_t axis = 0; axis < axes.rank; ++axis) {
        if (axes.extents[axis] == 1) continue;
        std::size_t place = count++;
        for (; place > 0 && outside(axis, order[place - 1]); --place) {
            order[place] = order[place - 1];
        }
        order[place] = axis;
    }
    StridedAxes simple;
    for (std::size_t i = 0; i < count; ++i) {
        const Index extent = axes.extents[order[i]];
        const Index from_stride = axes.from_strides[order[i]];
        const Index to_stride = axes.to_strides[order[i]];
        const std::size_t last = simple.rank - 1;
        if (i > 0 && simple.from_strides[last] == extent * from_stride &&
            simple.to_strides[last] == extent * to_stride) {
            simple.extents[last] *= extent;
            simple.from_strides[last] = from_stride;
            simple.to_strides[last] = to_stride;
        } else {
            simple.append(extent, from_stride, to_stride);
        }
    }
    return simple;
}

/// The axis on which neighbours in `from` are neighbours in memory; `rank` where there is none.
[[nodiscard]] inline std::size_t dense_axis(const StridedAxes& axes) {
    std::size_t axis = 0;
    while (axis < axes.rank && axes.from_strides[axis] != 1) ++axis;
    return axis;
}

/// Goes through the index tuples in order, the last axis fastest, from any of them on.
class Odometer {
public:
    Odometer(const StridedAxes& axes, Index first) : axes_(axes) {
        for (std::size_t axis = axes.rank; axis-- > 0;) {
            index_[axis] = first % axes.extents[axis];
            first /= axes.extents[axis];
            from_ += index_[axis] * axes.from_strides[axis];
            to_ += index_[axis] * axes.to_strides[axis];
        }
    }

    [[nodiscard]] Index from() const noexcept { return from_; }
    [[nodiscard]] Index to() const noexcept { return to_; }

    void next() noexcept {
        for (std::size_t axis = axes_.rank; axis-- > 0;) {
            from_ += axes_.from_strides[axis];
            to_ += axes_.to_strides[axis];
            if (++index_[axis] < axes_.extents[axis]) return;
            from_ -= index_[axis] * axes_.from_strides[axis];
            to_ -= index_[axis] * axes_.to_strides[axis];
            index_[axis] = 0;
        }
    }

private:
    const StridedAxes& axes_;
    std::array<Index, most_axes> index_{};
    Index from_ = 0;
    Index to_ = 0;
};

/// How many pieces of at most `length` there are in `extent`.
[[nodiscard]] constexpr Index pieces_of(Index extent, Index length) {
    return (extent + length - 1) / length;
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
