// view_of: a tensor's elements read in another order, some of them, or some of them often.
#pragma once

#include <cstdint>
#include <utility>

#include <kasmina/autodiff/ops/axes.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/offset_by.hpp>
#include <kasmina/backend/rearrange.hpp>

namespace kasmina::ops::detail {

/// How often a view reads an element of what it is of.
enum class Reads : std::uint8_t {
    each_once,   ///< a permutation
    some_once,   ///< a part
    some_often,  ///< stretched
};

template <RearrangeBackend B>
struct ViewOperation {
    using Scalar = typename B::Scalar;

    Edge<B> input;
    StridedAxes axes;
    Index first;
    Reads reads;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        const auto target = tape.gradient_target(input);
        if (!target) return;
        if (reads == Reads::some_often) {
            B::sum_axes(tape.context(), SumAxes<Scalar>{.axes = mirrored(axes),
                                                        .accumulate = target.accumulate,
                                                        .from = upstream.data(),
                                                        .to = target.data});
            return;
        }
        const bool part = reads == Reads::some_once;
        if (part && !target.accumulate) {
            B::fill(tape.context(), target.data, tape.shape(input).elements(), Scalar{0});
        }
        B::rearrange(tape.context(), Rearrange<Scalar>{.axes = mirrored(axes),
                                                       .accumulate = part || target.accumulate,
                                                       .from = upstream.data(),
                                                       .to = offset_by(target.data, first)});
    }
};

/// The tensor of shape `result` that reads `input` by `axes`, from its element `first` on.
template <RearrangeBackend B>
[[nodiscard]] Variable<B> view_of(const Variable<B>& input, const Shape& result,
                                  const StridedAxes& axes, Index first, Reads reads) {
    Tape<B>& tape = input.tape();
    auto output = tape.acquire(result.elements());
    B::rearrange(tape.context(),
                 Rearrange<typename B::Scalar>{
                     .axes = axes, .from = offset_by(input.data(), first), .to = output.data()});
    return tape.record(result, std::move(output), {input},
                       ViewOperation<B>{input, axes, first, reads});
}

}  // namespace kasmina::ops::detail
