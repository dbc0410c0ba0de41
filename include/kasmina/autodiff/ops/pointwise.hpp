// pointwise: any function of numbers over tensors in one pass, differentiated by dual numbers.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/ops/saved.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/pointwise.hpp>
#include <kasmina/error.hpp>
#include <kasmina/pointwise/derivative_reads.hpp>

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

/// What pointwise functions of `Function` keep of their inputs.
template <class Function, class B, std::size_t... Is>
[[nodiscard]] std::array<Saved<B>, sizeof...(Is)> saved_operands(
    const std::array<const Variable<B>*, sizeof...(Is)>& inputs, std::index_sequence<Is...>) {
    return {Saved<B>(*inputs[Is], derivative_reads<Function>(Is))...};
}

template <PointwiseBackend B, class Function, std::size_t Count>
struct PointwiseOperation {
    using Scalar = typename B::Scalar;

    Function function;
    MapGeometry geometry;
    std::array<Saved<B>, Count> inputs;
    std::array<Broadcast, Count> kinds;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        MapPullback<Scalar, Count> call{.geometry = geometry, .upstream = upstream.data()};
        std::array<GradientTarget<Scalar>, Count> repeated{};
        std::array<typename Tape<B>::Buffer, Count> scratch{};
        bool wanted = false;
        for (std::size_t i = 0; i < Count; ++i) {
            // In place of what is not read stands the gradient: it has as many numbers or more.
            call.operands[i] = {inputs[i].data_or(upstream.data()), kinds[i]};
            call.targets[i] = tape.gradient_target(inputs[i].edge());
            wanted = wanted || call.targets[i];
            // f(x, x): two gradients into one place, which no kernel has to reckon with.
            for (std::size_t earlier = 0; call.targets[i] && earlier < i; ++earlier) {
                if (call.targets[earlier].data != call.targets[i].data) continue;
                scratch[i] = tape.acquire(elements(tape, i));
                repeated[i] = std::exchange(call.targets[i], {scratch[i].data(), false});
            }
        }
        if (!wanted) return;
        B::map_pullback(tape.context(), function, call);
        for (std::size_t i = 0; i < Count; ++i) {
            if (!repeated[i]) continue;
            B::add(tape.context(), scratch[i].data(), repeated[i].data, elements(tape, i));
        }
    }

private:
    [[nodiscard]] Index elements(Tape<B>& tape, std::size_t i) const {
        return tape.shape(inputs[i].edge()).elements();
    }
};

}  // namespace detail

/// f applied to the elements of `first, rest...`, in one pass over memory; so is the way back.
/// `function` is a callable on numbers of any kind (built-in, SIMD, dual) that uses kasmina::math;
/// it is copied onto the tape. Operands may have the output's shape, or be one value, or one per
/// channel (C), per sample (N, 1, ..., 1) or per sample and channel (N, 1, ..., C). Operands that
/// its derivative does not read (pointwise/derivative_reads.hpp) are not kept.
/// Errors: ShapeError.
template <PointwiseBackend B, class Function, class... Rest>
[[nodiscard]] Variable<B> pointwise(Function function, const Variable<B>& first,
                                    const Rest&... rest) {
    constexpr std::size_t count = 1 + sizeof...(Rest);
    using Scalar = typename B::Scalar;
    const Shape result =
        detail::widest(std::array<const Shape*, count>{&first.shape(), &rest.shape()...});
    const std::array<Broadcast, count> kinds{detail::broadcast_kind(first.shape(), result),
                                             detail::broadcast_kind(rest.shape(), result)...};
    const std::array<const Variable<B>*, count> inputs{&first, &rest...};
    Tape<B>& tape = first.tape();
    auto output = tape.acquire(result.elements());
    Map<Scalar, count> call{.geometry = detail::map_geometry(result), .out = output.data()};
    for (std::size_t i = 0; i < count; ++i) call.operands[i] = {inputs[i]->data(), kinds[i]};
    B::map(tape.context(), function, call);
    detail::PointwiseOperation<B, Function, count> operation{
        std::move(function), call.geometry,
        detail::saved_operands<Function>(inputs, std::make_index_sequence<count>{}), kinds};
    return tape.record(result, std::move(output), {first, rest...}, std::move(operation));
}

}  // namespace kasmina::ops
