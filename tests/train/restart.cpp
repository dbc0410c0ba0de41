// A run that is saved while a seed is judged goes on in fresh objects, bit for bit (P-7, J-3).
#include <cstddef>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/optim/adamw.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/train/trainer.hpp>

#include "slot/open_gates.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "train/noisy_seed.hpp"
#include "train/small_run.hpp"

namespace kasmina::restart_test {
namespace {

/// A noisy seed that fossilizes, and perhaps another one that is judged and then refused.
struct Script {
    struct State {
        bool judged = true;
        using Fields = reflect::List<&State::judged>;
    };

    bool judged = true;

    [[nodiscard]] std::vector<Decision> decide(const EpochObservation& seen) const {
        using enum Decision::Action;
        if (seen.epoch == 1) return {{"late", germinate, "noisy"}};
        if (seen.epoch <= 5) return {{"late", advance}};
        if (!judged) return {};
        switch (seen.epoch) {
            case 6: return {{"early", germinate, "conv_heavy"}};
            case 7:
            case 8:
            case 10: return {{"early", advance}};
            case 14: return {{"early", prune, {}, "does_not_help"}};
            default: return {};
        }
    }

    [[nodiscard]] State state() const { return {judged}; }
    void restore(const State& state) { judged = state.judged; }
};

template <class B, class Rule>
[[nodiscard]] train::LearnerOptions<Rule> options() {
    return {.host = {.learning_rate = 0.01}, .seeds = {.learning_rate = 0.02}};
}

template <class B>
using ModelOn =
    MorphogeneticModel<test::DropoutCnn<B>, CnnBlueprints::with<test::Noisy>, test::OpenPolicies>;

template <class B, class Rule>
struct Run {
    using Model = ModelOn<B>;
    using Trainer =
        train::Trainer<Model, Rule, test::NoiseStream<B>, std::vector<LabelledBatch<B>>, Script>;

    explicit Run(typename B::Context& on, bool judged = true, std::uint64_t seed = 1)
        : context(on),
          model(make_model(on, seed)),
          trainer(model, test::NoiseStream<B>(on, seed + 10), test::held_out<B>(on),
                  options<B, Rule>(), Script{judged},
                  {.epochs = 20, .random_guess_loss = 1.1, .random = Generator(seed)}) {}

    static Model make_model(typename B::Context& context, std::uint64_t seed) {
        Generator generator(seed);
        return Model(context, test::DropoutCnn<B>(context), {}, generator);
    }

    train::EpochResult epoch() { return trainer.epoch(model); }
    [[nodiscard]] auto values() { return test::values_of(model); }

    typename B::Context& context;
    Model model;
    Trainer trainer;
};

template <class B, class Rule>
using TrainerState =
    decltype(std::declval<typename Run<B, Rule>::Trainer&>().state(std::declval<ModelOn<B>&>()));

/// All of a run, as states and tensors that the run no longer moves.
template <class B, class Rule>
struct Saved {
    explicit Saved(Run<B, Rule>& run) : trainer(run.trainer.state(run.model)) {
        const nn::Contents<B> contents = run.model.contents();
        for (const auto& [name, parameter] : contents.parameters) {
            parameters.emplace(name, parameter->value().clone(run.context));
        }
        for (const auto& [name, state] : contents.states) {
            states.emplace(name, state.clone(run.context));
        }
        for (const auto& slot : run.model.slots()) slots.push_back(slot.state());
        generator = run.model.generator().state();
    }

    void restore_model(Run<B, Rule>& run) const {
        run.model.generator() = Generator::from_state(generator);
        for (std::size_t i = 0; i < slots.size(); ++i) run.model.slots()[i].restore(slots[i]);
        const nn::Contents<B> contents = run.model.contents();
        REQUIRE(contents.parameters.size() == parameters.size());
        for (const auto& [name, parameter] : contents.parameters) {
            parameter->value().copy_from(run.context, parameters.at(name));
        }
        for (const auto& [name, state] : contents.states) {
            state.copy_from(run.context, states.at(name));
        }
    }

