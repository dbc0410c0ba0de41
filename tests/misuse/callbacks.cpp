// What a user's own function does in the middle of a call: it throws, or changes what is at work.
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "misuse/small_network.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::test::callbacks_test {
namespace {

using Learner = train::Learner<Network, optim::SgdRule>;
using Batches = std::vector<LabelledBatch<Cpu>>;

struct Mine : std::runtime_error {
    Mine() : std::runtime_error("mine") {}
};

[[nodiscard]] HeuristicController controller() {
    return HeuristicController({.slots = {"r0c1"}, .blueprints = {"norm"}});
}

/// A tape, a pass that trains, and a network on one context.
struct Step {
    Cpu::Context context{};
    Network model = network(context);
    Generator random{4};
    Tape<Cpu> tape{context};
    Pass<Cpu> pass{tape, Mode::training, random};
};

[[nodiscard]] Batches batches(Cpu::Context& context) {
    Batches all;
    all.push_back({images(context), ClassLabels<Cpu>(context, labels, 2)});
    return all;
}

template <class HeldOut>
[[nodiscard]] auto trainer(Network& model, HeldOut held_out) {
    return train::Trainer<Network, optim::SgdRule, Batches, HeldOut, HeuristicController>(
        model, batches(model.context()), std::move(held_out), {}, controller(),
        {.epochs = 2, .random_guess_loss = 0.7});
}

}  // namespace

// ---- a loss ------------------------------------------------------------------------------------

TEST_CASE("a loss that prunes the seed whose lesson is next is an error and no harm", "[E-4]") {
    Step step;
    auto& slot = step.model.slot("r0c0");
    grow(slot, Stage::training, "conv_light");
    const Generator::State before = step.random.state();
    const auto prune = [&](const Variable<Cpu>& logits) {
        if (slot.stage() == Stage::training) slot.prune("in the middle of a step");
        return loss_of_labels()(logits);
    };
    CHECK_THROWS_AS(train::learn(step.model, step.pass, images(step.context), prune),
                    LifecycleError);
    CHECK(step.random.state() == before);
    step.tape.clear();
    CHECK_NOTHROW(train::learn(step.model, step.pass, images(step.context), loss_of_labels()));
}

TEST_CASE("a loss that moves the model away and throws is no harm", "[E-4][S-11]") {
    Step step;
    grow(step.model.slot("r0c0"), Stage::training, "conv_light");
    std::optional<Network> elsewhere;
    const auto steal = [&](const Variable<Cpu>& logits) {
        elsewhere.emplace(std::move(step.model));
        elsewhere.reset();
        if (logits.shape()[0] > 0) throw Mine();
        return logits;
    };
    CHECK_THROWS_AS(train::learn(step.model, step.pass, images(step.context), steal), Mine);
}

TEST_CASE("a loss that is not made of the output is an error, where something is to be trained",
          "[E-5]") {
    Step step;
    const auto constant = [&](const Variable<Cpu>& logits) {
        return logits.tape().constant(Shape{}, std::vector<float>{1.0F});
    };
    const auto learn = [&] {
        step.tape.clear();
        train::learn(step.model, step.pass, images(step.context), constant);
    };
    CHECK_THROWS_AS(learn(), TapeError);
    Learner learner(step.model, {});
    CHECK_THROWS_AS(learner.step(step.model, images(step.context), constant), TapeError);
    nn::set_trainable(step.model.host(), false);
    CHECK_NOTHROW(learn());
}

TEST_CASE("learning on a tape that does not record is an error", "[E-5]") {
    Step step;
    Tape<Cpu> silent(step.context, Recording::none);
    Pass<Cpu> pass(silent, Mode::training);
    CHECK_THROWS_AS(train::learn(step.model, pass, images(step.context), loss_of_labels()),
                    TapeError);
}

// ---- measurements ------------------------------------------------------------------------------

TEST_CASE("an epoch whose measurement fails has not ended", "[E-2]") {
    Step step;
    auto& slot = step.model.slot("r0c0");
    grow(slot, Stage::training, "conv_light");
    train::learn(step.model, step.pass, images(step.context), loss_of_labels());
    Grower grower(step.model, controller(), 0.7);
    const auto end_epoch = [&](const auto& accuracies) {
        return grower.end_epoch(step.model, 0.7, accuracies);
    };
    const int in_stage = slot.record()->metrics.epochs_in_stage;
    CHECK_THROWS_AS(
        end_epoch([](std::span<const AlphaOverrides>) -> std::vector<double> { throw Mine(); }),
        Mine);
    CHECK_THROWS_AS(end_epoch([](std::span<const AlphaOverrides> configurations) {
                        return std::vector<double>(configurations.size(),
                                                   std::numeric_limits<double>::quiet_NaN());
                    }),
                    NumericError);
    CHECK_THROWS_AS(
        end_epoch([](std::span<const AlphaOverrides>) { return std::vector<double>{}; }),
        ShapeError);
    CHECK(grower.epoch() == 0);
    CHECK(grower.state(step.context).governor.losses.empty());
    CHECK(slot.record()->metrics.epochs_in_stage == in_stage);
    CHECK_FALSE(slot.record()->metrics.gradient_ratio.has_value());
    CHECK(end_epoch(fifty_percent).epoch == 1);
    CHECK(slot.record()->metrics.gradient_ratio.has_value());
}

