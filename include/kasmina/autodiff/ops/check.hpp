// Shape checks that ops share: each error names the op, what it expected and what it got.
#pragma once

#include <string>

#include <kasmina/backend/geometry.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/shape.hpp>

namespace kasmina::ops::detail {

[[noreturn]] KASMINA_COLD inline void throw_shape(const char* op, const char* expected,
                                                  const Shape& got, const char* mend) {
    throw ShapeError("an operand has the wrong shape", std::string("ops::") + op, expected,
                     to_string(got), mend);
}

[[noreturn]] KASMINA_COLD inline void throw_shape_of(const char* op, const char* operand,
                                                     const Shape& expected, const Shape& got) {
    throw ShapeError(std::string(operand) + " has the wrong shape", std::string("ops::") + op,
                     to_string(expected), to_string(got),
                     std::string("pass ") + operand + " of the expected shape");
}

/// Throws the ShapeError of operation `op` unless `fits`.
inline void require(bool fits, const char* op, const char* expected, const Shape& got,
                    const char* mend) {
    if (!fits) throw_shape(op, expected, got, mend);
}

/// The same where the expected shape is known exactly.
inline void require_shape(const char* op, const char* operand, const Shape& expected,
                          const Shape& got) {
    if (expected != got) throw_shape_of(op, operand, expected, got);
}

/// Errors: ShapeError when a dimension behind the first has no elements: there may be no samples,
/// but a sample without values has no mean, no maximum and no gradient.
KASMINA_APART inline void require_filled(const char* op, const Shape& shape) {
    for (Index axis = 1; axis < shape.rank(); ++axis) {
        require(shape[axis] > 0, op, "extents of 1 or more behind the first", shape,
                "leave such an operand out");
    }
}

/// The same for all dimensions, of what an operation learns. Errors: ShapeError.
inline void require_values(const char* op, const Shape& shape) {
    require(shape.elements() > 0, op, "extents of 1 or more", shape,
            "make the layer with sizes of 1 or more");
}

/// A feature map's four extents. Errors: ShapeError for any other rank, and for a map without
/// pixels or channels.
[[nodiscard]] KASMINA_APART inline MapShape map_shape(const char* op, const Shape& shape) {
    require(shape.rank() == 4, op, "a feature map (batch, height, width, channels)", shape,
            "pass a map of rank 4, channels last");
    require_filled(op, shape);
    return {shape[0], shape[1], shape[2], shape[3]};
}

/// A tensor as (samples, positions, channels): the first extent, the product of those between, the
/// last; one row of channels below rank 2.
[[nodiscard]] inline MapGeometry map_geometry(const Shape& shape) {
    if (shape.rank() < 2) return {1, 1, shape.back()};
    Index positions = 1;
    for (Index axis = 1; axis + 1 < shape.rank(); ++axis) positions *= shape[axis];
    return {shape[0], positions, shape.back()};
}

}  // namespace kasmina::ops::detail