    TrainerState<B, Rule> trainer;
    std::map<std::string, Tensor<B>> parameters{};
    std::map<std::string, nn::AnyTensor<B>> states{};
    std::vector<SlotState> slots{};
    Generator::State generator{};
};

template <class B, class Rule>
void check_epochs_alike(Run<B, Rule>& first, Run<B, Rule>& second) {
    const train::EpochResult expected = first.epoch();
    const train::EpochResult result = second.epoch();
    CAPTURE(expected.report.epoch);
    CHECK(result.report.epoch == expected.report.epoch);
    CHECK(result.loss == expected.loss);
    CHECK(result.rate_factor == expected.rate_factor);
    CHECK(result.report.score == expected.report.score);
    CHECK(result.report.changes.size() == expected.report.changes.size());
    CHECK(result.report.notices == expected.report.notices);
    for (std::size_t i = 0; i < expected.report.slots.size(); ++i) {
        CHECK(result.report.slots[i].metrics == expected.report.slots[i].metrics);
    }
    CHECK(second.values() == first.values());
}

TEMPLATE_TEST_CASE("a run that is saved while a seed is judged goes on in fresh objects",
                   "[P-7][J-3]", optim::SgdRule, optim::AdamWRule) {
    using B = test::Eigen32;
    B::Context context;
    for (const int saved_at : {5, 8, 9, 11, 13, 14}) {
        CAPTURE(saved_at);
        Run<B, TestType> run(context);
        for (int epoch = 1; epoch <= saved_at; ++epoch) run.epoch();
        const Saved<B, TestType> saved(run);

        Run<B, TestType> fresh(context, false, 99);
        REQUIRE(fresh.values() != run.values());
        saved.restore_model(fresh);
        fresh.trainer.restore(fresh.model, saved.trainer);
        CHECK(fresh.trainer.epochs_done() == saved_at);
        CHECK(fresh.values() == run.values());
        while (run.trainer.epochs_done() < 17) check_epochs_alike(run, fresh);
        CHECK(fresh.model.slot("early").record()->metrics.prune_reason == "does_not_help");

        // The refused seed left no trace, on neither side of the restart.
        Run<B, TestType> without(context, false);
        while (without.trainer.epochs_done() < 17) without.epoch();
        CHECK(test::host_values(fresh.model) == test::host_values(without.model));
        CHECK(test::values_of(fresh.model, "slots/late/") ==
              test::values_of(without.model, "slots/late/"));
    }
}

TEST_CASE("so does one on a device", "[P-7][J-3][K]") {
    using B = test::Device32;
    B::Context context;
    Run<B, optim::SgdRule> run(context);
    for (int epoch = 1; epoch <= 12; ++epoch) run.epoch();
    const Saved<B, optim::SgdRule> saved(run);
    Run<B, optim::SgdRule> fresh(context, false, 99);
    saved.restore_model(fresh);
    fresh.trainer.restore(fresh.model, saved.trainer);
    while (run.trainer.epochs_done() < 15) check_epochs_alike(run, fresh);
}

TEST_CASE("the run that is saved has a shadow that was measured against", "[P-7][J-1]") {
    using B = test::Eigen32;
    B::Context context;
    Run<B, optim::SgdRule> run(context);
    for (int epoch = 1; epoch <= 13; ++epoch) run.epoch();
    const auto state = run.trainer.state(run.model);
    CHECK(reflect::field_names<decltype(state)>.size() == 7);
    CHECK(reflect::field_names<decltype(state.learner)>.size() == 6);
    CHECK(reflect::field_names<decltype(state.learner.judge)>.size() == 5);
    REQUIRE(state.learner.judge.shadow);
    CHECK(reflect::field_names<std::remove_cvref_t<decltype(*state.learner.judge.shadow)>>.size() ==
          6);
    CHECK(state.learner.judge.shadow->steps > 0);
    CHECK(state.learner.judge.shadow->seed_streams.size() == 1);
    const auto& metrics = run.model.slot("early").record()->metrics;
    CHECK(metrics.contribution_by == judge::MeasureKind::shadow);
    CHECK(metrics.contribution->count >= 2);
}

TEST_CASE(
    "in the middle of an epoch a trainer gives no state, takes none and begins no other epoch",
    "[P-7][C-6][E-2]") {
    using B = test::Eigen32;
    B::Context context;
    Run<B, optim::SgdRule> run(context);
    Run<B, optim::SgdRule> unharmed(context);
    const auto before = run.trainer.state(run.model);
    int steps = 0;
    const auto result = run.trainer.epoch(run.model, [&](const train::StepResult&) {
        ++steps;
        const std::string text =
            test::error_text<StateError>([&] { static_cast<void>(run.trainer.state(run.model)); });
        CHECK(test::mentions(text, "in the middle of an epoch"));
        CHECK_THROWS_AS(run.trainer.restore(run.model, before), StateError);
        CHECK_THROWS_AS(run.epoch(), StateError);
    });
    CHECK(steps > 0);
    CHECK(result.loss == unharmed.epoch().loss);
    CHECK(run.values() == unharmed.values());
    check_epochs_alike(run, unharmed);
    CHECK_NOTHROW(run.trainer.state(run.model));
    struct Enough {};
    CHECK_THROWS_AS(run.trainer.epoch(run.model, [](const train::StepResult&) { throw Enough{}; }),
                    Enough);
    CHECK_NOTHROW(run.trainer.state(run.model));
}

TEST_CASE("a trainer's state that does not fit is refused, and nothing is changed", "[P-7][E-2]") {
    using B = test::Eigen32;
    B::Context context;
    Run<B, optim::SgdRule> run(context);
    Run<B, optim::SgdRule> unharmed(context);
    for (int epoch = 1; epoch <= 12; ++epoch) check_epochs_alike(run, unharmed);
    auto state = run.trainer.state(run.model);
    check_epochs_alike(run, unharmed);
    REQUIRE(state.learner.judge.shadow);
    auto& shadow = *state.learner.judge.shadow;
    const auto refused = [&]<class Expected>(std::type_identity<Expected>,
                                             const std::string& named) {
        const std::string text =
            test::error_text<Expected>([&] { run.trainer.restore(run.model, state); });
        INFO(named << ": " << text);
        CHECK(test::mentions(text, named));
    };
    SECTION("no epochs") {
        state.epochs = 0;
        refused(std::type_identity<OptionError>{}, "epochs");
    }
    SECTION("a value that the shadow lacks") {
        std::erase_if(shadow.values.parameters, [](const auto& entry) {
            return entry.name == "slots/late/seed/conv.weight";
        });
        refused(std::type_identity<UnknownNameError>{}, "slots/late/seed/conv.weight");
    }
    SECTION("a value of the judged seed") {
        const std::string own = "slots/early/" + run.model.slot("early").parameters()[0].name;
        const auto& value = run.model.slot("early").parameters()[0].parameter->value();
        shadow.values.parameters.push_back({own, value.clone(context)});
        refused(std::type_identity<UnknownNameError>{}, own);
    }
    SECTION("a value of another shape") {
        shadow.values.parameters[0].values = Tensor<B>::full(context, {7}, 0.0F);
        refused(std::type_identity<ShapeError>{}, "(7)");
    }
    SECTION("a shadow in no slot") {
        shadow.slot = "nowhere";
        refused(std::type_identity<UnknownNameError>{}, "nowhere");
    }
    SECTION("a random stream too few") {
        shadow.seed_streams.clear();
        refused(std::type_identity<UnknownNameError>{}, "late");
    }
    SECTION("steps that cannot be") {
        shadow.steps = -1;
        refused(std::type_identity<StateError>{}, "steps");
    }
    SECTION("a part behind it") {
        state.grower.epoch = -1;
        refused(std::type_identity<StateError>{}, "epoch");
    }
    SECTION("an optimiser of another rule") {
        state.learner.optimiser.rule = "adamw";
        refused(std::type_identity<StateError>{}, "adamw");
    }
    while (run.trainer.epochs_done() < 16) check_epochs_alike(run, unharmed);
}

}  // namespace
}  // namespace kasmina::restart_test
