// How a batched product of matrices is cut into batches that a backend multiplies at one go.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include <kasmina/autodiff/ops/axes.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/shape.hpp>

namespace kasmina::ops::detail {

/// From matrix to matrix along each axis of a batch; 0 where an operand is stretched.
using MatrixStrides = Extents;

/// The axes in front of the matrices. There is one at least.
struct MatrixBatch {
    std::size_t rank = 0;
    Extents extents{};
    MatrixStrides a{};
    MatrixStrides b{};
    MatrixStrides c{};

    [[nodiscard]] Index elements() const noexcept {
        Index product = 1;
        for (std::size_t axis = 0; axis < rank; ++axis) product *= extents[axis];
        return product;
    }

    /// Where matrix `index` of the batch begins, with those strides.
    [[nodiscard]] Index place(Index index, const MatrixStrides& strides) const noexcept {
        Index place = 0;
        for (std::size_t axis = rank; axis-- > 0;) {
            place += index % extents[axis] * strides[axis];
            index /= extents[axis];
        }
        return place;
    }

    [[nodiscard]] bool stretches(const MatrixStrides& strides) const noexcept {
        for (std::size_t axis = 0; axis < rank; ++axis) {
            if (strides[axis] == 0 && extents[axis] != 1) return true;
        }
        return false;
    }

    /// Matrices of `size` numbers, one behind the other.
    [[nodiscard]] MatrixStrides dense(Index size) const noexcept {
        MatrixStrides strides{};
        for (std::size_t axis = rank; axis-- > 0;) {
            strides[axis] = size;
            size *= extents[axis];
        }
        return strides;
    }

    /// Adds an axis behind the others; where it goes on as the last one does, to that.
    void append(Index extent, Index stride_a, Index stride_b, Index stride_c) noexcept {
        const std::size_t last = rank - 1;
        if (extent == 1) return;
        if (rank > 0 && a[last] == extent * stride_a && b[last] == extent * stride_b &&
            c[last] == extent * stride_c) {
            extents[last] *= extent;
        } else {
            extents[rank++] = extent;
        }
        a[rank - 1] = stride_a;
        b[rank - 1] = stride_b;
        c[rank - 1] = stride_c;
    }
};

/// c (m, n) = op(a) (m, k) * op(b) (k, n), for each matrix of a batch.
struct MatmulPlan {
    Index m = 0;
    Index n = 0;
    Index k = 0;
    bool transpose_a = false;
    bool transpose_b = false;
    MatrixBatch batch{};
};

[[noreturn]] KASMINA_COLD inline void throw_no_product(const Shape& a, const Shape& b,
                                                       const char* expected) {
    throw ShapeError("the operands cannot be multiplied", "ops::matmul", expected,
                     to_string(a) + " and " + to_string(b), "check the order, and the options");
}

/// An axis of both batches.
struct BatchAxis {
    Index extent;
    bool a_stretched;
    bool b_stretched;
};

/// The one that lies `from_back` axes before the last of the operands. Errors: ShapeError.
[[nodiscard]] inline BatchAxis batch_axis(const Shape& a, const Shape& b, Index from_back) {
    const Index of_a = from_back < a.rank() ? a[a.rank() - 1 - from_back] : 1;
    const Index of_b = from_back < b.rank() ? b[b.rank() - 1 - from_back] : 1;
    if (of_a != of_b && of_a != 1 && of_b != 1) {
        throw_no_product(a, b, "axes in front that agree, or are 1");
    }
    return {of_a == 1 ? of_b : of_a, of_a == 1, of_b == 1};
}

/// Errors: ShapeError.
[[nodiscard]] inline MatmulPlan plan_matmul(const Shape& a, const Shape& b, bool transpose_a,
                                            bool transpose_b, Shape& result) {
    if (a.rank() < 2 || b.rank() < 2) throw_no_product(a, b, "operands of rank 1 or more");
    const Index a_last = a[a.rank() - 1];
    const Index a_before = a[a.rank() - 2];
    const Index b_last = b[b.rank() - 1];
    const Index b_before = b[b.rank() - 2];
    MatmulPlan plan{transpose_a ? a_last : a_before, transpose_b ? b_before : b_last,
                    transpose_a ? a_before : a_last, transpose_a, transpose_b};
    if (plan.k != (transpose_b ? b_last : b_before)) {
        throw_no_product(a, b, "(..., m, k) and (..., k, n), as they are read");
    }
    const std::size_t rank = static_cast<std::size_t>(std::max(a.rank(), b.rank()));
    Extents extents{};
    Extents a_strides{};
    Extents b_strides{};
    Extents c_strides{};
    extents[rank - 2] = plan.m;
    extents[rank - 1] = plan.n;
    Index a_stride = plan.m * plan.k;
    Index b_stride = plan.k * plan.n;
    Index c_stride = plan.m * plan.n;
    for (std::size_t axis = rank - 2; axis-- > 0;) {
        const auto [extent, a_stretched, b_stretched] =
            batch_axis(a, b, static_cast<Index>(rank - 1 - axis));
        extents[axis] = extent;
        a_strides[axis] = a_stretched ? 0 : a_stride;
        b_strides[axis] = b_stretched ? 0 : b_stride;
        c_strides[axis] = c_stride;
        a_stride *= a_stretched ? 1 : extent;
        b_stride *= b_stretched ? 1 : extent;
        c_stride *= extent;
    }
    result = shape_of(extents, rank);
    for (std::size_t axis = 0; axis < rank - 2; ++axis) {
        plan.batch.append(extents[axis], a_strides[axis], b_strides[axis], c_strides[axis]);
    }
    MatrixBatch& batch = plan.batch;
    // One b for matrices that lie one behind the other: these are one matrix of more rows.
    if (batch.rank > 0 && !transpose_a && batch.b[batch.rank - 1] == 0 &&
        batch.a[batch.rank - 1] == plan.m * plan.k) {
        plan.m *= batch.extents[--batch.rank];
    }
    if (batch.rank == 0) batch.extents[batch.rank++] = 1;
    return plan;
}

/// A product's shape without the axis of 1 that a row or a column had.
[[nodiscard]] inline Shape without_ones(const Shape& product, bool row, bool column) {
    Extents extents{};
    std::size_t rank = 0;
    for (Index axis = 0; axis < product.rank(); ++axis) {
        const bool one =
            (row && axis == product.rank() - 2) || (column && axis == product.rank() - 1);
        if (!one) extents[rank++] = product[axis];
    }
    return shape_of(extents, rank);
}

}  // namespace kasmina::ops::detail
