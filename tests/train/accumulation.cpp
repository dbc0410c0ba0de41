// Accumulation: small batches that are one step are one large batch, to seeds and shadows too.
#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <kasmina/policy/idle_controller.hpp>
#include <kasmina/train/trainer.hpp>

#include "support/catch.hpp"
#include "train/still_run.hpp"

namespace kasmina::accumulation_test {
namespace {

using B = test::StillBackend;
using Model = test::StillModel;
using Learner = train::Learner<Model, optim::SgdRule>;
using Values = std::map<std::string, std::vector<double>>;

[[nodiscard]] train::LearnerOptions<optim::SgdRule> options(int accumulate) {
    return {.host = {.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 0.01},
            .seeds = {.learning_rate = 0.1, .momentum = 0.9},
            .lesson_rate = 0.5,
            .lesson_every = 2,
            .accumulate_batches = accumulate,
            .max_gradient_norm = 0.05};
}

struct Run {
    explicit Run(int accumulate) : learner(model, options(accumulate), Generator(7)) {}

    double step(const test::StillBatch& batch) {
        return static_cast<double>(learner
                                       .step(model, batch.input,
                                             [&](const Variable<B>& logits) {
                                                 return ops::cross_entropy(logits, batch.labels);
                                             })
                                       .get());
    }
    void grow_to(Stage stage) {
        auto& slot = model.slot("point");
        if (slot.stage() == Stage::dormant) slot.germinate("conv_light");
        while (slot.stage() != stage) REQUIRE(slot.advance().advanced);
        model.step_epoch();
    }

