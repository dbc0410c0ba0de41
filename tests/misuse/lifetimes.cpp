// Use after the end - of a context, a model, a seed, or what was moved from - is an error or
// harmless.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "misuse/small_network.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::test::lifetimes_test {
namespace {

using Learner = train::Learner<Network, optim::SgdRule>;
using NormSeed = Seed<Stage::germinated, cnn::Norm, Cpu>;
using Batches = std::vector<LabelledBatch<Cpu>>;
using Trainer = train::Trainer<Network, optim::SgdRule, Batches, Batches, Once>;

[[nodiscard]] Variable<Cpu> loss_on(Network& model, Pass<Cpu>& pass) {
    return loss_of_labels()(model.forward(pass, images(model.context())));
}

[[nodiscard]] Batches batches(Cpu::Context& context) {
    Batches all;
    all.push_back({images(context), ClassLabels<Cpu>(context, labels, 2)});
    return all;
}

[[nodiscard]] NormSeed norm_seed(Cpu::Context& context) {
    Generator random(3);
    return germinate_seed<cnn::Norm, Cpu>(context, 4, random);
}

}  // namespace

// ---- a context that has gone -------------------------------------------------------------------

TEST_CASE("a tape notices that its context has gone", "[E-4]") {
    std::optional<Cpu::Context> context(std::in_place, 2);
    Tape<Cpu> tape(*context);
    const Variable<Cpu> x = tape.leaf({3}, std::vector<float>{1, 2, 3});
    const Variable<Cpu> y = ops::multiply(x, x);
    context.reset();
    CHECK_THROWS_AS(tape.context(), LifetimeError);
    CHECK_THROWS_AS(tape.constant({1}, std::vector<float>{1}), LifetimeError);
    CHECK_THROWS_AS(ops::add(y, y), LifetimeError);
    CHECK_THROWS_AS(y.to_host(), LifetimeError);
    CHECK_THROWS_AS(tape.backward(y, std::vector<float>{1, 1, 1}), LifetimeError);
    tape.clear();
}

TEST_CASE("what was computed on a context may go after it", "[E-4]") {
    std::optional<Cpu::Context> context(std::in_place, 2);
    const Tensor<Cpu> tensor = Tensor<Cpu>::full(*context, {100}, 2.0F);
    Pending<Cpu> pending = tensor.read(*context);
    std::optional<Tape<Cpu>> tape(std::in_place, *context);
    std::optional<Variable<Cpu>> kept(ops::relu(tape->constant(tensor)));
    SECTION("the tape first") {
        context.reset();
        tape.reset();
        kept.reset();
    }
    SECTION("the variable first") {
        context.reset();
        kept.reset();
        tape.reset();
    }
    CHECK(pending.values()[99] == 2.0F);
    CHECK(tensor.size() == 100);
}

TEST_CASE("a model notices that its context has gone", "[E-4]") {
    std::optional<Cpu::Context> context(std::in_place);
    Network model = network(*context);
    grow(model.slot("r0c0"), Stage::training);
    Learner learner(model, {});
    Grower grower(model, Once{}, 0.7);
    const auto snapshot = Snapshot<Cpu>::of(model);
    context.reset();
    CHECK_THROWS_AS(model.context(), LifetimeError);
    CHECK_THROWS_AS(model.slot("r1c0").germinate("norm"), LifetimeError);
    CHECK_THROWS_AS(Snapshot<Cpu>::of(model), LifetimeError);
    CHECK_THROWS_AS(snapshot.restore(model), LifetimeError);
    CHECK_THROWS_AS(model.record_gradient_health(), LifetimeError);
    CHECK_THROWS_AS(learner.state(model), LifetimeError);
    CHECK_THROWS_AS(grower.end_epoch(model, learner, 0.5, fifty_percent), LifetimeError);
    CHECK(model.slot("r0c0").stage() == Stage::training);
    CHECK_NOTHROW(model.slot("r0c0").prune("over"));
}

// ---- a seed or a model that has gone -----------------------------------------------------------

