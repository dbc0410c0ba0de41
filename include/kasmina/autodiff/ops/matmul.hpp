// matmul: products of matrices, batched over all axes in front of them, stretched where they fit.
#pragma once

#include <cstddef>
#include <utility>

#include <kasmina/autodiff/ops/alias.hpp>
#include <kasmina/autodiff/ops/axes.hpp>
#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/ops/matmul_plan.hpp>
#include <kasmina/autodiff/ops/saved.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/matrix.hpp>
#include <kasmina/backend/rearrange.hpp>

namespace kasmina::ops {

/// Whether an operand is read with its last two axes exchanged.
struct MatmulOptions {
    bool transpose_a = false;
    bool transpose_b = false;
};

namespace detail {

/// A factor of a batched product, or its result.
template <class Pointer>
struct BatchOf {
    Pointer data;
    const MatrixStrides* strides;
    bool transposed = false;
};

/// c = [c +] op(a) * op(b), for each matrix of the batch.
template <MatrixBackend B>
void multiply_batch(typename B::Context& context, const MatrixBatch& batch, Index m, Index n,
                    Index k, const BatchOf<const typename B::Scalar*>& a,
                    const BatchOf<const typename B::Scalar*>& b,
                    const BatchOf<typename B::Scalar*>& c, bool accumulate) {
    if (batch.elements() == 0) return;
    const std::size_t last = batch.rank - 1;
    for (Index outer = 0; outer < batch.elements() / batch.extents[last]; ++outer) {
        const Index first = outer * batch.extents[last];
        B::gemm(context, Gemm<typename B::Scalar>{.m = m,
                                                  .n = n,
                                                  .k = k,
                                                  .transpose_a = a.transposed,
                                                  .transpose_b = b.transposed,
                                                  .a = a.data + batch.place(first, *a.strides),
                                                  .b = b.data + batch.place(first, *b.strides),
                                                  .c = c.data + batch.place(first, *c.strides),
                                                  .accumulate = accumulate,
                                                  .batch = batch.extents[last],
                                                  .batch_stride_a = (*a.strides)[last],
                                                  .batch_stride_b = (*b.strides)[last],
                                                  .batch_stride_c = (*c.strides)[last]});
    }
}

template <class B>
struct MatmulOperation {
    using Scalar = typename B::Scalar;
    using Factor = BatchOf<const Scalar*>;

    Saved<B> a;  // read for the gradient of b
    Saved<B> b;  // read for the gradient of a
    MatmulPlan plan;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        const auto& [m, n, k, transpose_a, transpose_b, batch] = plan;
        const Factor grad_c{upstream.data(), &batch.c};
        const Factor factor_a{a.data(), &batch.a, transpose_a};
        const Factor factor_b{b.data(), &batch.b, transpose_b};
        // As it is stored, a is (m, k) or (k, m), and b is (k, n) or (n, k).
        if (transpose_a) {
            gradient(tape, a.edge(), batch.a, k, m, n, factor_b, flipped(grad_c));
        } else {
            gradient(tape, a.edge(), batch.a, m, k, n, grad_c, flipped(factor_b));
        }
        if (transpose_b) {
            gradient(tape, b.edge(), batch.b, n, k, m, flipped(grad_c), factor_a);
        } else {
            gradient(tape, b.edge(), batch.b, k, n, m, flipped(factor_a), grad_c);
        }
    }

private:
    [[nodiscard]] static Factor flipped(Factor factor) {
        factor.transposed = !factor.transposed;
        return factor;
    }

    /// The gradient of a factor is a product of the other two; where that factor was stretched,
    /// the sum of as many.
    void gradient(Tape<B>& tape, const Edge<B>& of, const MatrixStrides& strides, Index rows,
                  Index columns, Index depth, const Factor& left, const Factor& right) const {
        const auto target = tape.gradient_target(of);
        if (!target) return;
        typename B::Context& context = tape.context();
        const MatrixBatch& batch = plan.batch;
        if (!batch.stretches(strides)) {
            multiply_batch<B>(context, batch, rows, columns, depth, left, right,
                              {target.data, &strides}, target.accumulate);
            return;
        }
        const Index size = rows * columns;
        const MatrixStrides dense = batch.dense(size);
        auto all = tape.acquire(batch.elements() * size);
        multiply_batch<B>(context, batch, rows, columns, depth, left, right, {all.data(), &dense},
                          false);
        StridedAxes axes{batch.rank, batch.extents, dense, strides};
        axes.append(size, 1, 1);
        B::sum_axes(context, SumAxes<Scalar>{.axes = axes,
                                             .accumulate = target.accumulate,
                                             .from = all.data(),
                                             .to = target.data});
    }
};

/// The product of two operands of rank 2 or more.
template <class B>
[[nodiscard]] Variable<B> multiply_matrices(const Variable<B>& a, const Variable<B>& b,
                                            const MatmulOptions& options) {
    Shape result;
    const MatmulPlan plan =
        plan_matmul(a.shape(), b.shape(), options.transpose_a, options.transpose_b, result);
    Tape<B>& tape = a.tape();
    auto output = tape.acquire(result.elements());
    multiply_batch<B>(tape.context(), plan.batch, plan.m, plan.n, plan.k,
                      {a.data(), &plan.batch.a, plan.transpose_a},
                      {b.data(), &plan.batch.b, plan.transpose_b}, {output.data(), &plan.batch.c},
                      false);
    return tape.record(result, std::move(output), {a, b},
                       MatmulOperation<B>{Saved<B>(a, b.requires_gradient()),
                                          Saved<B>(b, a.requires_gradient()), plan});
}

}  // namespace detail

/// `a` (..., m, k) times `b` (..., k, n), for all of the axes in front, which are stretched against
/// each other as in expand; the result is (..., m, n). The options say which operand is stored the
/// other way round. As in PyTorch an operand of rank 1 is a row on the left or a column on the
/// right, and its axis of 1 is left out of the result; it cannot be transposed. Errors: ShapeError.
template <class B>
    requires MatrixBackend<B> && RearrangeBackend<B>
[[nodiscard]] Variable<B> matmul(const Variable<B>& a, const Variable<B>& b,
                                 const MatmulOptions& options = {}) {
    const bool row = a.shape().rank() == 1;
    const bool column = b.shape().rank() == 1;
    if (!row && !column) return detail::multiply_matrices(a, b, options);
    detail::require(!(row && options.transpose_a) && !(column && options.transpose_b), "matmul",
                    "an operand of rank 2 or more where it is transposed",
                    row ? a.shape() : b.shape(), "leave the option out");
    const Variable<B> left = row ? reshape(a, {1, a.shape().back()}) : a;
    const Variable<B> right = column ? reshape(b, {b.shape().back(), 1}) : b;
    const Variable<B> product = detail::multiply_matrices(left, right, options);
    return reshape(product, detail::without_ones(product.shape(), row, column));
}

}  // namespace kasmina::ops
