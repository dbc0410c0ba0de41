// The heuristic controller: when it germinates, advances and prunes, and what it holds against a
// blueprint.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <kasmina/policy/heuristic_controller.hpp>

#include "policy/story.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::heuristic_controller_test {
namespace {

using namespace test;

TEST_CASE("a plateau germinates the first blueprint in the first slot, from epoch five on", "[K]") {
    Story story(options());
    for (int epoch = 1; epoch <= 4; ++epoch) CHECK(story.epoch(50.0).empty());
    const auto decisions = story.epoch(50.0);
    REQUIRE(decisions.size() == 1);
    CHECK(decisions[0].action == Action::germinate);
    CHECK(decisions[0].slot == "r0c0");
    CHECK(decisions[0].blueprint == "norm");
}

TEST_CASE("three epochs without an improvement of more than half a point are a plateau", "[K]") {
    Story story(options());
    for (int epoch = 1; epoch <= 8; ++epoch) CHECK(story.epoch(10.0 * epoch).empty());
    CHECK(story.epoch(80.5).empty());
    CHECK(story.epoch(80.4).empty());
    CHECK(story.epoch(80.5).size() == 1);

    Story improving(options());
    for (int epoch = 1; epoch <= 20; ++epoch) CHECK(improving.epoch(0.51 * epoch).empty());
}

TEST_CASE("slow improvements add up: they are measured from the last that counted", "[K]") {
    Story story(options());
    for (int epoch = 1; epoch <= 20; ++epoch) CHECK(story.epoch(50.0 + 0.3 * epoch).empty());
}

TEST_CASE("one seed at a time: nothing germinates while another is in trial", "[K]") {
    HeuristicOptions two = options();
    two.slots = {"r0c0", "r0c1"};
    Story story(two, {"r0c0", "r0c1"});
    put_seed(story.reports[0], Stage::training, 50.0, 51.0, 1);
    for (int epoch = 1; epoch <= 12; ++epoch) {
        for (const Decision& decision : story.epoch(50.0)) {
            CHECK(decision.action == Action::advance);
            CHECK(decision.slot == "r0c0");
        }
    }
    story.reports[0].stage = Stage::fossilized;
    const auto decisions = story.epoch(50.0);
    REQUIRE(decisions.size() == 1);
    CHECK(decisions[0].action == Action::germinate);
    CHECK(decisions[0].slot == "r0c1");
}

TEST_CASE("as many seeds are on trial at once as the options say", "[K]") {
    HeuristicOptions several = options();
    several.slots = {"r0c0", "r0c1", "r0c2"};
    several.seeds_on_trial = 2;
    Story story(several, {"r0c0", "r0c1", "r0c2"});
    put_seed(story.reports[0], Stage::training, 50, 50, 1);
    REQUIRE(story.first_decision(50.0) != 0);  // that seed's own advance
    std::vector<Decision> decisions;
    for (int epoch = 0; epoch < 8 && decisions.size() < 2; ++epoch) decisions = story.epoch(50.0);
    REQUIRE(decisions.size() == 2);
    CHECK(decisions[1].action == Action::germinate);
    CHECK(decisions[1].slot == "r0c1");
    put_seed(story.reports[1], Stage::training, 50, 50, 1);
    for (int epoch = 0; epoch < 8; ++epoch) {
        for (const Decision& decision : story.epoch(50.0)) {
            CHECK(decision.action != Action::germinate);
        }
    }
    put_seed(story.reports[0], Stage::fossilized, 50, 50, 1);
    const auto after = story.epoch(50.0);
    REQUIRE(after.size() == 2);
    CHECK(after[1].slot == "r0c2");

    several.seeds_on_trial = 0;
    CHECK_THROWS_AS(HeuristicController(several), OptionError);
}

TEST_CASE("slots that cool down are neither advanced nor germinated", "[K][S-7]") {
    for (const Stage stage :
         {Stage::pruned, Stage::embargoed, Stage::resetting, Stage::fossilized}) {
        Story story(options());
        story.reports[0].stage = stage;
        CHECK(story.first_decision(50.0) == 0);
    }
}

TEST_CASE("a slot that the options do not name stays empty", "[K]") {
    Story story(options(), {"r1c1"});
    CHECK(story.first_decision(50.0) == 0);
}

TEST_CASE("a seed is advanced whenever its gate may allow", "[K]") {
    for (const Stage stage :
         {Stage::germinated, Stage::training, Stage::blending, Stage::holding}) {
        Story story(options());
        put_seed(story.reports[0], stage, 50.0, 50.1, 1);
        const auto decisions = story.epoch(50.0, true);
        REQUIRE(decisions.size() == 1);
        CHECK(decisions[0].action == Action::advance);
        CHECK(decisions[0].slot == "r0c0");
    }
}

TEST_CASE("a drop of more than two points prunes while a seed is blended in", "[K]") {
    Story story(options());
    put_seed(story.reports[0], Stage::blending, 50.0, 48.0, 1);
    CHECK(story.epoch(48.0)[0].action == Action::advance);
    put_seed(story.reports[0], Stage::blending, 50.0, 47.9, 1);
    const auto decisions = story.epoch(47.9);
    REQUIRE(decisions.size() == 1);
    CHECK(decisions[0].action == Action::prune);
    CHECK(decisions[0].reason == "score_dropped");
    // Behind the host nobody hears it, and at full amplitude there is a judge.
    for (const Stage stage : {Stage::training, Stage::holding}) {
        Story other(options());
        put_seed(other.reports[0], stage, 50.0, 40.0, 1);
        CHECK(other.epoch(40.0)[0].action == Action::advance);
    }
}

TEST_CASE("five epochs of blending without improvement prune", "[K]") {
    Story story(options());
    put_seed(story.reports[0], Stage::blending, 50.0, 50.0, 4);
    CHECK(story.epoch(50.0)[0].action == Action::advance);
    put_seed(story.reports[0], Stage::blending, 50.0, 50.1, 5);
    CHECK(story.epoch(50.1)[0].action == Action::advance);
    put_seed(story.reports[0], Stage::blending, 50.0, 50.0, 5);
    const auto decisions = story.epoch(50.0);
    CHECK(decisions[0].action == Action::prune);
    CHECK(decisions[0].reason == "no_improvement");
    for (const Stage stage : {Stage::training, Stage::holding}) {
        Story other(options());
        put_seed(other.reports[0], stage, 50.0, 50.0, 9);
        CHECK(other.epoch(50.0)[0].action == Action::advance);
    }
    Story ramping(options());
    put_seed(ramping.reports[0], Stage::blending, 50.0, 50.0, 9);
    ramping.reports[0].time_to_target = 1;
    CHECK(ramping.epoch(50.0)[0].action == Action::advance);
}

TEST_CASE("a seed in training has ten epochs to get ready", "[K][G-10]") {
    Story story(options());
    put_seed(story.reports[0], Stage::training, 50.0, 60.0, 9);
    CHECK(story.epoch(60.0)[0].action == Action::advance);
    put_seed(story.reports[0], Stage::training, 50.0, 60.0, 10);
    CHECK(story.epoch(60.0, true)[0].action == Action::advance);
    const auto decisions = story.epoch(60.0);
    REQUIRE(decisions.size() == 1);
    CHECK(decisions[0].action == Action::prune);
    CHECK(decisions[0].reason == "not_ready");
    CHECK(story.penalty("norm") > 0.0);

    HeuristicOptions patient = options();
    patient.readiness_patience = 30;
    Story waits(patient);
    put_seed(waits.reports[0], Stage::training, 50.0, 60.0, 29);
    CHECK(waits.epoch(60.0)[0].action == Action::advance);
}

TEST_CASE("while one seed is judged, another one is not late", "[K][G-10]") {
    HeuristicOptions two = options();
    two.slots = {"r0c0", "r0c1"};
    two.seeds_on_trial = 2;
    for (const Stage judged : {Stage::blending, Stage::holding}) {
        Story story(two, {"r0c0", "r0c1"});
        put_seed(story.reports[0], Stage::training, 50.0, 50.0, 20);
        put_seed(story.reports[1], judged, 50.0, 50.1, 1);
        auto decisions = story.epoch(50.0);
        REQUIRE(decisions.size() == 1);
        CHECK(decisions[0].slot == "r0c1");
        story.reports[1].stage = Stage::fossilized;
        decisions = story.epoch(50.0);
        REQUIRE(decisions.size() == 1);
        CHECK(decisions[0].slot == "r0c0");
        CHECK(decisions[0].reason == "not_ready");
    }
}

TEST_CASE("while one seed is judged, others that are ready wait for it in training", "[K][J-1]") {
    HeuristicOptions two = options();
    two.slots = {"r0c0", "r0c1"};
    two.seeds_on_trial = 2;
    const auto advanced = [](const std::vector<Decision>& decisions) {
        std::vector<std::string> slots;
        for (const Decision& decision : decisions) {
            CHECK(decision.action == Action::advance);
            slots.push_back(decision.slot);
        }
        return slots;
    };
    for (const Stage judged : {Stage::blending, Stage::holding}) {
        Story story(two, {"r0c0", "r0c1"});
        put_seed(story.reports[0], Stage::training, 50.0, 50.0, 20);
        put_seed(story.reports[1], judged, 50.0, 50.1, 1);
        CHECK(advanced(story.epoch(50.0, true)) == std::vector<std::string>{"r0c1"});
        story.reports[1].stage = Stage::fossilized;
        CHECK(advanced(story.epoch(50.0, true)) == std::vector<std::string>{"r0c0"});
    }
    // Two that get ready in one epoch: the first goes, and the second waits for it.
    Story both(two, {"r0c0", "r0c1"});
    put_seed(both.reports[0], Stage::training, 50.0, 50.0, 3);
    put_seed(both.reports[1], Stage::training, 50.0, 50.0, 3);
    CHECK(advanced(both.epoch(50.0, true)) == std::vector<std::string>{"r0c0"});
    put_seed(both.reports[0], Stage::germinated, 50.0, 50.0, 3);
    CHECK(advanced(both.epoch(50.0, true)) == std::vector<std::string>{"r0c0", "r0c1"});
}

TEST_CASE(
    "a held seed is the judge's: one that does not help goes, and one that is not clear "
    "stays",
    "[K][J-2]") {
    Story story(options());
    put_seed(story.reports[0], Stage::holding, 50.0, 40.0, 30);
    story.verdicts = {judge::Verdict::undecided};
    CHECK(story.epoch(40.0)[0].action == Action::advance);
    CHECK(story.penalty("norm") == 0.0);
    story.verdicts = {judge::Verdict::does_not_help};
    const auto decisions = story.epoch(40.0);
    REQUIRE(decisions.size() == 1);
    CHECK(decisions[0].action == Action::prune);
    CHECK(decisions[0].reason == "does_not_help");
    CHECK(story.penalty("norm") > 0.0);
}

TEST_CASE("seeds germinate with the options that the controller was made with", "[K][I-9]") {
    HeuristicOptions chosen = options();
    chosen.germination = {.tempo_epochs = 7, .incubation = Incubation::straight_through};
    Story story(chosen);
    std::vector<Decision> decisions;
    while (decisions.empty()) decisions = story.epoch(50.0);
    CHECK(decisions[0].action == Action::germinate);
    CHECK(decisions[0].options == chosen.germination);
    chosen.germination.tempo_epochs = 0;
    CHECK_THROWS_AS(HeuristicController(chosen), OptionError);
}

TEST_CASE("a seed whose gate passes is not pruned", "[K][G-6]") {
    Story story(options());
    put_seed(story.reports[0], Stage::blending, 50.0, 40.0, 9);
    CHECK(story.epoch(40.0, true)[0].action == Action::advance);
    CHECK(story.penalty("norm") == 0.0);
    put_seed(story.reports[0], Stage::holding, 50.0, 40.0, 9);
    story.verdicts = {judge::Verdict::does_not_help};  // and its gate lets pass what does no harm
    CHECK(story.epoch(40.0, true)[0].action == Action::advance);
    CHECK(story.penalty("norm") == 0.0);
}

TEST_CASE("whether a holding seed fossilizes is its gate's to say, whatever its contribution",
          "[K][G-6]") {
    for (const double contribution : {-3.0, 0.4, 0.6, 1.5}) {
        CAPTURE(contribution);
        Story open(options());
        put_seed(open.reports[0], Stage::holding, 50.0, 50.0, 9);
        open.reports[0].metrics.record_contribution({contribution, 0.1, 9},
                                                    judge::MeasureKind::shadow);
        CHECK(open.epoch(50.0, true)[0].action == Action::advance);
        // Not proposed and refused for ever: a seed that the judge refuses goes.
        Story shut(options());
        put_seed(shut.reports[0], Stage::holding, 50.0, 50.0, 9);
        shut.reports[0].metrics.record_contribution({contribution, 0.1, 9},
                                                    judge::MeasureKind::shadow);
        shut.verdicts = {judge::Verdict::does_not_help};
        CHECK(shut.epoch(50.0, false)[0].action == Action::prune);
    }
}

TEST_CASE("a prune adds 2 to the blueprint's penalty, which halves every epoch", "[K]") {
    Story story(options());
    put_seed(story.reports[0], Stage::blending, 50.0, 40.0, 1);
    CHECK(story.epoch(40.0)[0].action == Action::prune);
    CHECK(story.penalty("norm") == 2.0);
    CHECK(story.penalty("attention") == 0.0);
    CHECK(story.penalty("never heard of") == 0.0);
    story.reports[0].stage = Stage::pruned;
    CHECK(story.epoch(40.0).empty());
    CHECK(story.penalty("norm") == 1.0);
    CHECK(story.epoch(40.0).empty());
    CHECK(story.penalty("norm") == 0.5);
}

TEST_CASE("the blueprint with the least penalty is next, and 3 or more is skipped", "[K]") {
    HeuristicOptions patient = options();
    patient.penalty_decay = 1.0;
    patient.prune_penalty = 1.5;

    SECTION("the other one after a prune") {
        Story story(patient);
        put_seed(story.reports[0], Stage::blending, 50.0, 40.0, 1, "norm");
        CHECK(story.epoch(40.0)[0].action == Action::prune);
        story.reports[0] = SlotReport{.slot = "r0c0"};
        REQUIRE(story.first_decision(40.0) > 0);
        for (int epoch = 0; epoch < 2; ++epoch) CHECK(story.epoch(40.0).empty());
        const auto decisions = story.epoch(40.0);
        REQUIRE(decisions.size() == 1);
        CHECK(decisions[0].blueprint == "attention");
    }
    SECTION("none at the limit, one just below it") {
        patient.blueprints = {"norm"};
        Story story(patient);
        put_seed(story.reports[0], Stage::blending, 50.0, 40.0, 1, "norm");
        CHECK(story.epoch(40.0)[0].action == Action::prune);
        CHECK(story.epoch(40.0)[0].action == Action::prune);
        CHECK(story.penalty("norm") == 3.0);
        story.reports[0] = SlotReport{.slot = "r0c0"};
        CHECK(story.first_decision(40.0) == 0);

        patient.penalty_limit = 3.1;
        Story lenient(patient);
        put_seed(lenient.reports[0], Stage::blending, 50.0, 40.0, 1, "norm");
        lenient.epoch(40.0);
        lenient.epoch(40.0);
        lenient.reports[0] = SlotReport{.slot = "r0c0"};
        CHECK(lenient.first_decision(40.0) > 0);
    }
}

TEST_CASE("an accuracy that is no number is no improvement, even as the first", "[K]") {
    Story story(options());
    CHECK(story.epoch(std::nan("")).empty());
    for (int epoch = 2; epoch <= 4; ++epoch) CHECK(story.epoch(50.0).empty());
    CHECK(story.epoch(50.0).size() == 1);
}

}  // namespace
}  // namespace kasmina::heuristic_controller_test