    B::Context context{};
    Model model = test::still_model(context);
    Learner learner;
};

[[nodiscard]] double distance(const Values& a, const Values& b) {
    REQUIRE(a.size() == b.size());
    double worst = 0.0;
    for (const auto& [name, values] : a) {
        const auto& others = b.at(name);
        REQUIRE(values.size() == others.size());
        for (std::size_t i = 0; i < values.size(); ++i) {
            worst = std::max(worst, std::abs(values[i] - others[i]));
        }
    }
    return worst;
}

TEST_CASE("batches that are one step are one large batch: host, lessons, clipping, shadow",
          "[N-6][I-9][J-1]") {
    Run large(1);
    Run small(2);
    const auto batches = examples::stripes<B>(large.context, 24, 5);
    std::size_t next = 0;
    const auto train = [&](int steps) {
        for (int i = 0; i < steps; ++i, next += 2) {
            const double loss = large.step(
                test::together(large.context, batches[next % 24], batches[(next + 1) % 24]));
            const double first = small.step(batches[next % 24]);
            CHECK(small.learner.batches_under_way() == 1);
            const double second = small.step(batches[(next + 1) % 24]);
            CHECK(small.learner.batches_under_way() == 0);
            CHECK((first + second) / 2.0 == Approx(loss).epsilon(1e-12));
        }
        CHECK(small.learner.steps() == large.learner.steps());
        CHECK(distance(test::values_of(large.model), test::values_of(small.model)) < 1e-12);
    };
    const Values start = test::values_of(large.model);
    train(3);
    CHECK(distance(start, test::values_of(large.model)) > 1e-3);
    for (const Stage stage : {Stage::training, Stage::blending, Stage::holding}) {
        CAPTURE(name_of(stage));
        large.grow_to(stage);
        small.grow_to(stage);
        const Values seed = test::values_of(large.model, "slots/");
        train(5);
        CHECK(distance(seed, test::values_of(large.model, "slots/")) > 1e-6);
    }
    // The shadow has had the same steps, and is not the network.
    auto shadow_of = [](Run& run) {
        auto state = run.learner.state(run.model);
        REQUIRE(state.judge.shadow);
        CHECK(state.judge.shadow->steps == 10);
        Values values;
        for (const auto& [name, tensor] : state.judge.shadow->values.parameters) {
            values[name] = tensor.to_host(run.context);
        }
        return values;
    };
    const Values shadow = shadow_of(large);
    CHECK(distance(shadow, shadow_of(small)) < 1e-12);
    CHECK(distance(shadow, test::values_of(large.model, "host/")) > 1e-6);
    // A refused seed leaves the same network.
    for (Run* run : {&large, &small}) {
        run->model.slot("point").prune("test", "test");
        run->model.step_epoch();
        CHECK(run->learner.settle(run->model));
    }
    CHECK(distance(shadow, test::values_of(small.model, "host/")) < 1e-12);
    train(3);
}

TEST_CASE("a step that is ended early is one of the batches that it had", "[N-6]") {
    Run large(1);
    Run small(3);
    const auto batches = examples::stripes<B>(large.context, 2, 5);
    CHECK_FALSE(small.learner.finish_step(small.model));
    for (int i = 0; i < 3; ++i) {
        large.step(test::together(large.context, batches[0], batches[1]));
        small.step(batches[0]);
        small.step(batches[1]);
        CHECK_THROWS_AS(small.learner.state(small.model), StateError);
        CHECK(small.learner.finish_step(small.model));
        CHECK(small.learner.steps() == i + 1);
    }
    CHECK(distance(test::values_of(large.model), test::values_of(small.model)) < 1e-12);
}

TEST_CASE("after an error a step of several batches begins anew", "[N-6][E-2]") {
    Run run(2);
    Run other(2);
    const auto batches = examples::stripes<B>(run.context, 3, 5);
    for (Run* each : {&run, &other}) {
        each->grow_to(Stage::blending);
        each->step(batches[0]);
        each->step(batches[1]);
    }
    for (const int good : {0, 1}) {
        if (good == 1) run.step(batches[0]);
        CHECK_THROWS_AS(run.learner.step(run.model, batches[2].input,
                                         [](const Variable<B>&) -> Variable<B> {
                                             throw std::runtime_error("no loss");
                                         }),
                        std::runtime_error);
        CHECK(run.learner.batches_under_way() == 0);
    }
    for (Run* each : {&run, &other}) {
        for (int i = 0; i < 3; ++i) {
            each->step(batches[0]);
            each->step(batches[2]);
        }
    }
    CHECK(test::values_of(run.model) == test::values_of(other.model));
}

TEST_CASE("steps of less than one batch are an error", "[N-6][E-2]") {
    B::Context context;
    Model model = test::still_model(context);
    CHECK_THROWS_AS(Learner(model, options(0)), OptionError);
}

TEST_CASE("a trainer ends the step that an epoch cuts short, and stops between steps alone",
          "[N-6][C-6]") {
    B::Context context;
    const auto batches = examples::stripes<B>(context, 5, 5);
    const auto trainer_of = [&](Model& model) {
        return train::Trainer(model, std::span(batches), std::span(batches), options(2),
                              IdleController{}, {.epochs = 2});
    };
    Model whole = test::still_model(context);
    auto first = trainer_of(whole);
    int steps_behind = 0;
    struct Watch {
        int& steps;
        void operator()(const train::StepResult&) const {}
        void after_step() const { ++steps; }
    };
    first.run(
        whole, [](const train::EpochResult&) {}, Watch{steps_behind});
    CHECK(first.learner().steps() == 6);
    CHECK(steps_behind == 6);

    Model stopped = test::still_model(context);
    auto second = trainer_of(stopped);
    Model resumed = test::still_model(context);
    auto third = trainer_of(resumed);
    int asked = 0;
    CHECK_FALSE(second.epoch_until(stopped, [&] { return ++asked > 1; }));
    CHECK(second.learner().batches_under_way() == 0);
    CHECK(second.learner().steps() == 1);
    for (const auto& [name, parameter] : resumed.contents().parameters) {
        for (const auto& [other, source] : stopped.contents().parameters) {
            if (name == other) parameter->value().copy_from(context, source->value());
        }
    }
    third.restore(resumed, second.state(stopped));
    third.run(resumed, [](const train::EpochResult&) {});
    CHECK(third.learner().steps() == 6);
    CHECK(test::values_of(resumed) == test::values_of(whole));
}

}  // namespace
}  // namespace kasmina::accumulation_test
