// softmax and log_softmax: distributions along an axis, and their logarithms.
#pragma once

#include <utility>

#include <kasmina/autodiff/ops/axes.hpp>
#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/ops/permute.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/softmax.hpp>

namespace kasmina::ops {
namespace detail {

template <SoftmaxBackend B>
struct SoftmaxOperation {
    Edge<B> input;
    Variable<B> output;
    Index rows;
    Index columns;
    bool log;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        const auto target = tape.gradient_target(input);
        if (!target) return;
        B::softmax_pullback(tape.context(),
                            SoftmaxPullback<typename B::Scalar>{.rows = rows,
                                                                .columns = columns,
                                                                .log = log,
                                                                .y = output.data(),
                                                                .grad_y = upstream.data(),
                                                                .grad_x = target});
    }
};

template <SoftmaxBackend B>
[[nodiscard]] Variable<B> softmax_of_rows(const char* op, const Variable<B>& input, bool log) {
    const Shape shape = input.shape();
    const Index columns = shape.back();
    require(shape.rank() >= 1, op, "an operand (..., columns)", shape, "pass rank 1 or more");
    require(columns > 0, op, "one element or more along the axis", shape,
            "leave such an operand out");
    const Index rows = shape.elements() / columns;
    Tape<B>& tape = input.tape();
    auto output = tape.acquire(shape.elements());
    B::softmax(
        tape.context(),
        Softmax<typename B::Scalar>{
            .rows = rows, .columns = columns, .log = log, .x = input.data(), .y = output.data()});
    return tape.record_with_output(
        shape, std::move(output), {input}, [&](const Variable<B>& of_rows) {
            return SoftmaxOperation<B>{input, of_rows, rows, columns, log};
        });
}

template <class B>
[[nodiscard]] Variable<B> softmax_along(const char* op, const Variable<B>& input, Index axis,
                                        bool log) {
    const Index last = input.shape().rank() - 1;
    const Index along = static_cast<Index>(checked_axis(op, input.shape(), axis));
    if (along == last) return softmax_of_rows(op, input, log);
    return transpose(softmax_of_rows(op, transpose(input, along, last), log), along, last);
}

}  // namespace detail

/// e^x / the sum of e^x, along `axis`, from differences to the greatest x: PyTorch's softmax. What
/// is -infinity gets 0; where all are, or one is NaN, all get NaN. Errors: ShapeError, also where
/// the axis has no elements.
template <class B>
    requires SoftmaxBackend<B> && RearrangeBackend<B>
[[nodiscard]] Variable<B> softmax(const Variable<B>& input, Index axis = -1) {
    return detail::softmax_along("softmax", input, axis, false);
}

/// The logarithm of the softmax, exact where that itself would be 0. Errors: as softmax.
template <class B>
    requires SoftmaxBackend<B> && RearrangeBackend<B>
[[nodiscard]] Variable<B> log_softmax(const Variable<B>& input, Index axis = -1) {
    return detail::softmax_along("log_softmax", input, axis, true);
}

}  // namespace kasmina::ops
