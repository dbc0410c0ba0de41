// recompute: a scope whose inner values are dropped and computed again on the way back.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

#include <kasmina/autodiff/inner_tape.hpp>
#include <kasmina/autodiff/pass.hpp>

namespace kasmina::ops {
namespace detail {

template <class B, class Function, std::size_t... Is>
[[nodiscard]] Variable<B> call(Function& function, Pass<B>& pass,
                               const std::array<Variable<B>, sizeof...(Is)>& inputs,
                               std::index_sequence<Is...>) {
    return function(pass, inputs[Is]...);
}

template <class B, class Function, std::size_t Count>
struct RecomputeOperation {
    Function function;
    std::array<Variable<B>, Count> inputs;
    Pass<B> pass;
    std::optional<Generator> generator;  // as it stood before the scope

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        InnerTape<B> inner(tape, Recording::gradients);
        const std::array<Variable<B>, Count> views =
            viewed(inner, std::make_index_sequence<Count>{});
        std::optional<Generator> stream = generator;
        Pass<B> again = pass.again_on(inner.tape(), stream ? &*stream : nullptr);
        const Variable<B> output =
            call<B>(function, again, views, std::make_index_sequence<Count>{});
        if (!output.requires_gradient()) return;
        inner.tape().backward(output, upstream);
        for (std::size_t i = 0; i < Count; ++i) inner.hand_gradient(views[i], inputs[i]);
    }

    template <std::size_t... Is>
    [[nodiscard]] std::array<Variable<B>, Count> viewed(InnerTape<B>& inner,
                                                        std::index_sequence<Is...>) const {
        return {inner.view(inputs[Is], inputs[Is].requires_gradient())...};
    }
};

}  // namespace detail

/// What `function(pass, inputs...)` gives, without keeping what it computes on the way: backward
/// runs it once more and gets the same bits, random ops and batch statistics included, for the
/// memory of the inputs alone ("activation checkpointing", Chen et al., "Training deep nets with
/// sublinear memory cost", 2016). `function` takes a `Pass<B>&` and as many variables, and gives
/// one variable; it is copied onto the tape, and what it refers to must live until backward is over
/// (or be handed to `Tape::keep`). It must compute the same both times: parameters may not change
/// in between, and it may not use variables other than those that it is given. Running statistics
/// move in forward only. In a pass that does not record it is just a call.
template <class B, class Function, std::same_as<Variable<B>>... Rest>
    requires std::same_as<
        std::invoke_result_t<Function&, Pass<B>&, const Variable<B>&, const Rest&...>, Variable<B>>
[[nodiscard]] Variable<B> recompute(Pass<B>& pass, Function function, const Variable<B>& first,
                                    const Rest&... rest) {
    if (!pass.recording()) return function(pass, first, rest...);
    constexpr std::size_t count = 1 + sizeof...(Rest);
    const std::optional<Generator> before =
        pass.generator() == nullptr ? std::nullopt : std::optional<Generator>(*pass.generator());
    Tape<B>& tape = pass.tape();
    InnerTape<B> inner(tape, Recording::none);
    Pass<B> inside = pass.on(inner.tape());
    Variable<B> output = function(inside, inner.view(first, false), inner.view(rest, false)...);
    const Shape shape = output.shape();
    const bool wanted = inner.reached_parameters() || first.requires_gradient() ||
                        (rest.requires_gradient() || ...);
    auto value = inner.take(std::move(output));
    return tape.record(shape, std::move(value), wanted,
                       detail::RecomputeOperation<B, Function, count>{
                           std::move(function), {first, rest...}, pass, before});
}

}  // namespace kasmina::ops
