// learn: forward, loss and backward of a growing network, with the lessons of its newborn seeds.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <kasmina/model/model.hpp>

namespace kasmina::train {

/// `loss(output)`: one value of the network's output.
template <class L, class Model>
concept LossOf = requires(L& loss, const typename Model::Output& output) {
    { loss(output) } -> std::same_as<Variable<typename Model::Backend>>;
};

/// Says in one line what a loss must be; a macro, so that it stands where the compiler comes by
/// first.
#define KASMINA_REQUIRE_LOSS(LOSS, MODEL)                                                         \
    static_assert(::kasmina::train::LossOf<LOSS, MODEL>,                                          \
                  "LossOf: let the loss be called as `loss(output)` and return one Variable, as " \
                  "ops::cross_entropy(output, labels) does");

/// For those who only want the loss.
struct Unobserved {
    template <class Output>
    void operator()(const Output&) const noexcept {}
};

/// As below, with `observe(output)` called with the network's own output, and room for the lessons
/// that is used again; it is empty after the call. The seeds in the slots `waiting`, by their
/// places in the order of execution, get no lesson this time.
template <class Model, class Loss,
          std::invocable<const typename Model::Output&> Observe = Unobserved>
Variable<typename Model::Backend> learn(const Model& model, Pass<typename Model::Backend>& pass,
                                        const typename Model::Input& input, Loss&& loss,
                                        const AlphaOverrides& overrides,
                                        std::vector<typename Model::Lesson>& lessons,
                                        Observe&& observe = {},
                                        std::span<const std::size_t> waiting = {}) {
    KASMINA_REQUIRE_LOSS(Loss, Model)
    lessons.clear();
    auto attempt = model.attempt(pass);
    const Variable<typename Model::Backend> value = [&] {
        const typename Model::Output output =
            model.forward(pass, input, overrides, lessons, waiting);
        observe(output);
        return loss(output);
    }();
    if (value.requires_gradient()) pass.tape().backward(value);
    for (auto& lesson : lessons) {
        const auto taught = loss(model.forward_lesson(pass, std::move(lesson)));
        if (taught.requires_gradient()) pass.tape().backward(taught);
    }
    lessons.clear();
    attempt.succeed();
    return value;
}

/// What a training step without its optimiser is: the network's output, its loss, and the way
/// back; then, for each seed in training that is incubated by feedback, a pass with that seed at
/// its target amplitude behind a frozen network, and the way back of that loss, which reaches the
/// seed alone (I-9). The pass through the host up to the slot is shared, the network's own
/// activations are let go before, and gradients and statistics of the host are bit for bit those
/// without any of it. `overrides` replaces amplitudes; a slot that it names gets no lesson. Returns
/// the network's own loss, to be read when there is time. Errors: those of
/// `MorphogeneticModel::forward`, `loss` and `Tape::backward`; states and random streams are then
/// as they were, and no parameter claims a gradient.
template <class Model, class Loss>
Variable<typename Model::Backend> learn(const Model& model, Pass<typename Model::Backend>& pass,
                                        const typename Model::Input& input, Loss&& loss,
                                        const AlphaOverrides& overrides = {}) {
    KASMINA_REQUIRE_LOSS(Loss, Model)
    std::vector<typename Model::Lesson> lessons;
    return learn(model, pass, input, loss, overrides, lessons);
}

}  // namespace kasmina::train
