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
#include <kasmina/pointwise/any_number.hpp>
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

/// The way back on a backend of a function whose type is forgotten.
template <PointwiseBackend B, std::size_t Count>
struct AnyMapPullback {
    const void* function;
    void (*run)(typename B::Context& context, const void* function,
                const MapPullback<typename B::Scalar, Count>& call);
};

/// What pointwise operations keep whatever their function is.
template <PointwiseBackend B, std::size_t Count>
struct PointwiseInputs {
    using Scalar = typename B::Scalar;

    MapGeometry geometry;
    std::array<Saved<B>, Count> inputs;
    std::array<Broadcast, Count> kinds;

    [[nodiscard]] Index elements(Tape<B>& tape, std::size_t i) const {
        return tape.shape(inputs[i].edge()).elements();
    }
};

template <PointwiseBackend B, std::size_t Count>
void pull_back(const PointwiseInputs<B, Count>& kept, AnyMapPullback<B, Count> function,
               Tape<B>& tape, Upstream<B>& upstream) {
    using Scalar = typename B::Scalar;
    MapPullback<Scalar, Count> call{.geometry = kept.geometry, .upstream = upstream.data()};
    std::array<GradientTarget<Scalar>, Count> repeated{};
    std::array<typename Tape<B>::Buffer, Count> scratch{};
    bool wanted = false;
    for (std::size_t i = 0; i < Count; ++i) {
        // In place of what is not read stands the gradient: it has as many numbers or more.
        call.operands[i] = {kept.inputs[i].data_or(upstream.data()), kept.kinds[i]};
        call.targets[i] = tape.gradient_target(kept.inputs[i].edge());
        wanted = wanted || call.targets[i];
        // f(x, x): two gradients into one place, which no kernel has to reckon with.
        for (std::size_t earlier = 0; call.targets[i] && earlier < i; ++earlier) {
            if (call.targets[earlier].data != call.targets[i].data) continue;
            scratch[i] = tape.acquire(kept.elements(tape, i));
            repeated[i] = std::exchange(call.targets[i], {scratch[i].data(), false});
        }
    }
    if (!wanted) return;
    function.run(tape.context(), function.function, call);
    for (std::size_t i = 0; i < Count; ++i) {
        if (!repeated[i]) continue;
        B::add(tape.context(), scratch[i].data(), repeated[i].data, kept.elements(tape, i));
    }
}

template <PointwiseBackend B, class Function, std::size_t Count>
struct PointwiseOperation {
    Function function;
    PointwiseInputs<B, Count> kept;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        const auto run = [](typename B::Context& context, const void* any,
                            const MapPullback<typename B::Scalar, Count>& call) {
            B::map_pullback(context, *static_cast<const Function*>(any), call);
        };
        pull_back(kept, AnyMapPullback<B, Count>{&function, run}, tape, upstream);
    }
};

/// A pointwise operation as it begins: all but the function.
template <PointwiseBackend B, std::size_t Count>
struct PointwiseStart {
    Shape shape;  ///< of the output
    typename Tape<B>::Buffer output;
    Map<typename B::Scalar, Count> call;
    PointwiseInputs<B, Count> kept;
};

template <class B, std::size_t... Is>
[[nodiscard]] std::array<Saved<B>, sizeof...(Is)> saved(
    const std::array<const Variable<B>*, sizeof...(Is)>& inputs,
    const std::array<bool, sizeof...(Is)>& read, std::index_sequence<Is...>) {
    return {Saved<B>(*inputs[Is], read[Is])...};
}

/// Keeps those inputs of which `read` says that the derivative reads them. Errors: ShapeError.
template <PointwiseBackend B, std::size_t Count>
[[nodiscard]] PointwiseStart<B, Count> start_pointwise(
    const std::array<const Variable<B>*, Count>& inputs, const std::array<bool, Count>& read) {
    std::array<const Shape*, Count> shapes;
    for (std::size_t i = 0; i < Count; ++i) shapes[i] = &inputs[i]->shape();
    const Shape& shape = widest(shapes);
    require_filled("pointwise", shape);
    const MapGeometry geometry = map_geometry(shape);
    std::array<Broadcast, Count> kinds;
    for (std::size_t i = 0; i < Count; ++i) kinds[i] = broadcast_kind(*shapes[i], shape);
    auto output = inputs[0]->tape().acquire(shape.elements());
    Map<typename B::Scalar, Count> call{.geometry = geometry, .out = output.data()};
    for (std::size_t i = 0; i < Count; ++i) call.operands[i] = {inputs[i]->data(), kinds[i]};
    return {shape,
            std::move(output),
            call,
            {geometry, saved<B>(inputs, read, std::make_index_sequence<Count>{}), kinds}};
}

/// One for each operand.
template <class Operand>
using NumberFor = AnyNumber;

template <class Function, std::size_t... Is>
[[nodiscard]] constexpr std::array<bool, sizeof...(Is)> reads(std::index_sequence<Is...>) {
    return {derivative_reads<Function>(Is)...};
}

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
    static_assert(TakesNumbers<Function, AnyNumber, detail::NumberFor<Rest>...>,
                  "TakesNumbers: give the pointwise callable a const `template <class V> V "
                  "operator()(const V& x, ...) const` with one number for each operand");
    if (false) static_cast<void>(function(AnyNumber{}, detail::NumberFor<Rest>{}...));
    static_assert(GivesANumber<Function, AnyNumber, detail::NumberFor<Rest>...>,
                  "GivesANumber: return a number of the kind that the pointwise callable is given, "
                  "as `template <class V> V operator()(const V& x) const` does");
    auto start = detail::start_pointwise<B, count>(
        {&first, &rest...}, detail::reads<Function>(std::make_index_sequence<count>{}));
    Tape<B>& tape = first.tape();
    B::map(tape.context(), function, start.call);
    return tape.record(
        start.shape, std::move(start.output), {first, rest...},
        detail::PointwiseOperation<B, Function, count>{std::move(function), std::move(start.kept)});
}

}  // namespace kasmina::ops
