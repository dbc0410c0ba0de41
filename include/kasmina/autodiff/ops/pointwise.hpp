// pointwise: any function of numbers over tensors in one pass, differentiated by dual numbers.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include <kasmina/autodiff/tape.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/backend.hpp>

namespace kasmina::ops {
namespace detail {

/// How an operand of that shape is stretched over the output: NumPy's broadcasting, restricted
/// to what kernels run fast. Errors: ShapeError.
inline Broadcast broadcast_kind(const Shape& operand, const Shape& output) {
    if (operand == output) return Broadcast::full;
    if (operand.elements() == 1) return Broadcast::scalar;
    const bool last = operand.rank() > 0 && operand.back() == output.back();
    const bool aligned = operand.rank() == output.rank();
    bool inner_ones = true;  // all but the first and the last extent
    for (Index axis = 1; axis + 1 < operand.rank(); ++axis) {
        inner_ones = inner_ones && operand[axis] == 1;
    }
    if (inner_ones && last && (operand.rank() == 1 || operand[0] == 1)) return Broadcast::channel;
    if (inner_ones && aligned && operand[0] == output[0]) {
        if (last) return Broadcast::sample_channel;
        if (operand.back() == 1) return Broadcast::sample;
    }
    throw ShapeError("an operand cannot be stretched over the output", "ops::pointwise",
                     to_string(output) +
                         ", or of it one value, one per channel (C), per sample (N, 1, ..., 1) "
                         "or per sample and channel (N, 1, ..., C)",
                     to_string(operand), "reshape the operand");
}

/// The shape of highest rank, then most elements, is what the others are stretched over.
template <std::size_t Count>
[[nodiscard]] const Shape& widest(const std::array<const Shape*, Count>& shapes) {
    const Shape* best = shapes[0];
    for (const Shape* shape : shapes) {
        const bool wider = shape->rank() > best->rank() ||
                           (shape->rank() == best->rank() && shape->elements() > best->elements());
        if (wider) best = shape;
    }
    return *best;
}

[[nodiscard]] inline MapGeometry map_geometry(const Shape& shape) {
    if (shape.rank() < 2) return {1, 1, shape.back()};
    Index positions = 1;
    for (Index axis = 1; axis + 1 < shape.rank(); ++axis) positions *= shape[axis];
    return {shape[0], positions, shape.back()};
}

template <PointwiseBackend B, class Function, std::size_t Count>
struct PointwiseOperation {
    using Scalar = typename B::Scalar;

    Function function;
    MapGeometry geometry;
    std::array<Variable<B>, Count> inputs;
    std::array<Broadcast, Count> kinds;

    [[nodiscard]] std::array<Operand<Scalar>, Count> operands() const {
        std::array<Operand<Scalar>, Count> all{};
        for (std::size_t i = 0; i < Count; ++i) all[i] = {inputs[i].data(), kinds[i]};
        return all;
    }

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        std::array<GradientTarget<Scalar>, Count> targets{};
        std::array<GradientTarget<Scalar>, Count> repeated{};
        std::array<typename B::Buffer, Count> scratch{};
        bool wanted = false;
        for (std::size_t i = 0; i < Count; ++i) {
            targets[i] = tape.gradient_target(inputs[i]);
            wanted = wanted || targets[i];
            // f(x, x): two gradients into one place, which no kernel has to reckon with.
            for (std::size_t earlier = 0; targets[i] && earlier < i; ++earlier) {
                if (targets[earlier].data != targets[i].data) continue;
                scratch[i] = tape.acquire(inputs[i].shape().elements());
                repeated[i] = std::exchange(targets[i], {scratch[i].data(), false});
            }
        }
        if (!wanted) return;
        B::map_pullback(tape.context(), function, geometry, operands(), upstream.data(), targets);
        for (std::size_t i = 0; i < Count; ++i) {
            if (!repeated[i]) continue;
            B::add(tape.context(), scratch[i].data(), repeated[i].data,
                   inputs[i].shape().elements());
        }
    }
};

}  // namespace detail

/// f applied to the elements of `first, rest...`, in one pass over memory; so is the way back.
/// `function` is a callable on numbers of any kind (built-in, SIMD, dual) that uses kasmina::math;
/// it is copied onto the tape. Operands may have the output's shape, or be one value, or one per
/// channel (C), per sample (N, 1, ..., 1) or per sample and channel (N, 1, ..., C).
/// Errors: ShapeError.
template <PointwiseBackend B, class Function, class... Rest>
[[nodiscard]] Variable<B> pointwise(Function function, const Variable<B>& first,
                                    const Rest&... rest) {
    constexpr std::size_t count = 1 + sizeof...(Rest);
    const Shape result =
        detail::widest(std::array<const Shape*, count>{&first.shape(), &rest.shape()...});
    detail::PointwiseOperation<B, Function, count> operation{
        std::move(function),
        detail::map_geometry(result),
        {first, rest...},
        {detail::broadcast_kind(first.shape(), result),
         detail::broadcast_kind(rest.shape(), result)...}};
    Tape<B>& tape = first.tape();
    auto output = tape.acquire(result.elements());
    B::map(tape.context(), operation.function, operation.geometry, operation.operands(),
           output.data());
    return tape.record(result, std::move(output), {first, rest...}, std::move(operation));
}

}  // namespace kasmina::ops
