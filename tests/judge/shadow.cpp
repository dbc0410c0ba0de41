// A refused seed leaves no trace: from its prune on the run is the one in which it never was (J-3).
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/optim/adamw.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/policy/grower.hpp>
#include <kasmina/train/learner.hpp>

#include "slot/open_gates.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "train/noisy_seed.hpp"
#include "train/small_run.hpp"

namespace kasmina::shadow_test {
namespace {

using B = test::Eigen32;
using Blueprints = CnnBlueprints::with<test::Noisy>;
using Model = MorphogeneticModel<test::DropoutCnn<B>, Blueprints, test::OpenPolicies>;

template <class Rule>
[[nodiscard]] train::LearnerOptions<Rule> options();
template <>
train::LearnerOptions<optim::SgdRule> options() {
    return {.host = {.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 1e-4},
            .seeds = {.learning_rate = 0.1, .momentum = 0.9}};
}
template <>
train::LearnerOptions<optim::AdamWRule> options() {
    return {.host = {.learning_rate = 0.01}, .seeds = {.learning_rate = 0.02}};
}

template <class Rule>
struct Run {
    explicit Run(double max_norm = 0.0)
        : model(make_model(context)), learner(model, with_clipping(max_norm), Generator(7)) {}

    static Model make_model(B::Context& context) {
        Generator generator(1);
        return Model(context, test::DropoutCnn<B>(context), Blueprints{}, generator);
    }
    static train::LearnerOptions<Rule> with_clipping(double max_norm) {
        auto chosen = options<Rule>();
        if (max_norm > 0.0) chosen.max_gradient_norm = max_norm;
        return chosen;
    }

    void epoch(int number) {
        // A schedule: the shadow must follow it.
        learner.set_learning_rates(options<Rule>().host.learning_rate / (1 + number % 3),
                                   options<Rule>().seeds.learning_rate);
        for (int step = 0; step < 4; ++step) {
            const auto batch = batches.next(context);
            static_cast<void>(learner.step(model, batch.input, test::loss_of<B>(batch.labels)));
        }
        ++number_of_epochs;
    }

    /// Host, momentum and the random stream, bit for bit.
    [[nodiscard]] auto host() {
        std::map<std::string, std::vector<double>> all = test::host_values(model);
        const auto state = learner.optimiser().state(context);
        for (const auto& entry : state.groups[0].parameters) {
            all["steps of " + entry.name] = {static_cast<double>(entry.steps)};
            for (const Tensor<B>* moment : {&entry.first, &entry.second}) {
                if (moment->empty()) continue;
                const auto values = moment->to_host(context);
                auto& kept =
                    all[(moment == &entry.first ? "first of " : "second of ") + entry.name];
                kept.assign(values.begin(), values.end());
            }
        }
        const Generator::State random = learner.random().state();
        all["random"] = {static_cast<double>(random.counter), static_cast<double>(random.word)};
        return all;
    }

    void to_blending(const char* slot) {
        model.slot(slot).germinate("conv_light");
        to(slot, Stage::blending);
        model.step_epoch();
    }

    void to(const char* slot, Stage stage) {
        while (model.slot(slot).stage() != stage) {
            const int epochs = model.slot(slot).record()->metrics.epochs_in_stage;
            if (epochs > 100) throw std::runtime_error("the seed does not get on");
            model.slot(slot).advance();
        }
    }

