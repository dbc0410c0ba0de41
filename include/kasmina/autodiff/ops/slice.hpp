// slice: a range of indices along one axis.
#pragma once

#include <cstddef>
#include <string>

#include <kasmina/autodiff/ops/view.hpp>

namespace kasmina::ops {
namespace detail {

[[noreturn]] KASMINA_COLD inline void throw_no_range(const Shape& shape, Index extent, Index begin,
                                                     Index end) {
    throw ShapeError("a range of indices is out of bounds", "ops::slice",
                     "0 <= begin <= end <= " + std::to_string(extent) + " for " + to_string(shape),
                     "begin " + std::to_string(begin) + ", end " + std::to_string(end),
                     "end is one past the last index that is taken");
}

}  // namespace detail

/// The indices begin ... end - 1 along `axis`: PyTorch's x[..., begin:end, ...]. There may be none.
/// Errors: ShapeError.
template <RearrangeBackend B>
[[nodiscard]] Variable<B> slice(const Variable<B>& input, Index axis, Index begin, Index end) {
    const Shape shape = input.shape();
    const std::size_t along = detail::checked_axis("slice", shape, axis);
    detail::Extents extents = detail::extents_of(shape);
    if (begin < 0 || end < begin || end > extents[along]) {
        detail::throw_no_range(shape, extents[along], begin, end);
    }
    if (end - begin == extents[along]) return input;
    extents[along] = end - begin;
    const std::size_t rank = static_cast<std::size_t>(shape.rank());
    const Shape result = detail::shape_of(extents, rank);
    const detail::Extents strides = detail::strides_of(shape);
    return detail::view_of(input, result,
                           StridedAxes{rank, extents, strides, detail::strides_of(result)},
                           begin * strides[along], detail::Reads::some_once);
}

}  // namespace kasmina::ops
