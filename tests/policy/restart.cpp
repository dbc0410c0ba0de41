// A run that is saved and put into fresh objects goes on as if it had never stopped, bit for bit.
#include <cmath>
#include <concepts>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/policy/heuristic_controller.hpp>

#include "policy/governed_run.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::restart_test {
namespace {

template <class B>
using Run = test::GovernedRun<B, HeuristicController>;

/// Takes every plateau for one: seeds come quickly, stall and go.
HeuristicController impatient() {
    return HeuristicController({.slots = {"r0c0", "r1c1", "r0c2"},
                                .blueprints = {"conv_light"},
                                .plateau_epochs = 1,
                                .plateau_improvement = 100.0,
                                .first_epoch = 2,
                                .penalty_limit = 100.0,
                                .seeds_on_trial = 2});
}

/// All of a run, as states and tensors that the run no longer moves.
template <class B>
struct Saved {
    using Grower = kasmina::Grower<typename Run<B>::Model, HeuristicController>;

    std::map<std::string, Tensor<B>> parameters{};
    std::map<std::string, nn::AnyTensor<B>> states{};
    std::vector<SlotState> slots{};
    Generator::State generator{};
    typename optim::Sgd<B>::State optimiser{};
    GrowerStateOf<B, HeuristicController> grower{};
};

template <class B>
Saved<B> save(Run<B>& run) {
    Saved<B> saved;
    const nn::Contents<B> contents = run.model.contents();
    for (const auto& [name, parameter] : contents.parameters) {
        saved.parameters.emplace(name, parameter->value().clone(run.context));
    }
    for (const auto& [name, state] : contents.states) {
        saved.states.emplace(name, state.clone(run.context));
    }
    for (const auto& slot : run.model.slots()) saved.slots.push_back(slot.state());
    saved.generator = run.model.generator().state();
    saved.optimiser = run.sgd.state(run.context);
    saved.grower = run.grower->state(run.context);
    return saved;
}

/// Into a run that nothing has been done with but for its making.
template <class B>
void restore(Run<B>& run, const Saved<B>& saved) {
    run.model.generator() = Generator::from_state(saved.generator);
    for (std::size_t i = 0; i < saved.slots.size(); ++i) {
        run.model.slots()[i].restore(saved.slots[i]);
    }
    const nn::Contents<B> contents = run.model.contents();
    REQUIRE(contents.parameters.size() == saved.parameters.size());
    for (const auto& [name, parameter] : contents.parameters) {
        parameter->value().copy_from(run.context, saved.parameters.at(name));
    }
    for (const auto& [name, state] : contents.states) {
        state.copy_from(run.context, saved.states.at(name));
    }
    run.synchronise();
    run.sgd.restore(run.context, saved.optimiser);
    run.grower->restore(run.model, saved.grower);
}

template <class B>
std::vector<Stage> stages_of(const Run<B>& run) {
    std::vector<Stage> stages;
    for (const auto& slot : run.model.slots()) stages.push_back(slot.stage());
    return stages;
}

/// Two runs end an epoch alike: what happened, and all that it left.
template <class B>
void check_epochs_alike(Run<B>& first, Run<B>& second, std::optional<double> told = std::nullopt) {
    const EpochReport expected = first.epoch(told);
    const EpochReport report = second.epoch(told);
    CAPTURE(expected.epoch);
    CHECK(report.epoch == expected.epoch);
    CHECK(report.panic == expected.panic);
    CHECK(report.score == expected.score);
    CHECK(second.loss == first.loss);
    REQUIRE(report.changes.size() == expected.changes.size());
    for (std::size_t i = 0; i < report.changes.size(); ++i) {
        CHECK(report.changes[i].slot == expected.changes[i].slot);
        CHECK(report.changes[i].from == expected.changes[i].from);
        CHECK(report.changes[i].to == expected.changes[i].to);
        CHECK(report.changes[i].reason == expected.changes[i].reason);
    }
    CHECK(report.notices == expected.notices);
    CHECK(stages_of(second) == stages_of(first));
    CHECK(second.values() == first.values());
}

TEMPLATE_TEST_CASE("a run that is saved goes on in fresh objects, bit for bit", "[P-7][K]",
                   test::Eigen32, test::Device32) {
    using B = TestType;
    typename B::Context context;
    // The test device is slow, and its states are the same ones.
    const std::vector<int> saves =
        std::same_as<B, test::Eigen32> ? std::vector{1, 3, 4, 6, 8} : std::vector{3, 6};
    for (const int saved_at : saves) {
        CAPTURE(saved_at);
        Run<B> run(context);
        run.govern(impatient());
        for (int epoch = 1; epoch <= saved_at; ++epoch) run.epoch();
        const Saved<B> saved = save(run);

        Run<B> fresh(context, 99);
        REQUIRE(fresh.values() != run.values());
        fresh.govern(HeuristicController({.slots = {"r1c1"}, .blueprints = {"conv_light"}}));
        restore(fresh, saved);
        CHECK(fresh.grower->epoch() == saved_at);
        CHECK(fresh.values() == run.values());
        for (int epoch = 0; epoch < 4; ++epoch) check_epochs_alike(run, fresh);
        // Back to the snapshot that was saved, or to one taken since: the same in both.
        check_epochs_alike(run, fresh, std::nan(""));
        check_epochs_alike(run, fresh);
        const auto left = fresh.grower->state(context);
        const auto expected = run.grower->state(context);
        CHECK(left.governor.losses == expected.governor.losses);
        CHECK(left.governor.next == expected.governor.next);
        CHECK(left.controller.penalties == expected.controller.penalties);
        CHECK(left.controller.best_score == expected.controller.best_score);
        CHECK(left.told_of_dependence == expected.told_of_dependence);
        // Told before it was saved, and so not told again.
        if (saved_at == saves.back()) CHECK(saved.grower.told_of_dependence);
    }
}

TEST_CASE("the run that is saved has seeds in every stage of their lives", "[P-7]") {
    using B = test::Eigen32;
    B::Context context;
    Run<B> run(context);
    run.govern(impatient());
    std::map<Stage, int> met;
    for (int epoch = 1; epoch <= 12; ++epoch) {
        run.epoch();
        for (const Stage stage : stages_of(run)) ++met[stage];
    }
    for (const Stage stage : {Stage::dormant, Stage::germinated, Stage::training, Stage::blending,
                              Stage::holding, Stage::fossilized}) {
        CAPTURE(stage);
        CHECK(met[stage] > 0);
    }
}

TEST_CASE("a grower's state that does not fit is refused, and nothing is changed", "[P-7][E-2]") {
    using B = test::Eigen32;
    B::Context context;
    Run<B> run(context);
    run.govern(impatient());
    run.epoch();
    auto state = run.grower->state(context);
    CHECK(reflect::field_names<decltype(state)>.size() == 6);
    const auto before = run.values("host/");
    run.epoch();
    const auto refused = [&]<class Expected>(std::type_identity<Expected>,
                                             const std::string& named) {
        const std::string text =
            test::error_text<Expected>([&] { run.grower->restore(run.model, state); });
        INFO(named << ": " << text);
        CHECK(test::mentions(text, named));
        CHECK(run.grower->epoch() == 2);
        CHECK(run.grower->controller().state().options.slots.size() == 3);
    };
    SECTION("a part that cannot be") {
        state.epoch = -1;
        refused(std::type_identity<StateError>{}, "epoch");
    }
    SECTION("a governor that cannot be") {
        state.governor.strikes = -1;
        refused(std::type_identity<StateError>{}, "strikes");
    }
    SECTION("a controller that cannot be") {
        state.controller.penalties.clear();
        refused(std::type_identity<StateError>{}, "penalties");
    }
    SECTION("scores that went the other way") {
        state.score_falls = true;
        refused(std::type_identity<StateError>{}, "score_falls");
    }
    SECTION("a snapshot of another network") {
        state.snapshot.parameters[0].name = "host/elsewhere";
        refused(std::type_identity<UnknownNameError>{}, "host/elsewhere");
    }
    SECTION("a snapshot of other shapes") {
        state.snapshot.parameters[0].values = Tensor<B>::full(context, {7}, 0.0F);
        refused(std::type_identity<ShapeError>{}, "(7)");
    }
    // The snapshot is the one it was: that of the start, and not of the state's.
    CHECK(run.epoch(std::nan("")).panic == Panic::nan);
    CHECK(run.values("host/") != before);
}

}  // namespace
}  // namespace kasmina::restart_test
