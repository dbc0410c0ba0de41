// Axes: which dimensions of a shape an operation is about; negative ones count from the last.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>

#include <kasmina/backend/rearrange.hpp>
#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/shape.hpp>

namespace kasmina::ops {

/// One axis, or a list of some: 0 is the outermost, -1 the innermost.
class Axes {
public:
    // Implicit: sum(x, 1) and permute(x, {0, 2, 1}).
    constexpr Axes(Index axis) : count_(1) {
        axes_[0] = axis;
    }  // NOLINT(google-explicit-constructor)
    constexpr Axes(std::initializer_list<Index> axes)
        : Axes(std::span<const Index>(axes.begin(), axes.size())) {}

    /// Errors: ShapeError for more axes than a shape has.
    explicit constexpr Axes(std::span<const Index> axes) {
        if (axes.size() > axes_.size()) refuse(axes.size());
        for (const Index axis : axes) axes_[count_++] = axis;
    }

    [[nodiscard]] constexpr std::size_t size() const noexcept { return count_; }
    [[nodiscard]] constexpr Index operator[](std::size_t i) const noexcept { return axes_[i]; }

private:
    [[noreturn]] KASMINA_COLD static void refuse(std::size_t count) {
        throw ShapeError("there are more axes than a shape has", "ops::Axes", "at most 6 axes",
                         std::to_string(count), "name each axis once");
    }

    std::array<Index, most_axes> axes_{};
    std::size_t count_ = 0;
};

namespace detail {

static_assert(most_axes == static_cast<std::size_t>(Shape::max_rank));

[[noreturn]] KASMINA_COLD inline void throw_no_axis(const char* op, const Shape& shape,
                                                    Index axis) {
    const std::string rank = std::to_string(shape.rank());
    throw ShapeError(
        "an axis is out of range", std::string("ops::") + op,
        shape.rank() == 0
            ? "no axis, for the operand " + to_string(shape) + " has none"
            : "-" + rank + " ... " + std::to_string(shape.rank() - 1) + " for " + to_string(shape),
        std::to_string(axis), "count the axes from 0, or from the last as -1");
}

[[noreturn]] KASMINA_COLD inline void throw_bad_axes(const char* op, const char* expected,
                                                     const Axes& axes, const char* mend) {
    std::string got;
    for (std::size_t i = 0; i < axes.size(); ++i) append_to_list(got, std::to_string(axes[i]));
    throw ShapeError("the axes do not fit", std::string("ops::") + op, expected, "(" + got + ")",
                     mend);
}

/// The axis as 0 ... rank - 1. Errors: ShapeError.
[[nodiscard]] inline std::size_t checked_axis(const char* op, const Shape& shape, Index axis) {
    const Index rank = shape.rank();
    if (axis < -rank || axis >= rank) throw_no_axis(op, shape, axis);
    return static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
}

/// Which axes of `shape` are named. Errors: ShapeError for one out of range, or named twice.
[[nodiscard]] inline std::array<bool, most_axes> named_axes(const char* op, const Shape& shape,
                                                            const Axes& axes) {
    std::array<bool, most_axes> named{};
    for (std::size_t i = 0; i < axes.size(); ++i) {
        bool& one = named[checked_axis(op, shape, axes[i])];
        if (one) throw_bad_axes(op, "each axis once", axes, "leave out the second of the two");
        one = true;
    }
    return named;
}

using Extents = std::array<Index, most_axes>;

[[nodiscard]] inline Extents extents_of(const Shape& shape) {
    Extents extents{};
    for (Index axis = 0; axis < shape.rank(); ++axis) {
        extents[static_cast<std::size_t>(axis)] = shape[axis];
    }
    return extents;
}

[[nodiscard]] inline Shape shape_of(const Extents& extents, std::size_t rank) {
    return Shape(std::span<const Index>(extents.data(), rank));
}

/// How far neighbours along each axis lie apart in a dense tensor.
[[nodiscard]] inline Extents strides_of(const Shape& shape) {
    Extents strides{};
    Index stride = 1;
    for (Index axis = shape.rank() - 1; axis >= 0; --axis) {
        strides[static_cast<std::size_t>(axis)] = stride;
        stride *= shape[axis];
    }
    return strides;
}

/// The same pairs of places, seen from the other side.
[[nodiscard]] constexpr StridedAxes mirrored(const StridedAxes& axes) noexcept {
    return {axes.rank, axes.extents, axes.to_strides, axes.from_strides};
}

}  // namespace detail
}  // namespace kasmina::ops