TEST_CASE("backward after a prune gives the host its gradient", "[E-4][S-4]") {
    Cpu::Context context;
    Network model = network(context);
    grow(model.slot("r0c0"), Stage::holding, "conv_light");
    Tape<Cpu> tape(context);
    Pass<Cpu> pass(tape, Mode::training);
    const auto loss = loss_on(model, pass);
    model.slot("r0c0").prune("mid-step");
    tape.backward(loss);
    CHECK(gradients(model).size() == model.host_parameters().size());
}

TEST_CASE("backward after the model has gone does no harm", "[E-4]") {
    Cpu::Context context;
    std::optional<Network> model(network(context));
    grow(model->slot("r0c0"), Stage::holding, "conv_heavy", {.algorithm = BlendAlgorithm::gate});
    Tape<Cpu> tape(context);
    Pass<Cpu> pass(tape, Mode::training);
    const auto loss = loss_on(*model, pass);
    model.reset();
    CHECK_NOTHROW(tape.backward(loss));
}

TEST_CASE("what lists parameters and states stays valid beyond their module", "[E-4][P-6]") {
    Cpu::Context context;
    std::optional<Network> model(network(context));
    grow(model->slot("r0c0"), Stage::training, "conv_light");
    const auto all = model->contents();
    const auto stream = model->slot("r0c0").random_stream();
    const SlotReport report = model->slot("r0c0").report();
    SECTION("a prune") {
        model->slot("r0c0").prune("gone");
    }
    SECTION("a move") {
        Network moved = std::move(*model);
    }
    SECTION("the model's end") {
        model.reset();
    }
    for (const auto& named : all.parameters) {
        CHECK(named.parameter->value().to_host(context).size() ==
              static_cast<std::size_t>(named.parameter->size()));
        named.parameter->set_trainable(false);
    }
    for (const auto& named : all.states) CHECK(named.state.clone(context).index() == 0);
    CHECK(stream->uniform() < 1.0);
    CHECK(report.blueprint == "conv_light");
}

TEST_CASE("an optimiser steps on when what it stepped has gone", "[E-4][H-7]") {
    Cpu::Context context;
    std::optional<Network> model(network(context));
    optim::Sgd<Cpu> sgd;
    sgd.add_group({.learning_rate = 0.1, .momentum = 0.9});
    sgd.synchronise(0, model->parameters());
    model.reset();
    CHECK_NOTHROW(sgd.step(context));
    CHECK(sgd.state(context).groups[0].parameters.empty());
}

TEST_CASE("gradients that were launched are read after the seed has gone", "[E-4][I-5]") {
    Cpu::Context context;
    Network model = network(context);
    grow(model.slot("r0c0"), Stage::holding);
    Tape<Cpu> tape(context);
    Pass<Cpu> pass(tape, Mode::training);
    tape.backward(loss_on(model, pass));
    model.launch_gradient_health();
    model.slot("r0c0").prune("gone");
    CHECK_NOTHROW(model.record_gradient_health());
}

TEST_CASE("a lesson for a seed that has gone or gone on is an error", "[E-4][I-9]") {
    Cpu::Context context;
    Network model = network(context);
    grow(model.slot("r0c0"), Stage::training);
    Tape<Cpu> tape(context);
    Pass<Cpu> pass(tape, Mode::training);
    std::vector<Network::Lesson> lessons;
    const auto output = model.forward(pass, images(context), {}, lessons);
    REQUIRE(lessons.size() == 1);
    SECTION("pruned") {
        model.slot("r0c0").prune("gone");
    }
    SECTION("of a slot that another model does not have") {
        lessons[0].slot = 9;
    }
    CHECK_THROWS_AS(model.forward_lesson(pass, lessons[0]), LifecycleError);
    CHECK_THROWS_AS(model.slot("r1c0").forward_taught(pass, output), LifecycleError);
}

