// pointwise: any function of numbers over tensors in one pass, differentiated by dual numbers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/ops/saved.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/forward_only.hpp>
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

/// Most operands that a pointwise operation may have.
inline constexpr std::size_t most_operands = 8;

/// A call on the backend whose number of operands is not known when compiling: what the function
/// does not decide is compiled once for all functions.
template <class B>
using AnyMap = Map<typename B::Scalar, most_operands>;
template <class B>
using AnyMapPullback = MapPullback<typename B::Scalar, most_operands>;

template <std::size_t Count, class T>
[[nodiscard]] Map<T, Count> with_operands(const Map<T, most_operands>& call) {
    Map<T, Count> exact{.geometry = call.geometry, .out = call.out};
    std::copy_n(call.operands.begin(), Count, exact.operands.begin());
    return exact;
}

template <std::size_t Count, class T>
[[nodiscard]] MapPullback<T, Count> with_operands(const MapPullback<T, most_operands>& call) {
    MapPullback<T, Count> exact{.geometry = call.geometry, .upstream = call.upstream};
    std::copy_n(call.operands.begin(), Count, exact.operands.begin());
    std::copy_n(call.targets.begin(), Count, exact.targets.begin());
    return exact;
}

/// A pointwise function whose type is forgotten, and how the backend runs it both ways.
template <class B>
struct AnyPointwise {
    static constexpr std::size_t most_bytes = 64;

    alignas(std::max_align_t) std::array<std::byte, most_bytes> function{};
    void (*map)(typename B::Context&, const void* function, const AnyMap<B>&) = nullptr;
    /// Null for a backend that has no way back (N-7).
    void (*map_pullback)(typename B::Context&, const void* function,
                         const AnyMapPullback<B>&) = nullptr;

    template <std::size_t Count, class Function>
    [[nodiscard]] static AnyPointwise of(const Function& function) {
        static_assert(std::is_trivially_copyable_v<Function> && sizeof(Function) <= most_bytes,
                      "a pointwise function is a few plain numbers, so that any backend can take "
                      "it along: give it what it needs by value");
        AnyPointwise any{.map = &map_of<Count, Function>};
        if constexpr (!is_forward_only<B>) any.map_pullback = &map_pullback_of<Count, Function>;
        std::memcpy(any.function.data(), &function, sizeof(Function));
        return any;
    }

private:
    template <std::size_t Count, class Function>
    static void map_of(typename B::Context& context, const void* held, const AnyMap<B>& call) {
        B::map(context, *static_cast<const Function*>(held), with_operands<Count>(call));
    }

    template <std::size_t Count, class Function>
    static void map_pullback_of(typename B::Context& context, const void* held,
                                const AnyMapPullback<B>& call) {
        B::map_pullback(context, *static_cast<const Function*>(held), with_operands<Count>(call));
    }
};

/// What pointwise operations keep of an input, and how it is stretched.
template <class B>
struct PointwiseInput {
    Saved<B> saved;
    Broadcast broadcast;
};

template <PointwiseBackend B>
void pull_back(const AnyPointwise<B>& function, const MapGeometry& geometry,
               std::span<const PointwiseInput<B>> inputs, Tape<B>& tape, Upstream<B>& upstream) {
    using Scalar = typename B::Scalar;
    AnyMapPullback<B> call{.geometry = geometry, .upstream = upstream.data()};
    std::array<GradientTarget<Scalar>, most_operands> repeated{};
    std::array<typename Tape<B>::Buffer, most_operands> scratch{};
    const auto elements = [&](std::size_t i) {
        return tape.shape(inputs[i].saved.edge()).elements();
    };
    bool wanted = false;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        // In place of what is not read stands the gradient: it has as many numbers or more.
        call.operands[i] = {inputs[i].saved.data_or(upstream.data()), inputs[i].broadcast};
        call.targets[i] = tape.gradient_target(inputs[i].saved.edge());
        wanted = wanted || call.targets[i];
        // f(x, x): two gradients into one place, which no kernel has to reckon with.
        for (std::size_t earlier = 0; call.targets[i] && earlier < i; ++earlier) {
            if (call.targets[earlier].data != call.targets[i].data) continue;
            scratch[i] = tape.acquire(elements(i));
            repeated[i] = std::exchange(call.targets[i], {scratch[i].data(), false});
        }
    }
    if (!wanted) return;
    function.map_pullback(tape.context(), function.function.data(), call);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (!repeated[i]) continue;
        B::add(tape.context(), scratch[i].data(), repeated[i].data, elements(i));
    }
}

