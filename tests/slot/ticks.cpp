// A slot's ticks: the cooldown, and steps that it takes by itself.
#include <vector>

#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/slot/slot.hpp>

#include "slot/alone.hpp"
#include "support/catch.hpp"

namespace kasmina::ticks_test {
namespace {

using namespace test;
using B = Chosen64;

TEST_CASE("the cooldown takes seven ticks, one stage a tick", "[S-7]") {
    Open open;
    go_to(open.slot, Stage::training);
    open.slot.prune("why");
    const std::vector<Stage> stages{Stage::embargoed, Stage::embargoed, Stage::embargoed,
                                    Stage::embargoed, Stage::embargoed, Stage::resetting,
                                    Stage::dormant};
    int left = 7;
    for (const Stage stage : stages) {
        CHECK(open.slot.report().cooldown_ticks_left == left--);
        CHECK(open.slot.record() != nullptr);
        CHECK_THROWS_AS(open.slot.germinate("norm"), LifecycleError);
        open.slot.record_score(50.0);
        CHECK(open.slot.step_epoch().to == stage);
        CHECK(open.slot.stage() == stage);
    }
    CHECK(open.slot.record() == nullptr);
    CHECK(open.slot.report().cooldown_ticks_left == 0);
    CHECK_NOTHROW(open.slot.germinate("norm"));
}

TEST_CASE("the stages of a cooldown count their ticks", "[L-8]") {
    Open open;
    go_to(open.slot, Stage::training);
    open.slot.prune("why");
    CHECK(open.slot.record()->metrics.epochs_in_stage == 0);
    while (open.slot.stage() != Stage::resetting) open.slot.step_epoch();
    const std::vector<StageEntry>& history = open.slot.record()->history;
    CHECK(history[history.size() - 2].from == Stage::pruned);
    CHECK(history[history.size() - 2].epochs_in_from == 1);
    CHECK(history.back().from == Stage::embargoed);
    CHECK(history.back().epochs_in_from == 5);
    CHECK(open.slot.record()->metrics.epochs_in_stage == 0);
    CHECK(open.slot.record()->metrics.epochs_total == 0);  // a pruned seed does not live
}

TEST_CASE("the embargo's length is the slot's option", "[S-7]") {
    Open open({.embargo_ticks = 2});
    go_to(open.slot, Stage::training);
    open.slot.prune("why");
    for (int tick = 0; tick < 3; ++tick) open.slot.step_epoch();
    CHECK(open.slot.stage() == Stage::resetting);
    CHECK_THROWS_AS(Open({.embargo_ticks = 0}), OptionError);
}

TEST_CASE("no seed moves by itself unless told so", "[G-9]") {
    Open open;
    open.slot.germinate("norm");
    for (int tick = 0; tick < 10; ++tick) CHECK_FALSE(open.slot.step_epoch().changed_stage());
    CHECK(open.slot.stage() == Stage::germinated);
}

TEST_CASE("auto-forward takes one step a tick and stops in holding", "[G-9][S-7][I-8]") {
    Open open({.auto_forward = {.g1 = true, .g2 = true, .g3 = true}});
    open.slot.germinate("norm");
    CHECK(open.slot.step_epoch().to == Stage::training);
    CHECK(open.slot.step_epoch().to == Stage::training);
    CHECK(open.slot.step_epoch().to == Stage::training);
    CHECK(open.slot.step_epoch().to == Stage::blending);
    CHECK(open.slot.alpha() > 0.0);
    for (int tick = 0; tick < 20; ++tick) open.slot.step_epoch();
    CHECK(open.slot.stage() == Stage::holding);
}

TEST_CASE("a ramp that begins and ends with one tick says so", "[A-3][G-9][I-8]") {
    Open open({.auto_forward = {.g2 = true}});
    open.slot.germinate("norm", {.tempo_epochs = 1});
    open.slot.advance();
    for (int tick = 0; tick < 2; ++tick) CHECK_FALSE(open.slot.step_epoch().ramp_ended);
    const TickResult tick = open.slot.step_epoch();
    CHECK(tick.to == Stage::blending);
    CHECK(tick.ramp_ended);
    CHECK(open.slot.alpha() == 1.0);
}

/// Open gates, but for the library's own G3.
template <bool Strict>
struct WithG3 : DefaultPolicies {
    using Gates =
        GateSet<test::OpenGate<Gate::g0>, test::OpenGate<Gate::g1>, test::OpenGate<Gate::g2>,
                gates::Blended<Strict>, test::OpenGate<Gate::g5>>;
};

/// Epochs that a seed with a ramp of one tick passes in blending before G3 lets it go on by itself.
template <bool Strict>
int epochs_until_holding() {
    Alone<Slot<B, CnnBlueprints, WithG3<Strict>>, WithG3<Strict>> alone(
        {.auto_forward = {.g3 = true}});
    alone.slot.germinate("norm", {.tempo_epochs = 1});
    while (alone.slot.stage() != Stage::blending) alone.slot.advance();
    int epochs = 0;
    while (alone.slot.stage() == Stage::blending && epochs < 20) {
        alone.slot.step_epoch();
        ++epochs;
    }
    return epochs;
}

TEST_CASE("auto-forward over G3 waits for the least epochs with a strict gate alone", "[G-9]") {
    CHECK(epochs_until_holding<true>() == 3);
    CHECK(epochs_until_holding<false>() == 1);
}

}  // namespace
}  // namespace kasmina::ticks_test