TEST_CASE("a snapshot is restored into another model after its own has gone", "[E-4][K]") {
    Cpu::Context context;
    std::optional<Network> model(network(context));
    const auto snapshot = Snapshot<Cpu>::of(*model);
    const auto expected = values(*model);
    model.reset();
    Generator random(9);
    Network other(context, hosts::Cnn<Cpu>(context, small_host), {}, random);
    snapshot.restore(other);
    CHECK(values(other) == expected);
}

// ---- what was moved from -----------------------------------------------------------------------

TEST_CASE("a tensor that was moved from is empty, and moved to itself it is what it was", "[E-4]") {
    Cpu::Context context;
    Tensor<Cpu> from = Tensor<Cpu>::full(context, {3}, 1.0F);
    Tensor<Cpu>& same = from;
    from = std::move(same);
    CHECK(from.to_host(context) == std::vector<float>{1, 1, 1});
    const Tensor<Cpu> to = std::move(from);
    CHECK(from.empty());  // NOLINT(bugprone-use-after-move): all of this file asks for it
    CHECK(from.size() == 0);
    CHECK(from.data() == nullptr);
    CHECK(from.to_host(context).empty());
    CHECK(from.clone(context).empty());
    CHECK_THROWS_AS(from.copy_from(context, to), ShapeError);
    Tape<Cpu> tape(context);
    CHECK(tape.constant(from).shape() == Shape{0});
}

TEST_CASE("a parameter, a state and a layer that were moved from say so", "[E-4]") {
    Cpu::Context context;
    Generator random(1);
    Tape<Cpu> tape(context);
    Pass<Cpu> pass(tape, Mode::training);
    nn::Linear<Cpu> layer(context, 2, 2, random);
    const nn::Linear<Cpu> other = std::move(layer);
    CHECK_THROWS_AS(layer.weight.value(), LifetimeError);
    CHECK_THROWS_AS(layer.weight.shape(), LifetimeError);
    CHECK_THROWS_AS(layer.weight.set_trainable(true), LifetimeError);
    CHECK_THROWS_AS(nn::parameter_count(layer), LifetimeError);
    CHECK_THROWS_AS(nn::contents<Cpu>(layer), LifetimeError);
    CHECK_THROWS_AS(layer.forward(pass, tape.constant(Tensor<Cpu>::full(context, {1, 2}, 1.0F))),
                    LifetimeError);
    State<Cpu> state(Tensor<Cpu>::full(context, {1}, 1.0F));
    const State<Cpu> moved = std::move(state);
    CHECK_THROWS_AS(state.value(), LifetimeError);
}

TEST_CASE("a model that was moved from says so, whatever it is asked", "[E-4][S-11]") {
    Cpu::Context context;
    Network model = network(context);
    Network moved = std::move(model);
    Tape<Cpu> tape(context);
    Pass<Cpu> pass(tape, Mode::training);
    CHECK(model.slots().empty());
    CHECK_THROWS_AS(model.context(), LifetimeError);
    CHECK_THROWS_AS(model.slot("r0c0"), LifetimeError);
    CHECK_THROWS_AS(model.forward(pass, images(context)), LifetimeError);
    CHECK_THROWS_AS(model.contents(), LifetimeError);
    CHECK_THROWS_AS(model.parameters(), LifetimeError);
    CHECK_THROWS_AS(model.host_parameters(), LifetimeError);
    CHECK_THROWS_AS(model.seed_parameters(), LifetimeError);
    CHECK_THROWS_AS(model.step_epoch(), LifetimeError);
    CHECK_THROWS_AS(model.record_gradient_health(), LifetimeError);
    CHECK_THROWS_AS(model.total_parameters(), LifetimeError);
    CHECK_THROWS_AS(model.gates(), LifetimeError);
    CHECK_THROWS_AS(model.sink(), LifetimeError);
    CHECK_THROWS_AS(model.generator(), LifetimeError);
    CHECK_THROWS_AS(model.set_correlation_id("x"), LifetimeError);
    CHECK_THROWS_AS(Snapshot<Cpu>::of(model), LifetimeError);
    CHECK_THROWS_AS(Snapshot<Cpu>::of(moved).restore(model), LifetimeError);
    CHECK_THROWS_AS(evaluate_each(model, context, images(context), std::array{AlphaOverrides{}},
                                  [](std::size_t, const auto&) {}),
                    LifetimeError);
    CHECK(moved.slots().size() == 4);
}

