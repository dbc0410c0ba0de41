// sum and mean over some axes of a tensor.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include <kasmina/autodiff/ops/axes.hpp>
#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/rearrange.hpp>

namespace kasmina::ops {
namespace detail {

template <RearrangeBackend B>
struct ReduceAxesOperation {
    Edge<B> input;
    StridedAxes axes;
    double scale;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        const auto target = tape.gradient_target(input);
        if (!target) return;
        B::rearrange(tape.context(), Rearrange<typename B::Scalar>{.axes = mirrored(axes),
                                                                   .scale = scale,
                                                                   .accumulate = target.accumulate,
                                                                   .from = upstream.data(),
                                                                   .to = target.data});
    }
};

/// What a reduction over axes comes to.
struct AxesReduction {
    StridedAxes axes;
    Shape result;
    Index terms = 1;  ///< of each sum
};

/// Errors: ShapeError.
[[nodiscard]] inline AxesReduction reduction_over(const char* op, const Shape& shape,
                                                  const Axes& axes, bool keep) {
    const std::array<bool, most_axes> named = named_axes(op, shape, axes);
    if (axes.size() == 0) {
        throw_bad_axes(op, "one axis or more", axes, "name the axes, or none for all elements");
    }
    const std::size_t rank = static_cast<std::size_t>(shape.rank());
    const Extents extents = extents_of(shape);
    AxesReduction reduction{{rank, extents, strides_of(shape), {}}, {}};
    Extents kept{};
    std::size_t kept_rank = 0;
    Index stride = 1;
    for (std::size_t axis = rank; axis-- > 0;) {
        if (named[axis]) {
            reduction.terms *= extents[axis];
        } else {
            reduction.axes.to_strides[axis] = stride;
            stride *= extents[axis];
        }
    }
    for (std::size_t axis = 0; axis < rank; ++axis) {
        if (!named[axis] || keep) kept[kept_rank++] = named[axis] ? 1 : extents[axis];
    }
    reduction.result = shape_of(kept, kept_rank);
    return reduction;
}

template <RearrangeBackend B>
[[nodiscard]] Variable<B> reduce_axes(const Variable<B>& input, const AxesReduction& reduction,
                                      double scale) {
    Tape<B>& tape = input.tape();
    auto output = tape.acquire(reduction.result.elements());
    B::sum_axes(
        tape.context(),
        SumAxes<typename B::Scalar>{
            .axes = reduction.axes, .scale = scale, .from = input.data(), .to = output.data()});
    return tape.record(reduction.result, std::move(output), {input},
                       ReduceAxesOperation<B>{input, reduction.axes, scale});
}

}  // namespace detail

/// The sum over `axes`, which go, or stay with an extent of 1 where `keep` says so; over no
/// elements it is 0. Errors: ShapeError.
template <RearrangeBackend B>
[[nodiscard]] Variable<B> sum(const Variable<B>& input, const Axes& axes, bool keep = false) {
    return detail::reduce_axes(input, detail::reduction_over("sum", input.shape(), axes, keep),
                               1.0);
}

/// The mean over `axes`. Errors: ShapeError, also where it would be that of no elements.
template <RearrangeBackend B>
[[nodiscard]] Variable<B> mean(const Variable<B>& input, const Axes& axes, bool keep = false) {
    const detail::AxesReduction reduction =
        detail::reduction_over("mean", input.shape(), axes, keep);
    detail::require(reduction.terms > 0, "mean", "one element or more along the axes",
                    input.shape(), "leave such an operand out");
    return detail::reduce_axes(input, reduction, 1.0 / static_cast<double>(reduction.terms));
}

}  // namespace kasmina::ops