TEST_CASE("held-out batches that do not fit are found before anything is trained", "[E-6]") {
    Cpu::Context context;
    Network model = network(context);
    const auto before = values(model);
    CHECK_THROWS_AS(trainer(model, Batches{}), OptionError);
    Batches fewer_labels;
    fewer_labels.push_back(
        {images(context), ClassLabels<Cpu>(context, std::span(labels).first(1), 2)});
    CHECK_THROWS_AS(trainer(model, std::move(fewer_labels)), ShapeError);
    Batches other_images;
    other_images.push_back({Tensor<Cpu>::from_host(context, {2, 4, 4, 3}, std::vector<float>(96)),
                            ClassLabels<Cpu>(context, labels, 2)});
    CHECK_THROWS_AS(trainer(model, std::move(other_images)), ShapeError);
    CHECK(values(model) == before);
    CHECK_NOTHROW(trainer(model, batches(context)));
}

TEST_CASE("an observer that throws does not take the epoch back", "[E-6]") {
    Cpu::Context context;
    Network model = network(context);
    auto run = trainer(model, batches(context));
    CHECK_THROWS_AS(run.run(model, [](const train::EpochResult&) { throw Mine(); }), Mine);
    CHECK(run.epochs_done() == 1);
    int told = 0;
    run.run(model, [&](const train::EpochResult&) { ++told; });
    CHECK(told == 1);
}

// ---- scores, judges and blueprints
// ---------------------------------------------------------------

TEST_CASE("a score that moves the model away is an error", "[E-4][S-11]") {
    Cpu::Context context;
    Network model = network(context);
    grow(model.slot("r0c0"), Stage::blending, "conv_light");
    const Batches data = batches(context);
    const std::vector<AlphaOverrides> configurations{AlphaOverrides{}.with("r0c0", 0.0),
                                                     AlphaOverrides{}.with("r0c0", 1.0)};
    std::optional<Network> elsewhere;
    const auto steal = [&](const auto&, const Variable<Cpu>&) {
        if (!elsewhere) elsewhere.emplace(std::move(model));
        return 1.0;
    };
    CHECK_THROWS_AS(mean_scores(model, context, configurations, data, steal), LifetimeError);
}

TEST_CASE("while the shadow stands in the model's place nothing else is done to it", "[E-4][J-4]") {
    Cpu::Context context;
    Network model = network(context);
    auto& slot = model.slot("r0c0");
    grow(slot, Stage::blending, "conv_light");
    Learner learner(model, {.host = {.learning_rate = 0.1}, .seeds = {.learning_rate = 0.1}});
    const auto step = [&] {
        static_cast<void>(learner.step(model, images(context), loss_of_labels()));
    };
    for (int epoch = 0; epoch < 3; ++epoch) {
        step();
        slot.step_epoch();
    }
    slot.advance();
    REQUIRE(slot.stage() == Stage::holding);
    REQUIRE(learner.judge().judges(slot));
    Grower grower(model, controller(), 0.7);
    const auto end_epoch = [&](const auto& meddle) {
        int calls = 0;
        return grower.end_epoch(model, learner, 0.7, [&](std::span<const AlphaOverrides> asked) {
            if (++calls == 2) meddle();  // the shadow is measured
            return std::vector<double>(asked.size(), 50.0);
        });
    };
    const auto before = values(model);
    CHECK_THROWS_AS(end_epoch(step), StateError);
    CHECK_THROWS_AS(end_epoch([&] {
                        slot.prune("in the middle");
                        learner.settle(model);
                    }),
                    StateError);
    CHECK(slot.stage() == Stage::pruned);
    const auto after = values(model);
    for (const auto& [name, value] : after) CHECK(before.at(name) == value);
    CHECK(learner.settle(model));
}

namespace {

/// Does not use what it has.
struct Idle : cnn::ConvSmall {
    static constexpr std::string_view name = "idle";

    template <class B>
    struct Module : cnn::ConvSmall::Module<B> {
        using cnn::ConvSmall::Module<B>::Module;
        [[nodiscard]] Variable<B> forward(Pass<B>&, const Variable<B>& x) const { return x; }
    };
};

}  // namespace

TEST_CASE("a blueprint that does not use its parameters is told of", "[E-5][B-8]") {
    Cpu::Context context;
    Generator random(1);
    MorphogeneticModel model{context, hosts::Cnn<Cpu>(context, small_host), BlueprintList<Idle>{},
                             random};
    model.slot("r0c0").germinate("idle");
    model.slot("r0c0").advance();
    train::Learner<decltype(model), optim::SgdRule> learner(model, {});
    std::string told;
    for (int epoch = 0; epoch < 3; ++epoch) {
        static_cast<void>(learner.step(model, images(context), loss_of_labels()));
        model.record_gradient_health();
        for (const TickResult& tick : model.step_epoch()) told += tick.notice;
    }
    CHECK(mentions(told, "no gradient reaches idle in r0c0"));
    CHECK(mentions(told, "computed from its parameters"));
    CHECK(told.find("no gradient", 1) == std::string::npos);
}

}  // namespace kasmina::test::callbacks_test