/// Room for the inputs of most functions, so that what records them is compiled once for all.
inline constexpr std::size_t few_operands = 4;

template <PointwiseBackend B, std::size_t Room>
struct PointwiseOperation {
    AnyPointwise<B> function;
    MapGeometry geometry;
    std::size_t operands;
    std::array<PointwiseInput<B>, Room> inputs;  ///< behind the operands is the first one again

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        pull_back<B>(function, geometry, std::span(inputs).first(operands), tape, upstream);
    }
};

/// A pointwise operation as it has run: all but what it keeps.
template <PointwiseBackend B>
struct PointwiseOutput {
    Shape shape;
    typename Tape<B>::Buffer values;
    AnyMap<B> call;
};

/// Runs it, with the shape of highest rank, then most elements, of the inputs'. Errors: ShapeError.
template <PointwiseBackend B>
[[nodiscard]] PointwiseOutput<B> run_pointwise(const AnyPointwise<B>& function,
                                               std::span<const Variable<B>* const> inputs) {
    const Shape* widest = &inputs[0]->shape();
    for (const Variable<B>* input : inputs) {
        const Shape& shape = input->shape();
        const bool wider = shape.rank() > widest->rank() || (shape.rank() == widest->rank() &&
                                                             shape.elements() > widest->elements());
        if (wider) widest = &shape;
    }
    require_filled("pointwise", *widest);
    PointwiseOutput<B> output{*widest, {}, {.geometry = map_geometry(*widest)}};
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        output.call.operands[i] = {inputs[i]->data(), broadcast_kind(inputs[i]->shape(), *widest)};
    }
    Tape<B>& tape = inputs[0]->tape();
    output.values = tape.acquire(widest->elements());
    output.call.out = output.values.data();
    function.map(tape.context(), function.function.data(), output.call);
    return output;
}

template <PointwiseBackend B, std::size_t... Is>
[[nodiscard]] KASMINA_APART Variable<B> record_pointwise(const AnyPointwise<B>& function,
                                                         std::span<const Variable<B>* const> inputs,
                                                         std::span<const bool> read,
                                                         std::index_sequence<Is...>) {
    PointwiseOutput<B> output = run_pointwise<B>(function, inputs);
    const std::size_t count = inputs.size();
    const auto input = [&](std::size_t i) -> const Variable<B>& {
        return *inputs[i < count ? i : 0];
    };
    const auto kept = [&](std::size_t i) {
        return PointwiseInput<B>{Saved<B>(input(i), i < count && read[i]),
                                 output.call.operands[i].broadcast};
    };
    return inputs[0]->tape().record(
        output.shape, std::move(output.values), {input(Is)...},
        PointwiseOperation<B, sizeof...(Is)>{function, output.call.geometry, count, {kept(Is)...}});
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
/// it is copied onto the tape, so what it has are a few plain numbers. Operands may have the
/// output's shape, or be one value, or one per channel (C), per sample (N, 1, ..., 1) or per sample
/// and channel (N, 1, ..., C). Operands that its derivative does not read
/// (pointwise/derivative_reads.hpp) are not kept. Errors: ShapeError.
template <PointwiseBackend B, class Function, class... Rest>
[[nodiscard]] Variable<B> pointwise(Function function, const Variable<B>& first,
                                    const Rest&... rest) {
    constexpr std::size_t count = 1 + sizeof...(Rest);
    static_assert(count <= detail::most_operands);
    static_assert(TakesNumbers<Function, AnyNumber, detail::NumberFor<Rest>...>,
                  "TakesNumbers: give the pointwise callable a const `template <class V> V "
                  "operator()(const V& x, ...) const` with one number for each operand");
    if (false) static_cast<void>(function(AnyNumber{}, detail::NumberFor<Rest>{}...));
    static_assert(GivesANumber<Function, AnyNumber, detail::NumberFor<Rest>...>,
                  "GivesANumber: return a number of the kind that the pointwise callable is given, "
                  "as `template <class V> V operator()(const V& x) const` does");
    constexpr std::size_t room =
        count <= detail::few_operands ? detail::few_operands : detail::most_operands;
    constexpr std::array<bool, count> read =
        detail::reads<Function>(std::make_index_sequence<count>{});
    const std::array<const Variable<B>*, count> inputs{&first, &rest...};
    return detail::record_pointwise<B>(detail::AnyPointwise<B>::template of<count>(function),
                                       inputs, read, std::make_index_sequence<room>{});
}

}  // namespace kasmina::ops
