// learn: forward, loss and backward of a growing network, with the lessons of its newborn seeds.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
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

namespace detail {

[[noreturn]] KASMINA_COLD inline void refuse_silent_tape() {
    throw TapeError("nothing can be learnt on this tape", "train::learn",
                    "a pass on a tape that records gradients", "one with Recording::none",
                    "make the tape as Tape(context)");
}

/// Something is to be trained, and the loss is not made of it.
[[noreturn]] KASMINA_COLD inline void refuse_detached_loss() {
    throw TapeError("the loss does not depend on the network's output", "train::learn",
                    "a loss that is computed from the output by differentiable operations",
                    "a constant", "compute it with ops from the output that the loss is given");
}

}  // namespace detail

/// The way back from a loss as it is.
struct WholeLoss {
    template <class B>
    void operator()(Tape<B>& tape, const Variable<B>& loss) const {
        tape.backward(loss);
    }
};

/// As below, with `observe(output)` called with the network's own output, and room for the lessons
/// that is used again; it is empty after the call. The seeds in the slots `waiting`, by their
/// places in the order of execution, get no lesson this time. `backward(tape, loss)` takes the way
/// back of the network's own loss and of those of lessons.
template <class Model, class Loss,
          std::invocable<const typename Model::Output&> Observe = Unobserved,
          class Backward = WholeLoss>
Variable<typename Model::Backend> learn(const Model& model, Pass<typename Model::Backend>& pass,
                                        const typename Model::Input& input, Loss&& loss,
                                        const AlphaOverrides& overrides,
                                        std::vector<typename Model::Lesson>& lessons,
                                        Observe&& observe = {},
                                        std::span<const std::size_t> waiting = {},
                                        const Backward& backward = {}) {
    KASMINA_REQUIRE_LOSS(Loss, Model)
    if (!pass.recording()) detail::refuse_silent_tape();
    lessons.clear();
    auto attempt = model.attempt(pass);
    bool learns = false;
    const Variable<typename Model::Backend> value = [&] {
        const Index before = pass.tape().operations();
        const typename Model::Output output =
            model.forward(pass, input, overrides, lessons, waiting);
        learns = pass.tape().operations() > before;
        observe(output);
        return loss(output);
    }();
    if (value.requires_gradient()) {
        backward(pass.tape(), value);
    } else if (learns) {
        detail::refuse_detached_loss();
    }
    for (auto& lesson : lessons) {
        const auto taught = loss(model.forward_lesson(pass, std::move(lesson)));
        if (taught.requires_gradient()) backward(pass.tape(), taught);
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
/// `MorphogeneticModel::forward`, `loss` and `Tape::backward`; TapeError for a tape that does not
/// record, and for a loss that does not depend on the output where something is trained. States and
/// random streams are then as they were, and no parameter claims a gradient.
template <class Model, class Loss>
Variable<typename Model::Backend> learn(const Model& model, Pass<typename Model::Backend>& pass,
                                        const typename Model::Input& input, Loss&& loss,
                                        const AlphaOverrides& overrides = {}) {
    KASMINA_REQUIRE_LOSS(Loss, Model)
    std::vector<typename Model::Lesson> lessons;
    return learn(model, pass, input, loss, overrides, lessons);
}

}  // namespace kasmina::train