    B::Context context{};
    Model model;
    test::NoiseBatches<B> batches{4};
    train::Learner<Model, Rule> learner;
    int number_of_epochs = 0;
};

TEMPLATE_TEST_CASE("a seed that is refused was never there, to the last bit", "[J-3]",
                   optim::SgdRule, optim::AdamWRule) {
    for (const char* slot : {"early", "late"}) {
        for (const char* blueprint : {"conv_heavy", "norm", "attention"}) {
            for (const double max_norm : {0.0, 0.5}) {
                CAPTURE(slot, blueprint, max_norm);
                Run<TestType> alone(max_norm);
                Run<TestType> grown(max_norm);
                for (int epoch = 1; epoch <= 12; ++epoch) {
                    alone.epoch(epoch);
                    grown.epoch(epoch);
                    auto& place = grown.model.slot(slot);
                    if (epoch == 2) place.germinate(blueprint);
                    if (epoch == 3) place.advance();  // learns
                    if (epoch == 5) place.advance();  // is blended in
                    if (epoch == 8) place.advance();  // is held
                    if (epoch == 10) place.prune("does_not_help");
                    grown.model.step_epoch();
                    if (epoch == 9) CHECK(grown.host() != alone.host());
                    if (epoch <= 5 || epoch == 10) grown.learner.settle(grown.model);
                    if (epoch <= 5 || epoch >= 10) CHECK(grown.host() == alone.host());
                }
            }
        }
    }
}

TEST_CASE("the learner finds a prune by itself at its next step", "[J-3]") {
    Run<optim::SgdRule> alone;
    Run<optim::SgdRule> grown;
    grown.model.slot("early").germinate("conv_light");
    grown.to("early", Stage::blending);
    for (int epoch = 1; epoch <= 3; ++epoch) {
        grown.epoch(epoch);
        alone.epoch(epoch);
        grown.model.step_epoch();
    }
    CHECK(grown.host() != alone.host());
    grown.model.slot("early").prune("by hand");
    grown.epoch(4);
    alone.epoch(4);
    CHECK(grown.host() == alone.host());
}

TEST_CASE("another seed that learns behind the host goes on in the shadow", "[J-3][J-4]") {
    const auto learned = [](bool with_judged_seed) {
        Run<optim::SgdRule> run;
        run.epoch(1);
        if (with_judged_seed) {
            run.model.slot("late").germinate("norm");
            run.to("late", Stage::blending);
        }
        run.epoch(2);
        run.model.slot("early").germinate("bottleneck");
        run.to("early", Stage::training);
        run.epoch(3);
        run.epoch(4);
        if (with_judged_seed) run.model.slot("late").prune("does_not_help");
        run.epoch(5);
        std::map<std::string, std::vector<float>> values;
        for (const auto& [name, parameter] : run.model.parameters()) {
            values[name] = parameter->value().to_host(run.context);
        }
        return values;
    };
    // The seed is born of another draw there, so only what does not depend on its start can agree.
    const auto with = learned(true);
    const auto without = learned(false);
    for (const auto& [name, values] : without) {
        CAPTURE(name);
        REQUIRE(with.contains(name));
        if (name.starts_with("host/")) CHECK(with.at(name) == values);
    }
}

TEST_CASE("what another seed draws at random is undone with the refused one", "[J-3]") {
    for (const Stage stage : {Stage::training, Stage::fossilized}) {
        CAPTURE(name_of(stage));
        Run<optim::SgdRule> alone;
        Run<optim::SgdRule> grown;
        for (auto* run : {&alone, &grown}) {
            run->model.slot("late").germinate("noisy");
            run->to("late", stage);
        }
        grown.model.slot("early").germinate("norm");
        grown.to("early", Stage::blending);
        for (int epoch = 1; epoch <= 5; ++epoch) {
            alone.epoch(epoch);
            grown.epoch(epoch);
            if (epoch == 3) CHECK(grown.host() != alone.host());
            if (epoch == 3) grown.model.slot("early").prune("does_not_help");
            alone.model.step_epoch();
            grown.model.step_epoch();
        }
        CHECK(grown.host() == alone.host());
        CHECK(test::values_of(grown.model, "slots/late/") ==
              test::values_of(alone.model, "slots/late/"));
        CHECK(grown.model.slot("late").random_stream()->state() ==
              alone.model.slot("late").random_stream()->state());
    }
}

TEST_CASE("a seed that fossilizes ends its shadow and stays", "[J-4]") {
    Run<optim::SgdRule> run;
    run.model.slot("early").germinate("conv_light");
    run.to("early", Stage::blending);
    run.epoch(1);
    CHECK(run.learner.judge().judges(run.model.slot("early")));
    run.to("early", Stage::fossilized);
    const auto before = run.host();
    CHECK_FALSE(run.learner.settle(run.model));
    CHECK_FALSE(run.learner.judge().judges(run.model.slot("early")));
    CHECK(run.host() == before);
}

TEST_CASE("a step that throws leaves the model and not its shadow in place", "[J-3][E-2]") {
    Run<optim::SgdRule> run;
    run.model.slot("early").germinate("conv_light");
    run.to("early", Stage::blending);
    run.epoch(1);
    const auto before = run.host();
    const auto batch = run.batches.next(run.context);
    const auto breaks = [](const Variable<B>&) -> Variable<B> {
        throw std::runtime_error("no loss today");
    };
    const Generator::State random = run.learner.random().state();
    CHECK_THROWS_AS(run.learner.step(run.model, batch.input, breaks), std::runtime_error);
    run.learner.random() = Generator::from_state(random);
    auto after = run.host();
    for (const auto& [name, values] : before) {
        CAPTURE(name);
        // A forward pass moves running statistics before the loss is asked for.
        if (name.find("running") == std::string::npos) CHECK(after.at(name) == values);
    }
}

TEST_CASE("a step that fails in the network's part and is tried again is one for the shadow too",
          "[J-3][E-2]") {
    // Where the second seed learns behind the host, it has lessons in both parts.
    for (const bool teaches : {false, true}) {
        for (int call = 1; call <= (teaches ? 4 : 2); ++call) {
            CAPTURE(teaches, call);
            Run<optim::SgdRule> alone;
            Run<optim::SgdRule> grown;
            alone.epoch(1);
            grown.epoch(1);
            grown.to_blending("early");
            if (teaches) grown.model.slot("late").germinate("norm");
            if (teaches) grown.to("late", Stage::training);
            const auto before = grown.batches.state();
            const auto batch = grown.batches.next(grown.context);
            int calls = 0;
            const auto breaks = [&](const Variable<B>& logits) {
                if (++calls == call) throw std::runtime_error("no loss today");
                return test::loss_of<B>(batch.labels)(logits);
            };
            CHECK_THROWS_AS(grown.learner.step(grown.model, batch.input, breaks),
                            std::runtime_error);
            grown.batches.restore(before);
            alone.epoch(1);  // at the rates of the step that failed
            grown.epoch(1);
            grown.model.slot("early").prune("by hand");
            grown.learner.settle(grown.model);
            CHECK(grown.host() == alone.host());
        }
    }
}

TEST_CASE("a seed that takes a refused one's slot before the next step is one of its own",
          "[J-3][J-4]") {
    for (const char* next : {"conv_light", "norm"}) {
        for (const Stage stage : {Stage::training, Stage::blending}) {
            CAPTURE(next, name_of(stage));
            Run<optim::SgdRule> alone;
            Run<optim::SgdRule> grown;
            alone.epoch(1);
            grown.epoch(1);
            grown.to_blending("early");
            alone.epoch(2);
            grown.epoch(2);
            auto& slot = grown.model.slot("early");
            slot.prune("by hand");
            while (slot.stage() != Stage::dormant) grown.model.step_epoch();
            slot.germinate(next);
            grown.to("early", stage);
            if (stage == Stage::blending) grown.model.step_epoch();
            const auto born = test::values_of(grown.model, "slots/early/");
            alone.epoch(3);
            grown.epoch(3);
            CHECK(test::values_of(grown.model, "slots/early/") != born);
            CHECK(grown.learner.judge().judges(slot) == (stage == Stage::blending));
            slot.prune("by hand");
            grown.learner.settle(grown.model);
            CHECK(grown.host() == alone.host());
        }
    }
}

TEST_CASE("an optimiser that was moved away says so to the shadow", "[E-5][J-4]") {
    Run<optim::SgdRule> run;
    run.to_blending("early");
    run.epoch(1);
    const auto elsewhere = std::move(run.learner.optimiser());
    const auto batch = run.batches.next(run.context);
    CHECK_THROWS_AS(run.learner.step(run.model, batch.input, test::loss_of<B>(batch.labels)),
                    LifetimeError);
}

TEST_CASE("a seed without a shadow is judged by dependence, and that is told once", "[J-4]") {
    Run<optim::SgdRule> run;
    auto& slot = run.model.slot("early");
    slot.germinate("conv_light");
    run.to("early", Stage::holding);  // no step since it began to blend
    run.model.record_score(50.0);
    slot.record_dependence(7.0);
    auto accuracies = [](std::span<const AlphaOverrides> configurations) {
        return std::vector<double>(configurations.size(), 50.0);
    };
    run.learner.judge().judge(run.model, slot, 50.0, accuracies);
    CHECK(slot.record()->metrics.contribution_by == judge::MeasureKind::ablation);
    CHECK(slot.record()->metrics.contribution->value == 7.0);
    CHECK(run.learner.judge().take_notice().has_value());
    run.learner.judge().judge(run.model, slot, 50.0, accuracies);
    CHECK_FALSE(run.learner.judge().take_notice().has_value());
}

TEST_CASE("the epochs in which a held seed settles are left out", "[J-1][J-2]") {
    for (const int settling : {0, 1, 3}) {
        CAPTURE(settling);
        Run<optim::SgdRule> run;
        run.model.gates().thresholds.settling_epochs = settling;
        auto& slot = run.model.slot("early");
        slot.germinate("conv_light");
        run.to("early", Stage::blending);
        run.epoch(1);
        run.to("early", Stage::holding);
        auto accuracies = [](std::span<const AlphaOverrides> configurations) {
            return std::vector<double>(configurations.size(), 50.0);
        };
        int measured = 0;
        for (int epoch = 1; epoch <= 5; ++epoch) {
            run.model.step_epoch();
            run.epoch(1 + epoch);
            run.learner.judge().judge(run.model, slot, 51.0, accuracies);
            if (epoch > settling) ++measured;
            const auto& contribution = slot.record()->metrics.contribution;
            CHECK((contribution ? contribution->count : 0) == measured);
        }
        CHECK(slot.record()->metrics.contribution->value == 1.0);
    }
}

/// Decides nothing.
struct Idle {
    std::vector<Decision> decide(const EpochObservation&) { return {}; }
};

TEST_CASE("a panic goes back to the shadow of the judged seed, and not further", "[J-3]") {
    Run<optim::SgdRule> alone;
    Run<optim::SgdRule> grown;
    Grower grower(grown.model, Idle{}, 1.1);
    grown.model.slot("early").germinate("conv_light");
    grown.to("early", Stage::blending);
    const auto accuracies = [](std::span<const AlphaOverrides> configurations) {
        return std::vector<double>(configurations.size(), 50.0);
    };
    for (int epoch = 1; epoch <= 3; ++epoch) {
        grown.epoch(epoch);
        alone.epoch(epoch);
        const double loss = epoch < 3 ? 1.0 : std::numeric_limits<double>::quiet_NaN();
        const EpochReport report = grower.end_epoch(grown.model, grown.learner, loss, accuracies);
        CHECK(report.panic.has_value() == (epoch == 3));
    }
    CHECK(grown.model.slot("early").stage() == Stage::embargoed);
    CHECK(grown.host() == alone.host());
}

}  // namespace
}  // namespace kasmina::shadow_test
