// sum and mean: all elements to a single value.
#pragma once

#include <utility>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/pointwise.hpp>

namespace kasmina::ops {
namespace detail {

/// One value times a constant, stretched over a tensor.
template <class Scalar>
struct ScaledBy {
    Scalar factor;

    template <class V>
    constexpr V operator()(const V& value) const {
        return value * factor;
    }
};

/// A reduction is the way back of a stretched value, and a stretched value is its way back.
template <PointwiseBackend B>
struct ReduceOperation {
    using Scalar = typename B::Scalar;

    Edge<B> input;
    ScaledBy<Scalar> scale;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        const auto target = tape.gradient_target(input);
        if (!target) return;
        const Index elements = tape.shape(input).elements();
        const auto stretch = [&](Scalar* out) {
            B::map(tape.context(), scale,
                   Map<Scalar, 1>{.geometry = {1, elements, 1},
                                  .operands = {{{upstream.data(), Broadcast::scalar}}},
                                  .out = out});
        };
        if (!target.accumulate) return stretch(target.data);
        auto stretched = tape.acquire(elements);
        stretch(stretched.data());
        B::add(tape.context(), stretched.data(), target.data, elements);
    }
};

/// The sum of all elements, each times `factor`.
template <PointwiseBackend B>
[[nodiscard]] Variable<B> scaled_sum(const Variable<B>& input, typename B::Scalar factor) {
    const Index elements = input.shape().elements();
    using Scalar = typename B::Scalar;
    const ScaledBy<Scalar> scale{factor};
    Tape<B>& tape = input.tape();
    auto output = tape.acquire(1);
    B::map_pullback(tape.context(), scale,
                    MapPullback<Scalar, 1>{.geometry = {1, elements, 1},
                                           .operands = {{{input.data(), Broadcast::scalar}}},
                                           .upstream = input.data(),
                                           .targets = {{{output.data(), false}}}});
    return tape.record(Shape{}, std::move(output), {input}, ReduceOperation<B>{input, scale});
}

inline void require_any(const char* op, const Shape& shape) {
    require(shape.elements() > 0, op, "one element or more", shape, "pass a non-empty variable");
}

}  // namespace detail

/// The sum of all elements. Errors: ShapeError when there are none.
template <PointwiseBackend B>
[[nodiscard]] Variable<B> sum(const Variable<B>& input) {
    detail::require_any("sum", input.shape());
    return detail::scaled_sum(input, typename B::Scalar{1});
}

/// The mean of all elements. Errors: ShapeError when there are none.
template <PointwiseBackend B>
[[nodiscard]] Variable<B> mean(const Variable<B>& input) {
    using Scalar = typename B::Scalar;
    detail::require_any("mean", input.shape());
    return detail::scaled_sum(input, Scalar(1) / static_cast<Scalar>(input.shape().elements()));
}

}  // namespace kasmina::ops
