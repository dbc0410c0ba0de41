// concatenate: tensors one behind the other along an axis.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/axes.hpp>
#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/offset_by.hpp>
#include <kasmina/backend/rearrange.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::ops {
namespace detail {

/// All axes of a tensor inside of one that is longer along one axis.
struct Place {
    StridedAxes axes;  ///< from the part to the whole
    Index first;
};

[[nodiscard]] inline Place place_in(const Shape& part, const Shape& whole, std::size_t axis,
                                    Index begin) {
    const Extents strides = strides_of(whole);
    return {{static_cast<std::size_t>(whole.rank()), extents_of(part), strides_of(part), strides},
            begin * strides[axis]};
}

template <RearrangeBackend B>
struct ConcatenateOperation {
    using Scalar = typename B::Scalar;

    std::span<const Edge<B>> inputs;
    Shape whole;
    std::size_t axis;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        Index begin = 0;
        for (const Edge<B>& input : inputs) {
            const Shape& part = tape.shape(input);
            const Place place = place_in(part, whole, axis, begin);
            begin += part[static_cast<Index>(axis)];
            const auto target = tape.gradient_target(input);
            if (!target) continue;
            B::rearrange(tape.context(),
                         Rearrange<Scalar>{.axes = mirrored(place.axes),
                                           .accumulate = target.accumulate,
                                           .from = offset_by(upstream.data(), place.first),
                                           .to = target.data});
        }
    }
};

/// Of operands without elements, whose extents are in no memory.
[[noreturn]] KASMINA_COLD inline void throw_too_long(const Shape& first) {
    throw ShapeError("the whole has more elements than can be counted", "ops::concatenate",
                     "extents whose sum is at most " + std::to_string(unlimited),
                     "more, of operands like " + to_string(first),
                     "check the extents: one of them is probably no size");
}

/// The shape of the whole. Errors: ShapeError where an operand does not fit to the first.
template <class B>
[[nodiscard]] Shape concatenated_shape(std::span<const Variable<B>> inputs, std::size_t axis) {
    Extents extents = extents_of(inputs[0].shape());
    const std::size_t rank = static_cast<std::size_t>(inputs[0].shape().rank());
    for (const Variable<B>& input : inputs.subspan(1)) {
        const Shape& shape = input.shape();
        Extents fitting = extents_of(inputs[0].shape());
        if (shape.rank() == static_cast<Index>(rank)) {
            fitting[axis] = shape[static_cast<Index>(axis)];
        }
        require_shape("concatenate", "an operand", shape_of(fitting, rank), shape);
        if (fitting[axis] > unlimited - extents[axis]) throw_too_long(inputs[0].shape());
        extents[axis] += fitting[axis];
    }
    return shape_of(extents, rank);
}

}  // namespace detail

/// `inputs`, one or more, along `axis`; the other extents agree. An operand may have no elements,
/// and may be given more than once. Errors: ShapeError.
template <RearrangeBackend B>
[[nodiscard]] Variable<B> concatenate(std::span<const Variable<B>> inputs, Index axis) {
    if (inputs.empty()) {
        throw ShapeError("there is nothing to concatenate", "ops::concatenate",
                         "one operand or more", "none", "leave the operation out");
    }
    const std::size_t along = detail::checked_axis("concatenate", inputs[0].shape(), axis);
    const Shape whole = detail::concatenated_shape<B>(inputs, along);
    Tape<B>& tape = inputs[0].tape();
    auto output = tape.acquire(whole.elements());
    bool wanted = false;
    Index begin = 0;
    for (const Variable<B>& input : inputs) {
        const Shape& part = input.shape();
        wanted = tape.requires_gradient(input) || wanted;
        const detail::Place place = detail::place_in(part, whole, along, begin);
        begin += part[static_cast<Index>(along)];
        B::rearrange(tape.context(),
                     Rearrange<typename B::Scalar>{.axes = place.axes,
                                                   .from = input.data(),
                                                   .to = offset_by(output.data(), place.first)});
    }
    std::span<const Edge<B>> edges;
    if (wanted) {
        edges = tape.template keep_values<Edge<B>>(inputs.size(),
                                                   [&](std::size_t i) { return inputs[i].edge(); });
    }
    return tape.record(whole, std::move(output), wanted,
                       detail::ConcatenateOperation<B>{edges, whole, along});
}

/// The same of a list: concatenate({a, b}, 1).
template <RearrangeBackend B>
[[nodiscard]] Variable<B> concatenate(std::initializer_list<Variable<B>> inputs, Index axis) {
    return concatenate(std::span<const Variable<B>>(inputs.begin(), inputs.size()), axis);
}

/// ... and of a vector, which may be as long as it likes.
template <RearrangeBackend B>
[[nodiscard]] Variable<B> concatenate(const std::vector<Variable<B>>& inputs, Index axis) {
    return concatenate(std::span<const Variable<B>>(inputs), axis);
}

}  // namespace kasmina::ops
