// permute and transpose: the axes of a tensor in another order.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <kasmina/autodiff/ops/alias.hpp>
#include <kasmina/autodiff/ops/view.hpp>

namespace kasmina::ops {

/// Axis i of the result is axis axes[i] of `input`: each is named once. What changes no element's
/// place is done in place. Errors: ShapeError.
template <RearrangeBackend B>
[[nodiscard]] Variable<B> permute(const Variable<B>& input, const Axes& axes) {
    const Shape shape = input.shape();
    const std::size_t rank = static_cast<std::size_t>(shape.rank());
    static_cast<void>(detail::named_axes("permute", shape, axes));
    if (axes.size() != rank) {
        detail::throw_bad_axes("permute", "all axes of the operand", axes,
                               "name each axis once, in the order that they shall have");
    }
    const detail::Extents extents = detail::extents_of(shape);
    const detail::Extents strides = detail::strides_of(shape);
    StridedAxes view;
    Index outer = shape.elements();
    bool in_place = true;
    for (std::size_t i = 0; i < rank; ++i) {
        const std::size_t axis = detail::checked_axis("permute", shape, axes[i]);
        view.append(extents[axis], strides[axis], 0);
        if (extents[axis] == 1) continue;
        in_place = in_place && strides[axis] < outer;
        outer = strides[axis];
    }
    const Shape result = detail::shape_of(view.extents, rank);
    if (in_place || shape.elements() == 0) return reshape(input, result);
    view.to_strides = detail::strides_of(result);
    return detail::view_of(input, result, view, 0, detail::Reads::each_once);
}

/// Two axes exchanged. Errors: ShapeError.
template <RearrangeBackend B>
[[nodiscard]] Variable<B> transpose(const Variable<B>& input, Index axis, Index other) {
    const Shape& shape = input.shape();
    detail::Extents order{};
    const std::size_t rank = static_cast<std::size_t>(shape.rank());
    for (std::size_t i = 0; i < rank; ++i) order[i] = static_cast<Index>(i);
    std::swap(order[detail::checked_axis("transpose", shape, axis)],
              order[detail::checked_axis("transpose", shape, other)]);
    return permute(input, Axes(std::span<const Index>(order.data(), rank)));
}

}  // namespace kasmina::ops