TEST_CASE("a slot that was moved from is dormant", "[E-4][S-11]") {
    Cpu::Context context;
    Network model = network(context);
    grow(model.slot("r0c0"), Stage::training);
    auto slot = std::move(model.slot("r0c0"));
    CHECK(slot.stage() == Stage::training);
    CHECK(model.slot("r0c0").stage() == Stage::dormant);
    CHECK(model.slot("r0c0").report().blueprint.empty());
    CHECK(model.slot("r0c0").name() == "r0c0");
}

TEST_CASE("an optimiser that was moved from says so", "[E-4]") {
    Cpu::Context context;
    Network model = network(context);
    optim::Sgd<Cpu> sgd;
    sgd.add_group({.learning_rate = 0.1});
    sgd.synchronise(0, model.parameters());
    optim::Sgd<Cpu> moved = std::move(sgd);
    CHECK_THROWS_AS(sgd.step(context), LifetimeError);
    CHECK_THROWS_AS(sgd.add_group({.learning_rate = 0.1}), LifetimeError);
    CHECK_THROWS_AS(sgd.synchronise(0, model.parameters()), LifetimeError);
    CHECK_THROWS_AS(sgd.set_learning_rate(0, 0.2), LifetimeError);
    CHECK_NOTHROW(sgd.zero_gradients());
    CHECK_NOTHROW(moved.step(context));
    sgd = std::move(moved);
    CHECK_NOTHROW(sgd.step(context));
}

TEST_CASE("a learner that was moved from says so, and so does one of another model", "[E-4][E-5]") {
    Cpu::Context context;
    Network model = network(context);
    Learner learner(model, {});
    const auto step = [&](Learner& by, Network& on) {
        static_cast<void>(by.step(on, images(context), loss_of_labels()));
    };
    SECTION("moved from") {
        Learner moved = std::move(learner);
        CHECK_THROWS_AS(step(learner, model), LifetimeError);
        CHECK_THROWS_AS(learner.synchronise(model), LifetimeError);
        CHECK_THROWS_AS(learner.settle(model), LifetimeError);
        CHECK_THROWS_AS(learner.state(model), LifetimeError);
        CHECK_THROWS_AS(learner.set_learning_rates(0.1, 0.1), LifetimeError);
        CHECK_NOTHROW(step(moved, model));
    }
    SECTION("its model moved") {
        Network elsewhere = std::move(model);
        CHECK_NOTHROW(step(learner, elsewhere));
        CHECK_THROWS_AS(step(learner, model), LifetimeError);
    }
    SECTION("another model, whose parameters it would never step") {
        Network other = network(context);
        CHECK_THROWS_AS(step(learner, other), StateError);
        learner.synchronise(other);
        CHECK_NOTHROW(step(learner, other));
    }
    SECTION("another model in the place of its own") {
        model = network(context);
        CHECK_THROWS_AS(step(learner, model), StateError);
    }
}

TEST_CASE("a grower that was moved from says so, and it follows its model where that moves",
          "[E-4][E-5]") {
    Cpu::Context context;
    Network model = network(context);
    Grower grower(
        model, Once{{{.slot = "r0c0", .action = Decision::Action::germinate, .blueprint = "norm"}}},
        0.7);
    SECTION("moved from") {
        auto moved = std::move(grower);
        CHECK_THROWS_AS(grower.end_epoch(model, 0.5, fifty_percent), LifetimeError);
        CHECK_NOTHROW(moved.end_epoch(model, 0.5, fifty_percent));
    }
    SECTION("its model moved") {
        Network elsewhere = std::move(model);
        CHECK_THROWS_AS(grower.end_epoch(model, 0.5, fifty_percent), LifetimeError);
        CHECK(grower.epoch() == 0);
        grower.end_epoch(elsewhere, 0.5, fifty_percent);
        CHECK(elsewhere.slot("r0c0").stage() == Stage::germinated);
    }
    SECTION("another model") {
        Network other = network(context);
        CHECK_THROWS_AS(grower.end_epoch(other, 0.5, fifty_percent), StateError);
        CHECK(grower.epoch() == 0);
    }
}

