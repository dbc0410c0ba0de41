// What is measured of a seed: what gates are shown, what is refused, and what a report keeps.
#include <limits>
#include <vector>

#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/slot/slot.hpp>

#include "slot/alone.hpp"
#include "support/catch.hpp"

namespace kasmina::measurements_test {
namespace {

using namespace test;
using B = Chosen64;

TEST_CASE("gates are shown what was recorded, and what was never measured is absent",
          "[G-3][G-4][G-6]") {
    Open open;
    go_to(open.slot, Stage::training);
    const GateEvidence before = open.slot.evidence();
    CHECK(before.stage == Stage::training);
    CHECK(before.has_seed_id);
    CHECK(before.has_blueprint_id);
    CHECK_FALSE(before.gradient_ratio.has_value());
    CHECK_FALSE(before.gradients.has_value());
    CHECK_FALSE(before.readiness.has_value());
    CHECK_FALSE(before.contribution.has_value());
    CHECK(before.contribution_by == judge::MeasureKind::none);
    CHECK(before.healthy);

    const auto record = [&open](std::vector<double> tensor_norms) {
        open.slot.record_gradients({.norm = 2.0, .parameters = 600, .measured = true},
                                   {.norm = 1.0, .parameters = 600, .measured = true}, tensor_norms,
                                   true);
    };
    record({1.0, 1e-8});
    open.slot.record_contribution({2.5, 0.5, 6}, judge::MeasureKind::own);
    open.slot.record_readiness(-1.0);
    open.slot.record_readiness(2.0);
    open.slot.record_score(40.0);
    open.slot.record_score(41.5);
    open.slot.step_epoch();
    const GateEvidence after = open.slot.evidence();
    CHECK(after.epochs_in_stage == 1);
    CHECK(after.improvement_since_stage_start == 1.5);
    CHECK(after.gradient_ratio == 0.5);
    CHECK(after.contribution == judge::Estimate{2.5, 0.5, 6});
    CHECK(after.contribution_by == judge::MeasureKind::own);
    REQUIRE(after.readiness.has_value());
    CHECK(after.readiness->value == 0.5);
    CHECK(after.readiness->count == 2);
    REQUIRE(after.gradients.has_value());
    CHECK(after.gradients->health == 0.75);
    CHECK(after.gradients->vanishing);
    CHECK_FALSE(after.gradients->exploding);
    CHECK(after.healthy);

    record({1.0, std::numeric_limits<double>::infinity()});
    CHECK(open.slot.evidence().gradients->exploding);
    CHECK_FALSE(open.slot.evidence().healthy);
}

TEST_CASE("a seed with an exploding gradient does not fossilize, whatever it contributes",
          "[G-6][S-2]") {
    Strict strict;
    strict.services.gates.thresholds.min_blending_epochs = 0;
    strict.services.gates.thresholds.min_training_improvement = 0.0;
    strict.slot.germinate("norm", {.tempo_epochs = 1});
    strict.slot.advance();
    const auto record = [&strict](double tensor_norm) {
        strict.slot.record_gradients({.norm = 1.0, .parameters = 17, .measured = true},
                                     {.norm = 1.0, .parameters = 17, .measured = true},
                                     std::vector<double>{tensor_norm, 1.0}, true);
    };
    record(1.0);
    REQUIRE(strict.slot.advance().advanced);
    strict.slot.step_epoch();
    REQUIRE(strict.slot.advance().advanced);
    CHECK(strict.slot.advance().gate.failed("contribution_measured"));
    constexpr double unknown = std::numeric_limits<double>::infinity();
    strict.slot.record_contribution({50.0, unknown, 1}, judge::MeasureKind::ablation);
    record(11.0);
    CHECK(strict.slot.advance().gate.failed("seed_healthy"));
    CHECK(strict.slot.stage() == Stage::holding);
    record(1.0);
    CHECK(strict.slot.advance().advanced);
}

TEST_CASE("accuracies start with the first measurement and cool down ignored", "[S-12][S-8]") {
    Open open;
    open.slot.record_score(99.0);
    go_to(open.slot, Stage::training);
    CHECK_FALSE(open.slot.record()->metrics.best_score.has_value());
    open.slot.record_score(-3.0);
    CHECK(open.slot.record()->metrics.best_score == -3.0);
    open.slot.record_score(-5.0);
    CHECK(open.slot.record()->metrics.best_score == -3.0);
    CHECK(open.slot.record()->metrics.total_improvement() == -2.0);
    CHECK_THROWS_AS(open.slot.record_score(std::nan("")), NumericError);
    const auto own = judge::MeasureKind::own;
    CHECK_THROWS_AS(open.slot.record_contribution({std::nan(""), 1.0, 3}, own), NumericError);
    CHECK_THROWS_AS(open.slot.record_dependence(std::nan("")), NumericError);
    CHECK_THROWS_AS(open.slot.record_readiness(std::nan("")), NumericError);
    open.slot.prune("why");
    open.slot.record_score(70.0);
    CHECK(open.slot.record()->metrics.current_score == -5.0);
    CHECK_THROWS_AS(open.slot.record_contribution({1.0, 1.0, 3}, own), LifecycleError);
    CHECK_THROWS_AS(open.slot.record_dependence(1.0), LifecycleError);
    CHECK_THROWS_AS(open.slot.record_readiness(1.0), LifecycleError);
}

TEST_CASE(
    "a contribution is averaged over the epochs at full amplitude, and starts anew with each "
    "holding",
    "[S-8][J-1]") {
    Open open;
    go_to(open.slot, Stage::holding);
    for (const double lead : {1.0, 2.0, 6.0}) open.slot.record_lead(lead);
    const SeedMetrics& metrics = open.slot.record()->metrics;
    REQUIRE(metrics.contribution);
    CHECK(metrics.contribution->value == Approx(3.0));
    CHECK(metrics.contribution->count == 3);
    CHECK(metrics.contribution->has_error());
    CHECK(metrics.contribution_by == judge::MeasureKind::shadow);
    open.slot.record_dependence(20.0);
    CHECK(metrics.dependence == 20.0);
    CHECK(metrics.contribution->value == Approx(3.0));  // leaning is no help

    REQUIRE(open.slot.set_alpha_target(0.5, 0).done);
    CHECK_THROWS_AS(open.slot.record_lead(1.0), LifecycleError);
    REQUIRE(open.slot.advance().advanced);
    CHECK_FALSE(metrics.contribution);
    CHECK(metrics.contribution_by == judge::MeasureKind::none);
    open.slot.record_lead(-1.0);
    CHECK(metrics.contribution->value == -1.0);
    CHECK(metrics.contribution->count == 1);
    CHECK_FALSE(metrics.contribution->has_error());
}

TEST_CASE("what no measure gives is not recorded", "[J-1][E-2]") {
    Open open;
    go_to(open.slot, Stage::holding);
    const SlotState before = open.slot.state();
    const auto own = judge::MeasureKind::own;
    CHECK_THROWS_AS(open.slot.record_contribution({1.0, 1.0, 3}, judge::MeasureKind::none),
                    OptionError);
    CHECK_THROWS_AS(open.slot.record_contribution({1.0, -1.0, 3}, own), OptionError);
    CHECK_THROWS_AS(open.slot.record_contribution({1.0, std::nan(""), 3}, own), OptionError);
    CHECK_THROWS_AS(open.slot.record_contribution({1.0, 1.0, -1}, own), OptionError);
    CHECK_THROWS_AS(open.slot.record_lead(1.0, judge::MeasureKind::none), OptionError);
    CHECK(open.slot.state() == before);
}

TEST_CASE(
    "by default a seed that is ready is blended in, however the network does meanwhile, and "
    "one that is not stays behind the host",
    "[S-13][G-10]") {
    Default place;
    place.services.gates.thresholds.min_blending_epochs = 0;
    place.slot.germinate("norm");
    REQUIRE(place.slot.advance().advanced);
    place.slot.record_gradients({.norm = 1.0, .parameters = 17, .measured = true},
                                {.norm = 1.0, .parameters = 17, .measured = true},
                                std::vector<double>{1.0, 1.0, 1.0}, true);
    place.slot.record_score(50.0);
    place.slot.record_score(40.0);
    CHECK(place.slot.advance().gate.failed("readiness_measured"));
    place.slot.record_readiness(-1.0);
    CHECK(place.slot.advance().gate.failed("readiness"));
    CHECK(place.slot.stage() == Stage::training);
    place.slot.record_readiness(0.75);
    CHECK(place.slot.advance().advanced);  // -0.125 points on average
    CHECK(place.slot.stage() == Stage::blending);
}

TEST_CASE("a seed in training takes an override of its amplitude", "[A-8][G-10]") {
    for (const auto incubation : {Incubation::feedback, Incubation::straight_through}) {
        Open open;
        open.slot.germinate("norm", {.alpha_target = 0.5, .incubation = incubation});
        const AlphaOverrides half = AlphaOverrides{}.with("r0c0", 0.5);
        CHECK_THROWS_AS(open.slot.check_override(*half.find("r0c0"), 2), OptionError);
        open.slot.advance();
        REQUIRE(open.slot.stage() == Stage::training);
        CHECK_NOTHROW(open.slot.check_override(*half.find("r0c0"), 2));
        CHECK(open.slot.runs(false, half.find("r0c0")));
        CHECK_FALSE(open.slot.runs(false, nullptr));
        CHECK(open.slot.target_amplitude() == 0.5);
    }
}

TEST_CASE("a report stays true to the moment it was taken at", "[S-9]") {
    Open open;
    go_to(open.slot, Stage::blending);
    const SlotReport before = open.slot.report();
    open.slot.prune("why");
    CHECK(before.stage == Stage::blending);
    CHECK(before.blueprint == "conv_light");
    CHECK(before.slot == "r0c0");
    CHECK(before.isolated);
}

}  // namespace
}  // namespace kasmina::measurements_test
