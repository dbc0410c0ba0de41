// expand: extents of 1 stretched, and new ones in front.
#pragma once

#include <cstddef>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/ops/view.hpp>

namespace kasmina::ops {

/// `input` stretched to `shape`: from the last axis on each extent is the same, or was 1, or was
/// not there. The gradient of what is stretched is summed. Errors: ShapeError.
template <RearrangeBackend B>
[[nodiscard]] Variable<B> expand(const Variable<B>& input, const Shape& shape) {
    const Shape from = input.shape();
    if (from == shape) return input;
    const char* const mend = "reshape first where axes shall be put elsewhere";
    detail::require(shape.rank() >= from.rank(), "expand", "a shape of the operand's rank or more",
                    shape, mend);
    const std::size_t rank = static_cast<std::size_t>(shape.rank());
    const std::size_t added = rank - static_cast<std::size_t>(from.rank());
    const detail::Extents extents = detail::extents_of(shape);
    const detail::Extents old_extents = detail::extents_of(from);
    const detail::Extents strides = detail::strides_of(from);
    StridedAxes view{rank, extents, {}, detail::strides_of(shape)};
    for (std::size_t axis = added; axis < rank; ++axis) {
        const Index extent = old_extents[axis - added];
        if (extent != 1 && extent != extents[axis]) {
            detail::throw_shape("expand", "extents of 1, or those that there are to be", from,
                                mend);
        }
        view.from_strides[axis] = extent == 1 ? 0 : strides[axis - added];
    }
    return detail::view_of(input, shape, view, 0, detail::Reads::some_often);
}

}  // namespace kasmina::ops