TEST_CASE("a trainer that was moved from says so", "[E-4]") {
    Cpu::Context context;
    Network model = network(context);
    Trainer trainer(model, batches(context), batches(context), {}, Once{},
                    {.epochs = 2, .random_guess_loss = 0.7});
    Trainer moved = std::move(trainer);
    CHECK_THROWS_AS(trainer.epoch(model), LifetimeError);
    CHECK_THROWS_AS(trainer.run(model, [](const auto&) {}), LifetimeError);
    CHECK_THROWS_AS(trainer.score(model), LifetimeError);
    Network elsewhere = std::move(model);
    CHECK_THROWS_AS(moved.epoch(model), LifetimeError);
    CHECK_NOTHROW(moved.epoch(elsewhere));
}

TEST_CASE("a typed seed that was moved from says so, whatever it is asked", "[E-4][S-10]") {
    Cpu::Context context;
    NormSeed seed = norm_seed(context);
    SECTION("by a move") {
        NormSeed moved = std::move(seed);
    }
    SECTION("by a step") {
        static_cast<void>(std::move(seed).advance<Stage::training>(DefaultGates{}));
    }
    SECTION("by a prune") {
        static_cast<void>(std::move(seed).prune("over"));
    }
    SECTION("by a release") {
        static_cast<void>(std::move(seed).release());
    }
    SECTION("by planting it") {
        Network model = network(context);
        REQUIRE(model.slot("r0c0").plant(std::move(seed)).advanced);
        Network other = network(context);
        CHECK_THROWS_AS(other.slot("r0c0").plant(std::move(seed)), LifetimeError);
    }
    Tape<Cpu> tape(context);
    Pass<Cpu> pass(tape, Mode::training);
    CHECK_THROWS_AS(seed.record(), LifetimeError);
    CHECK_THROWS_AS(seed.module(), LifetimeError);
    CHECK_THROWS_AS(seed.width(), LifetimeError);
    CHECK_THROWS_AS(seed.parameters(), LifetimeError);
    CHECK_THROWS_AS(seed.isolated(), LifetimeError);
    CHECK_THROWS_AS(seed.forward(pass, tape.constant({1, 1, 1, 4}, std::vector<float>(4))),
                    LifetimeError);
    CHECK_THROWS_AS(seed.tick(), LifetimeError);
    CHECK_THROWS_AS(std::move(seed).advance<Stage::training>(DefaultGates{}), LifetimeError);
    CHECK_THROWS_AS(std::move(seed).prune("again"), LifetimeError);
    CHECK_THROWS_AS(std::move(seed).release(), LifetimeError);
}

TEST_CASE("a typed seed is made of a seed, and not of nothing", "[E-4]") {
    CHECK_THROWS_AS(NormSeed(NormSeed::State{}), LifetimeError);
}

TEST_CASE("what an advance did not leave is an error to take", "[E-4][G-0]") {
    Cpu::Context context;
    auto advanced = norm_seed(context).advance<Stage::training>(DefaultGates{});
    REQUIRE(advanced.passed());
    CHECK_THROWS_AS(std::move(advanced).same(), GateError);
    auto refused = std::move(advanced).next().template advance<Stage::blending>(DefaultGates{});
    REQUIRE_FALSE(refused.passed());
    const std::string text =
        error_text<GateError>([&] { static_cast<void>(std::move(refused).next()); });
    CHECK(mentions(text, "G2 refused"));
    CHECK_NOTHROW(std::move(refused).same());
    auto again = std::move(refused).same();
    CHECK_THROWS_AS(again.record(), LifetimeError);
}

}  // namespace kasmina::test::lifetimes_test
