// The steps of a slot: forward ones through their gates, what they note, and what they refuse.
#include <concepts>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/slot/slot.hpp>

#include "slot/alone.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::slot_test {
namespace {

using namespace test;
using B = Chosen64;

TEST_CASE("advance without a target walks to fossilized, and no further", "[S-2][L-7]") {
    Open open;
    open.slot.germinate("norm");
    for (const Stage next : {Stage::training, Stage::blending, Stage::holding, Stage::fossilized}) {
        const AdvanceResult result = open.slot.advance();
        CHECK(result.advanced);
        CHECK(result.to == next);
        CHECK(open.slot.stage() == next);
    }
    CHECK_THROWS_AS(open.slot.advance(), LifecycleError);
}

TEST_CASE("a target that is not the next step is an error, gate or no gate", "[S-2][L-7][L-9]") {
    for (const Stage stage : live_stages) {
        Open open;
        go_to(open.slot, stage);
        const std::optional<Stage> next = next_stage(stage);
        for (const Stage target : all_stages) {
            if (target == next) continue;
            CHECK_THROWS_AS(open.slot.advance(target), LifecycleError);
            CHECK(open.slot.stage() == stage);
        }
        CHECK(open.slot.advance(next).advanced);
    }
    Open dormant;
    CHECK_THROWS_AS(dormant.slot.advance(), LifecycleError);
    const std::string text =
        test::error_text<LifecycleError>([&] { dormant.slot.advance(Stage::germinated); });
    CHECK(test::mentions(text, "germinate"));
}

TEST_CASE("an illegal step names both stages and lists the allowed ones", "[L-4][S-2]") {
    const auto text_of_advance = [](Stage from, std::optional<Stage> to) {
        Open open;
        go_to(open.slot, from);
        return test::error_text<LifecycleError>([&] { open.slot.advance(to); });
    };
    const std::string skips = text_of_advance(Stage::training, Stage::holding);
    CHECK(test::mentions(skips, "training to holding"));
    CHECK(test::mentions(skips, "training may go to blending, pruned"));
    CHECK(test::mentions(text_of_advance(Stage::fossilized, std::nullopt), "fossilized is final"));
    Open dormant;
    const std::string prunes = test::error_text<LifecycleError>([&] { dormant.slot.prune("why"); });
    CHECK(test::mentions(prunes, "dormant to pruned"));
    CHECK(test::mentions(prunes, "dormant may go to germinated"));
}

TEST_CASE("a shut gate keeps the seed where it is", "[S-2]") {
    Strict strict;
    strict.slot.germinate("conv_light");
    CHECK(strict.slot.advance().advanced);
    const std::size_t history = strict.slot.record()->history.size();
    const AdvanceResult result = strict.slot.advance();
    CHECK_FALSE(result.advanced);
    CHECK(result.gate.gate() == Gate::g2);
    CHECK(strict.slot.stage() == Stage::training);
    CHECK(strict.slot.record()->history.size() == history);
    CHECK(strict.slot.ask_gate().passed() == false);
}

/// Rank 0 always decides against this rank's verdict.
struct Overruled {
    [[nodiscard]] static constexpr int rank() noexcept { return 1; }
    [[nodiscard]] static constexpr int size() noexcept { return 2; }
    [[nodiscard]] static constexpr bool decide(bool verdict) noexcept { return !verdict; }
};

struct OverruledPolicies : DefaultPolicies {
    using Communicator = Overruled;
};

TEST_CASE("what rank 0 decides is done, and a verdict that differed is noted", "[S-2][D-1]") {
    Alone<Slot<B, CnnBlueprints, OverruledPolicies>, OverruledPolicies> alone;
    const AdvanceResult refused = alone.slot.germinate("norm");
    CHECK(refused.gate.passed());
    CHECK_FALSE(refused.advanced);
    CHECK(refused.verdict_differed);
    CHECK(alone.slot.stage() == Stage::dormant);
    CHECK(alone.slot.record() == nullptr);
}

TEST_CASE("a slot moves and is not copied", "[S-11]") {
    static_assert(std::movable<OpenSlot>);
    static_assert(!std::copy_constructible<OpenSlot>);
    static_assert(!std::is_copy_assignable_v<OpenSlot>);
    Open open;
    go_to(open.slot, Stage::blending);
    open.slot.step_epoch();
    const double alpha = open.slot.alpha();
    OpenSlot moved = std::move(open.slot);
    CHECK(moved.stage() == Stage::blending);
    CHECK(moved.alpha() == alpha);
    CHECK(moved.report().time_to_target == 4);
    CHECK(moved.prune("why").done);
}

TEST_CASE("a transition is noted, and the stage's count and baseline start anew", "[L-8]") {
    Open open;
    go_to(open.slot, Stage::training);
    open.slot.record_score(40.0);
    open.slot.step_epoch();
    open.slot.step_epoch();
    open.slot.record_score(46.0);
    CHECK(open.slot.record()->metrics.improvement_since_stage_start() == 6.0);
    open.slot.advance();
    const SeedRecord& record = *open.slot.record();
    REQUIRE(record.history.size() == 3);
    CHECK(record.history.back().from == Stage::training);
    CHECK(record.history.back().to == Stage::blending);
    CHECK(record.history.back().epochs_in_from == 2);
    CHECK(record.metrics.epochs_in_stage == 0);
    CHECK(record.metrics.epochs_total == 2);
    CHECK(record.metrics.improvement_since_stage_start() == 0.0);
    CHECK(record.metrics.score_at_blending_start == 46.0);
    CHECK(open.slot.report().previous_stage == Stage::training);
}

TEST_CASE("a history keeps the last hundred transitions", "[L-8]") {
    SeedRecord record;
    for (int i = 0; i < 130; ++i) {
        record.metrics.epochs_in_stage = i;
        record.enter(Stage::holding, Stage::blending);
    }
    REQUIRE(record.history.size() == 100);
    CHECK(record.history.front().epochs_in_from == 30);
    CHECK(record.history.back().epochs_in_from == 129);
}

TEST_CASE("isolation is on from training on, and stays on in a CNN's blending", "[S-3][I-3]") {
    Open open;
    open.slot.germinate("norm");
    CHECK_FALSE(open.slot.isolated());
    open.slot.advance();
    CHECK(open.slot.isolated());
    open.slot.advance();
    CHECK(open.slot.isolated());
    open.slot.prune("enough");
    CHECK_FALSE(open.slot.isolated());
}

TEST_CASE("isolation ends with holding, and does not come back with blending", "[I-3][S-5][S-6]") {
    Open open;
    go_to(open.slot, Stage::holding);
    CHECK_FALSE(open.slot.isolated());
    REQUIRE(open.slot.set_alpha_target(0.5, 0).done);
    REQUIRE(open.slot.stage() == Stage::blending);
    CHECK_FALSE(open.slot.isolated());
    REQUIRE(open.slot.advance().advanced);
    CHECK_FALSE(open.slot.isolated());
    REQUIRE(open.slot.advance().advanced);
    REQUIRE(open.slot.stage() == Stage::fossilized);
    CHECK_FALSE(open.slot.isolated());
}

TEST_CASE("blending ramps over the tempo from its first tick on", "[S-3][I-8][A-10]") {
    Open open;
    open.slot.germinate("norm");
    open.slot.advance();
    open.slot.advance();
    const std::vector<double> ramp{0.0242442643, 0.2301406958, 0.7698593042, 0.9757557357, 1.0};
    CHECK(open.slot.report().time_to_target == 5);
    for (std::size_t i = 0; i < ramp.size(); ++i) {
        CHECK(open.slot.step_epoch().ramp_ended == (i + 1 == ramp.size()));
        CHECK(open.slot.alpha() == Approx(ramp[i]).epsilon(1e-9));
        CHECK(open.slot.report().alpha.alpha == open.slot.alpha());
        CHECK(open.slot.report().alpha.steps_done == static_cast<int>(i) + 1);
    }
    CHECK(open.slot.alpha() == 1.0);
    CHECK(open.slot.report().time_to_target == 0);
}

TEST_CASE("a first ramp takes the steepness that was given at germination", "[A-10][S-3]") {
    Open open;
    open.slot.germinate("norm", {.steepness = 6.0, .tempo_epochs = 4});
    while (open.slot.stage() != Stage::blending) open.slot.advance();
    for (const double alpha : {0.1491464521, 0.5, 0.8508535479, 1.0}) {
        open.slot.step_epoch();
        CHECK(open.slot.alpha() == Approx(alpha).epsilon(1e-9));
    }
}

TEST_CASE("holding is at full amplitude with nothing scheduled", "[S-3]") {
    Open open;
    go_to(open.slot, Stage::holding);
    const SlotReport report = open.slot.report();
    CHECK(report.alpha.alpha == 1.0);
    CHECK(report.alpha.target == 1.0);
    CHECK(report.alpha.mode == AlphaMode::hold);
    CHECK(report.time_to_target == 0);
}

}  // namespace
}  // namespace kasmina::slot_test
