// A small network that trains with a seed, written once for any backend, and what it leaves behind.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/optim/adamw.hpp>
#include <kasmina/optim/clip_gradients.hpp>
#include <kasmina/testing/gradient_check.hpp>
#include <kasmina/train/learn.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"

namespace kasmina::test {

inline const hosts::CnnOptions small_host{
    .classes = 3, .base = 4, .blocks = 2, .height = 6, .width = 6};
inline constexpr Index small_batch = 2;
inline const std::vector<std::int32_t> small_labels{2, 0};

/// Every number that a run produced, in order: equal runs have equal bits.
using Trace = std::vector<double>;

template <class Values>
void note(Trace& trace, const Values& values) {
    trace.insert(trace.end(), values.begin(), values.end());
}

/// The network, its optimiser and what a step needs, on one context.
template <class B, class Blueprints>
struct Training {
    using Model = MorphogeneticModel<hosts::Cnn<B>, Blueprints, OpenPolicies>;

    explicit Training(typename B::Context& with)
        : context(with),
          generator(5),
          model(context, hosts::Cnn<B>(context, small_host), Blueprints{}, generator),
          images(Tensor<B>::from_host(
              context, {small_batch, 6, 6, 3},
              testing::normal_values<typename B::Scalar>(small_batch * 6 * 6 * 3, 2))),
          labels(context, small_labels, small_host.classes),
          tape(context),
          clipper(0.5) {
        optimiser.add_group({.learning_rate = 0.01});
    }

    /// Plants a seed and takes it to a stage, halfway up its ramp where it is blending.
    void grow(std::string_view blueprint, BlendAlgorithm algorithm, Stage goal,
              std::string_view name = "r1c0", Incubation incubation = Incubation::feedback) {
        auto& slot = model.slot(name);
        const bool half = goal == Stage::blending;
        slot.germinate(blueprint, {.algorithm = algorithm,
                                   .tempo_epochs = 1,
                                   .alpha_target = half ? 0.5 : 1.0,
                                   .incubation = incubation});
        while (slot.stage() != goal) REQUIRE(slot.advance().advanced);
        if (half) slot.step_epoch();
        REQUIRE(slot.stage() == goal);
        REQUIRE(slot.alpha() == (half                                                  ? 0.5
                                 : goal == Stage::holding || goal == Stage::fossilized ? 1.0
                                                                                       : 0.0));
    }

    /// One step, which waits for nothing. What it gives can be read when somebody likes to.
    struct Step {
        Pending<B> loss;
        Pending<B, double> norm;
    };
    Step step() {
        tape.clear();
        optimiser.synchronise(0, model.parameters());
        optimiser.zero_gradients();
        Pass<B> pass(tape, Mode::training, generator);
        const Variable<B> loss = train::learn(
            model, pass, images,
            [this](const Variable<B>& logits) { return ops::cross_entropy(logits, labels); });
        model.launch_gradient_health();
        const auto all = model.parameters();
        Pending<B, double> norm = clipper.clip(context, model.pointers(all));
        optimiser.step(context);
        return {loss.read(), std::move(norm)};
    }

    /// Notes logits in evaluation, and each parameter with its gradient.
    void note_all(Trace& trace) {
        Tape<B> evaluation(context, Recording::none);
        Pass<B> pass(evaluation, Mode::evaluation);
        note(trace, model.forward(pass, images).to_host());
        for (const auto& named : model.parameters()) {
            note(trace, named.parameter->value().to_host(context));
            if (named.parameter->has_gradient()) {
                note(trace, named.parameter->gradient().to_host(context));
            }
        }
    }

    typename B::Context& context;
    Generator generator;
    Model model;
    Tensor<B> images;
    ClassLabels<B> labels;
    Tape<B> tape;
    optim::AdamW<B> optimiser;
    optim::GradientClipper<B> clipper;
};

/// Steps of a network with a seed of that kind in that stage, each read back whole.
template <class B, class Blueprints>
[[nodiscard]] Trace trace_of_seed(int steps, std::string_view blueprint, BlendAlgorithm algorithm,
                                  Stage stage, Incubation incubation = Incubation::feedback) {
    typename B::Context context{};
    Training<B, Blueprints> training(context);
    training.grow(blueprint, algorithm, stage, "r1c0", incubation);
    Trace trace;
    for (int i = 0; i < steps; ++i) {
        auto step = training.step();
        trace.push_back(step.norm.get());
        trace.push_back(step.loss.get());
        training.note_all(trace);
        training.model.step_epoch();
    }
    return trace;
}

}  // namespace kasmina::test
