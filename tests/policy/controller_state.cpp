// The heuristic controller's options and its state: refused, given and taken back.
#include <string>
#include <vector>

#include <kasmina/policy/heuristic_controller.hpp>

#include "policy/story.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::controller_state_test {
namespace {

using namespace test;

TEST_CASE("a controller with nothing to grow is refused", "[K][E-2]") {
    CHECK_THROWS_AS(HeuristicController({.blueprints = {"norm"}}), OptionError);
    CHECK_THROWS_AS(HeuristicController({.slots = {"r0c0"}}), OptionError);
}

TEST_CASE("a restored controller decides as if it had never stopped", "[K][P-7]") {
    HeuristicOptions two = options();
    two.slots = {"r0c0", "r0c1"};
    two.seeds_on_trial = 2;
    two.readiness_patience = 5;
    // Seeds that do not get ready are pruned, which is held against their blueprints for a while.
    const auto live_an_epoch = [](Story& story, int epoch) {
        for (SlotReport& report : story.reports) {
            const bool pruned = report.stage == Stage::pruned;
            if (pruned && epoch % 3 == 0) report = SlotReport{.slot = report.slot};
            ++report.metrics.epochs_in_stage;
        }
        const auto decisions = story.epoch(40.0 + 0.2 * (epoch % 6));
        for (const Decision& decision : decisions) {
            SlotReport& report =
                *std::ranges::find(story.reports, decision.slot, &SlotReport::slot);
            if (decision.action == Action::germinate) {
                put_seed(report, Stage::training, 40.0, 40.0, 1, decision.blueprint);
            }
            if (decision.action == Action::prune) report.stage = Stage::pruned;
        }
        return decisions;
    };
    for (const int saved_at : {0, 3, 5, 11, 12, 18}) {
        CAPTURE(saved_at);
        Story story(two, {"r0c0", "r0c1"});
        for (int epoch = 1; epoch <= saved_at; ++epoch) live_an_epoch(story, epoch);
        Story restored(options(), {"r0c0", "r0c1"});
        restored.take(story);
        int germinations = 0;
        for (int epoch = saved_at + 1; epoch <= saved_at + 30; ++epoch) {
            const auto expected = live_an_epoch(story, epoch);
            const auto decisions = live_an_epoch(restored, epoch);
            REQUIRE(decisions.size() == expected.size());
            for (std::size_t i = 0; i < decisions.size(); ++i) {
                CHECK(decisions[i].slot == expected[i].slot);
                CHECK(decisions[i].action == expected[i].action);
                CHECK(decisions[i].blueprint == expected[i].blueprint);
                CHECK(decisions[i].reason == expected[i].reason);
                germinations += decisions[i].action == Action::germinate;
            }
            CHECK(restored.penalty("norm") == story.penalty("norm"));
            CHECK(restored.penalty("attention") == story.penalty("attention"));
        }
        CHECK(germinations > 1);
    }
}

TEST_CASE("a state that no controller can have is refused, and nothing is changed",
          "[K][P-7][E-2]") {
    HeuristicController controller(options());
    const auto refused = [&](auto spoil, const std::string& named) {
        HeuristicState state = controller.state();
        spoil(state);
        const std::string text = test::error_text<StateError>([&] { controller.restore(state); });
        INFO(named << ": " << text);
        CHECK(test::mentions(text, named));
        CHECK(controller.state().options.blueprints.size() == 2);
        CHECK(controller.state().penalties == std::vector<double>{0.0, 0.0});
    };
    refused([](HeuristicState& state) { state.penalties.pop_back(); }, "penalties");
    refused([](HeuristicState& state) { state.penalties[1] = std::nan(""); }, "penalties");
    refused([](HeuristicState& state) { state.best_score = std::nan(""); }, "best_score");
    refused([](HeuristicState& state) { state.epochs_without_improvement = -1; },
            "epochs_without_improvement");
    HeuristicState state = controller.state();
    state.options.slots.clear();
    CHECK_THROWS_AS(controller.restore(state), OptionError);
    CHECK(controller.state().options.slots.size() == 1);
    CHECK(reflect::field_names<HeuristicState>.size() == 4);
    CHECK(reflect::field_names<HeuristicOptions>.size() == 13);
}

struct Idle {
    std::vector<Decision> decide(const EpochObservation&) { return {}; }
};
struct Mute {
    void decide(const EpochObservation&) {}
};
static_assert(Controller<Idle>, "a user's own controller satisfies the concept");
static_assert(!Controller<Mute>);
static_assert(RestorableController<HeuristicController>);
static_assert(!RestorableController<Idle>, "what cannot be saved says so");

}  // namespace
}  // namespace kasmina::controller_state_test
