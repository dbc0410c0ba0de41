// Prunes and changes of amplitude: at once, by a ramp with the seed frozen, or refused.
#include <string>

#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/slot/slot.hpp>

#include "slot/alone.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::ramps_test {
namespace {

using namespace test;
using B = Chosen64;

TEST_CASE("a live seed can be pruned at once from any stage", "[S-4]") {
    for (const Stage stage : live_stages) {
        Open open;
        go_to(open.slot, stage);
        CHECK(open.slot.prune("too slow").done);
        CHECK(open.slot.stage() == Stage::pruned);
        CHECK(open.slot.alpha() == 0.0);
        CHECK(open.slot.parameters().empty());
        REQUIRE(open.slot.record() != nullptr);
        CHECK(open.slot.record()->metrics.prune_reason == "too slow");
        CHECK_FALSE(open.slot.record()->metrics.auto_pruned);
    }
}

TEST_CASE("a second prune says so and changes nothing", "[S-4]") {
    Open open;
    go_to(open.slot, Stage::training);
    open.slot.prune("first");
    for (int tick = 0; tick < 7; ++tick) {
        const Stage stage = open.slot.stage();
        const Outcome outcome = open.slot.prune("governor_nan");
        CHECK_FALSE(outcome.done);
        CHECK(test::mentions(outcome.reason, std::string(name_of(stage))));
        CHECK(open.slot.stage() == stage);
        CHECK(open.slot.record()->metrics.prune_reason == "first");
        CHECK_FALSE(open.slot.record()->metrics.auto_pruned);
        open.slot.step_epoch();
    }
    CHECK(open.slot.stage() == Stage::dormant);
}

TEST_CASE("what is not there or final cannot be pruned", "[S-4][S-5]") {
    Open dormant;
    CHECK_THROWS_AS(dormant.slot.prune("why"), LifecycleError);
    Open fossil;
    go_to(fossil.slot, Stage::fossilized);
    CHECK_THROWS_AS(fossil.slot.prune("governor_nan"), LifecycleError);
    CHECK_THROWS_AS(fossil.slot.schedule_prune(3, AlphaCurve::linear, 12.0, "why"), LifecycleError);
    CHECK(fossil.slot.stage() == Stage::fossilized);
    CHECK_FALSE(fossil.slot.record()->metrics.auto_pruned);
    CHECK(fossil.slot.record()->metrics.prune_reason.empty());
}

TEST_CASE("a governor's prune is marked automatic", "[S-4]") {
    Open open;
    go_to(open.slot, Stage::blending);
    open.slot.prune("governor_divergence", "governor");
    CHECK(open.slot.record()->metrics.auto_pruned);
}

TEST_CASE("a scheduled prune ramps down frozen and prunes on the tick at 0", "[S-5][I-6]") {
    Open open;
    go_to(open.slot, Stage::holding);
    auto parameters = open.slot.parameters();
    REQUIRE(parameters.size() == 4);
    CHECK(open.slot.schedule_prune(4, AlphaCurve::linear, 12.0, "governor_rollback").done);
    CHECK(open.slot.stage() == Stage::blending);
    CHECK(open.slot.report().prune_scheduled);
    CHECK(open.slot.report().blending_out);
    for (const auto& named : open.slot.parameters()) CHECK_FALSE(named.parameter->trainable());
    CHECK(open.slot.record()->metrics.seed_parameters == 600);
    for (const double alpha : {0.75, 0.5, 0.25}) {
        open.slot.step_epoch();
        CHECK(open.slot.alpha() == Approx(alpha));
        CHECK_FALSE(open.slot.record()->metrics.auto_pruned);
    }
    const TickResult last = open.slot.step_epoch();
    CHECK(last.ramp_ended);
    CHECK(last.to == Stage::pruned);
    CHECK(open.slot.record()->metrics.auto_pruned);
}

TEST_CASE("a prune without a ramp happens at once", "[S-5]") {
    for (const Stage stage : {Stage::germinated, Stage::training, Stage::blending}) {
        Open open;
        go_to(open.slot, stage);
        CHECK(open.slot.schedule_prune(5, AlphaCurve::linear, 12.0, "why").done);
        CHECK(open.slot.stage() == Stage::pruned);
    }
    Open holding;
    go_to(holding.slot, Stage::holding);
    CHECK(holding.slot.schedule_prune(0, AlphaCurve::linear, 12.0, "why").done);
    CHECK(holding.slot.stage() == Stage::pruned);
}

TEST_CASE("a ramp under way refuses another one, with the reason", "[S-5][S-6]") {
    Open open;
    go_to(open.slot, Stage::blending);
    open.slot.step_epoch();
    const double alpha = open.slot.alpha();
    for (const Outcome& outcome :
         {open.slot.schedule_prune(3, AlphaCurve::linear, 12.0, "why"),
          open.slot.set_alpha_target(0.5, 3), open.slot.set_alpha_target(0.5, 3)}) {
        CHECK_FALSE(outcome.done);
        CHECK(test::mentions(outcome.reason, "ramp"));
    }
    CHECK(open.slot.alpha() == alpha);
    CHECK(open.slot.stage() == Stage::blending);
    CHECK_FALSE(open.slot.report().prune_scheduled);
    CHECK(open.slot.report().time_to_target == 4);
}

TEST_CASE("a ramp of a kind that does not exist is an error and changes nothing",
          "[S-5][S-6][E-2]") {
    Open open;
    go_to(open.slot, Stage::holding);
    const SlotState before = open.slot.state();
    const auto no_curve = static_cast<AlphaCurve>(4);
    const auto no_algorithm = static_cast<BlendAlgorithm>(0);
    const double nan = std::nan("");
    CHECK_THROWS_AS(open.slot.set_alpha_target(0.5, 2, no_curve), OptionError);
    CHECK_THROWS_AS(open.slot.set_alpha_target(0.5, 2, AlphaCurve::linear, nan), OptionError);
    CHECK_THROWS_AS(open.slot.set_alpha_target(0.5, 2, AlphaCurve::linear, 12.0, no_algorithm),
                    OptionError);
    CHECK_THROWS_AS(open.slot.schedule_prune(2, no_curve, 12.0, "why"), OptionError);
    CHECK_THROWS_AS(open.slot.schedule_prune(0, AlphaCurve::linear, nan, "why"), OptionError);
    CHECK(open.slot.state() == before);
}

TEST_CASE("an alpha target outside blending and holding is refused", "[S-6]") {
    for (const Stage stage : {Stage::germinated, Stage::training, Stage::fossilized}) {
        Open open;
        go_to(open.slot, stage);
        const Outcome outcome = open.slot.set_alpha_target(0.5, 3);
        CHECK_FALSE(outcome.done);
        CHECK(test::mentions(outcome.reason, std::string(name_of(stage))));
        CHECK(open.slot.stage() == stage);
    }
    Open open;
    go_to(open.slot, Stage::holding);
    for (const double target : {0.0, -0.5, 1.5, std::nan("")}) {
        CHECK_THROWS_AS(open.slot.set_alpha_target(target, 3), OptionError);
    }
    CHECK(open.slot.stage() == Stage::holding);
}

TEST_CASE("a target below 1 takes a holding seed back to blending", "[S-6][L-9]") {
    Open open;
    go_to(open.slot, Stage::holding);
    CHECK(open.slot.set_alpha_target(1.0, 3).done);
    CHECK(open.slot.stage() == Stage::holding);
    CHECK(open.slot.set_alpha_target(0.5, 2, AlphaCurve::linear).done);
    CHECK(open.slot.stage() == Stage::blending);
    CHECK(open.slot.alpha() == 1.0);
    open.slot.step_epoch();
    CHECK(open.slot.alpha() == Approx(0.75));
    open.slot.step_epoch();
    CHECK(open.slot.alpha() == 0.5);
    for (const auto& named : open.slot.parameters()) CHECK(named.parameter->trainable());
}

TEST_CASE("exactly what was frozen thaws at the end of the ramp", "[I-6]") {
    Open open;
    go_to(open.slot, Stage::holding);
    open.slot.parameters()[1].parameter->set_trainable(false);
    open.slot.set_alpha_target(0.5, 2, AlphaCurve::linear);
    open.slot.step_epoch();
    for (const auto& named : open.slot.parameters()) CHECK_FALSE(named.parameter->trainable());
    open.slot.step_epoch();
    const auto parameters = open.slot.parameters();
    CHECK(parameters[0].parameter->trainable());
    CHECK_FALSE(parameters[1].parameter->trainable());
    CHECK(parameters[2].parameter->trainable());
}

TEST_CASE("an advance that ends a ramp down thaws what the ramp froze", "[I-6][S-3]") {
    Open open;
    go_to(open.slot, Stage::holding);
    open.slot.parameters()[1].parameter->set_trainable(false);
    CHECK(open.slot.schedule_prune(4, AlphaCurve::linear, 12.0, "why").done);
    open.slot.step_epoch();
    CHECK(open.slot.advance().advanced);
    CHECK(open.slot.stage() == Stage::holding);
    CHECK_FALSE(open.slot.report().blending_out);
    CHECK_FALSE(open.slot.report().prune_scheduled);
    const auto parameters = open.slot.parameters();
    CHECK(parameters[0].parameter->trainable());
    CHECK_FALSE(parameters[1].parameter->trainable());
    CHECK(parameters[2].parameter->trainable());
}

TEST_CASE("a gated seed ramps down linearly too, whatever was asked", "[A-6][S-5]") {
    Open open;
    open.slot.germinate("norm", {.algorithm = BlendAlgorithm::gate});
    while (open.slot.stage() != Stage::holding) open.slot.advance();
    CHECK(open.slot.schedule_prune(4, AlphaCurve::cosine, 12.0, "why").done);
    CHECK(open.slot.report().alpha.curve == AlphaCurve::linear);
    open.slot.step_epoch();
    CHECK(open.slot.alpha() == 0.75);
}

TEST_CASE("changing the algorithm makes and drops the gate network", "[S-6][A-6]") {
    Open open;
    go_to(open.slot, Stage::holding);
    CHECK(
        open.slot
            .set_alpha_target(0.5, 2, AlphaCurve::sigmoid, default_steepness, BlendAlgorithm::gate)
            .done);
    CHECK(open.slot.record()->metrics.seed_parameters == 600 + 81);
    CHECK(open.slot.report().algorithm == BlendAlgorithm::gate);
    CHECK(open.slot.report().alpha.curve == AlphaCurve::linear);
    open.slot.step_epoch();
    open.slot.step_epoch();
    CHECK(open.slot
              .set_alpha_target(1.0, 0, AlphaCurve::linear, default_steepness, BlendAlgorithm::add)
              .done);
    CHECK(open.slot.record()->metrics.seed_parameters == 600);
    CHECK(open.slot.alpha() == 1.0);
}

TEST_CASE("a seed whose every parameter is frozen in training is told of, once", "[I-2]") {
    Open open;
    go_to(open.slot, Stage::training);
    CHECK(open.slot.step_epoch().notice.empty());
    const auto set_trainable = [&open](bool trainable) {
        for (const auto& named : open.slot.parameters()) {
            named.parameter->set_trainable(trainable);
        }
    };
    set_trainable(false);
    open.slot.parameters().front().parameter->set_trainable(true);
    CHECK(open.slot.step_epoch().notice.empty());
    set_trainable(false);
    const std::string notice = open.slot.step_epoch().notice;
    CHECK(test::mentions(notice, "all 4 parameter tensors"));
    CHECK(test::mentions(notice, "conv_light in r0c0"));
    CHECK(open.slot.stage() == Stage::training);
    CHECK(open.slot.step_epoch().notice.empty());
    set_trainable(true);
    set_trainable(false);
    CHECK(open.slot.step_epoch().notice.empty());

    Open noop;  // nothing to freeze
    noop.slot.germinate("noop");
    noop.slot.advance();
    REQUIRE(noop.slot.stage() == Stage::training);
    CHECK(noop.slot.step_epoch().notice.empty());
}

TEST_CASE("a seed that is taught learns with its gate network", "[I-9][A-6]") {
    Open open;
    open.slot.germinate("conv_light", {.algorithm = BlendAlgorithm::gate});
    CHECK_FALSE(open.slot.teaches());
    open.slot.advance();
    REQUIRE(open.slot.stage() == Stage::training);
    CHECK(open.slot.teaches());
    CHECK(open.slot.learning_parameters().size() == 4 + 4);
    open.slot.advance();
    CHECK_FALSE(open.slot.teaches());
    CHECK(open.slot.learning_parameters().size() == 4 + 4);
}

TEST_CASE("behind the host a gate network neither learns nor counts in the seed's gradients",
          "[I-4][A-6][I-2]") {
    Open open;
    CHECK(open.slot.learning_parameters().empty());
    open.slot.germinate("conv_light", {.algorithm = BlendAlgorithm::gate,
                                       .incubation = Incubation::straight_through});
    open.slot.advance();
    REQUIRE(open.slot.stage() == Stage::training);
    CHECK(open.slot.parameters().size() == 4 + 4);
    REQUIRE(open.slot.learning_parameters().size() == 4);
    for (const auto& named : open.slot.learning_parameters()) {
        CHECK_FALSE(named.name.starts_with("gate/"));
    }
    open.slot.advance();
    REQUIRE(open.slot.stage() == Stage::blending);
    CHECK(open.slot.learning_parameters().size() == 4 + 4);
}

TEST_CASE("a retarget without steps is the one alpha everywhere", "[A-9][A-10]") {
    Open open;
    go_to(open.slot, Stage::holding);
    CHECK(open.slot.set_alpha_target(0.25, 0).done);
    CHECK(open.slot.alpha() == 0.25);
    CHECK(open.slot.report().alpha.alpha == 0.25);
    CHECK(open.slot.evidence().alpha == 0.25);
    CHECK(open.slot.report().time_to_target == 0);
    CHECK(open.slot.set_alpha_target(1.0, 3).done);
}

}  // namespace
}  // namespace kasmina::ramps_test
