// Each gate by its rule: what passes, what fails, under which name, with which score.
#include <kasmina/gates/gate_set.hpp>
#include <kasmina/gates/message.hpp>

#include <limits>

#include "support/catch.hpp"

using namespace kasmina;

namespace {

constexpr StrictGates strict{};
constexpr PermissiveGates permissive{};
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Evidence that every gate passes.
constexpr GateEvidence good() {
    GateEvidence seen;
    seen.stage = Stage::germinated;
    seen.has_seed_id = true;
    seen.has_blueprint_id = true;
    seen.epochs_in_stage = 3;
    seen.improvement_since_stage_start = 0.5;
    seen.gradient_ratio = 0.10;
    seen.gradients = GradientEvidence{0.7, false, false};
    seen.alpha = 1.0;
    seen.alpha_target = 1.0;
    seen.contribution = 1.0;
    return seen;
}

constexpr Gate every[] = {Gate::g0, Gate::g1, Gate::g2, Gate::g3, Gate::g5};

static_assert(strict.evaluate<Gate::g2>(good()).passed());
static_assert(sizeof(GateResult) <= 400);

}  // namespace

TEST_CASE("evidence at every bound passes every gate", "[G-1][G-2][G-3][G-4][G-5][G-6]") {
    for (const Gate gate : every) {
        CAPTURE(name_of(gate));
        CHECK(strict.evaluate(gate, good()).passed());
        CHECK(permissive.evaluate(gate, good()).passed());
    }
}

TEST_CASE("G0 asks for both names", "[G-1]") {
    GateEvidence seen = good();
    seen.has_seed_id = false;
    CHECK(strict.evaluate(Gate::g0, seen).failed("seed_id_present"));
    seen = good();
    seen.has_blueprint_id = false;
    CHECK(strict.evaluate(Gate::g0, seen).failed("blueprint_id_present"));
}

TEST_CASE("G1 asks for the germinated stage", "[G-2]") {
    GateEvidence seen = good();
    seen.stage = Stage::training;
    CHECK(strict.evaluate(Gate::g1, seen).failed("stage_is_germinated"));
}

TEST_CASE("strict G2 fails each check by itself", "[G-3]") {
    GateEvidence seen = good();
    seen.improvement_since_stage_start = 0.499;
    CHECK(strict.evaluate(Gate::g2, seen).failed("training_improvement"));
    CHECK_FALSE(strict.evaluate(Gate::g2, seen).passed());
    seen = good();
    seen.epochs_in_stage = 2;
    CHECK(strict.evaluate(Gate::g2, seen).failed("epochs_in_stage"));
    seen = good();
    seen.gradient_ratio = 0.099;
    CHECK(strict.evaluate(Gate::g2, seen).failed("seed_gradient_ratio"));
}

TEST_CASE("a ratio never measured fails by its own name, unlike zero", "[G-3]") {
    GateEvidence seen = good();
    seen.gradient_ratio.reset();
    const GateResult absent = strict.evaluate(Gate::g2, seen);
    CHECK(absent.failed("seed_gradient_ratio_measured"));
    CHECK(absent.find("seed_gradient_ratio") == nullptr);
    seen.gradient_ratio = 0.0;
    const GateResult zero = strict.evaluate(Gate::g2, seen);
    CHECK(zero.failed("seed_gradient_ratio"));
    CHECK(zero.find("seed_gradient_ratio_measured") == nullptr);
}

TEST_CASE("the score of G2 is the improvement over 5, clamped", "[G-3]") {
    GateEvidence seen = good();
    for (const auto& [improvement, score] :
         {std::pair{2.5, 0.5}, std::pair{9.0, 1.0}, std::pair{-1.0, 0.0}}) {
        seen.improvement_since_stage_start = improvement;
        CHECK(strict.evaluate(Gate::g2, seen).score() == score);
    }
}

TEST_CASE("permissive G2 asks for sane gradients, not for improvement", "[G-4]") {
    GateEvidence seen = good();
    seen.improvement_since_stage_start = -3.0;
    seen.gradient_ratio.reset();
    CHECK(permissive.evaluate(Gate::g2, seen).passed());
    seen.gradients->health = 0.69;
    CHECK(permissive.evaluate(Gate::g2, seen).failed("gradient_health"));
    seen.gradients = GradientEvidence{1.0, false, true};
    CHECK(permissive.evaluate(Gate::g2, seen).failed("gradients_not_exploding"));
    seen.gradients.reset();
    CHECK(permissive.evaluate(Gate::g2, seen).failed("gradient_statistics_measured"));
    seen = good();
    seen.epochs_in_stage = 2;
    CHECK(permissive.evaluate(Gate::g2, seen).failed("epochs_in_stage"));
}

TEST_CASE("G3 asks for a held, full alpha; strict for epochs too", "[G-5]") {
    GateEvidence seen = good();
    seen.epochs_in_stage = 2;
    CHECK(strict.evaluate(Gate::g3, seen).failed("epochs_in_stage"));
    CHECK(permissive.evaluate(Gate::g3, seen).passed());
    seen = good();
    seen.alpha_target = seen.alpha = 0.9;
    CHECK(strict.evaluate(Gate::g3, seen).failed("alpha_target_full"));
    seen = good();
    seen.alpha_mode = AlphaMode::up;
    CHECK(strict.evaluate(Gate::g3, seen).failed("alpha_controller_holds"));
    seen = good();
    seen.alpha = 0.99;
    CHECK(strict.evaluate(Gate::g3, seen).failed("alpha_at_target"));
    CHECK(strict.evaluate(Gate::g3, seen).score() == 0.99);
}

TEST_CASE("G5 asks for a measured contribution of a healthy seed", "[G-6]") {
    GateEvidence seen = good();
    seen.contribution = 0.99;
    CHECK(strict.evaluate(Gate::g5, seen).failed("contribution"));
    CHECK(permissive.evaluate(Gate::g5, seen).passed());
    seen.contribution.reset();
    CHECK(strict.evaluate(Gate::g5, seen).failed("contribution_measured"));
    CHECK(permissive.evaluate(Gate::g5, seen).failed("contribution_measured"));
    seen = good();
    seen.healthy = false;
    CHECK(permissive.evaluate(Gate::g5, seen).failed("seed_healthy"));
    seen = good();
    seen.contribution = 5.0;
    CHECK(strict.evaluate(Gate::g5, seen).score() == 0.5);
}

TEST_CASE("a metric that is not finite never passes, and the check says which", "[G-7]") {
    for (const double bad : {not_a_number, infinity, -infinity}) {
        CAPTURE(bad);
        GateEvidence seen = good();
        seen.improvement_since_stage_start = bad;
        CHECK(strict.evaluate(Gate::g2, seen).failed("training_improvement"));
        CHECK(strict.evaluate(Gate::g2, seen).score() <= 1.0);
        seen = good();
        seen.gradient_ratio = bad;
        CHECK(strict.evaluate(Gate::g2, seen).failed("seed_gradient_ratio"));
        seen = good();
        seen.gradients->health = bad;
        CHECK(permissive.evaluate(Gate::g2, seen).failed("gradient_health"));
        seen = good();
        seen.alpha = bad;
        CHECK(permissive.evaluate(Gate::g3, seen).failed("alpha_at_target"));
        seen = good();
        seen.contribution = bad;
        CHECK(permissive.evaluate(Gate::g5, seen).failed("contribution"));
    }
}

TEST_CASE("the message names the failed checks with value and bound", "[G-3]") {
    GateEvidence seen = good();
    seen.improvement_since_stage_start = 0.25;
    CHECK(message_of(strict.evaluate(Gate::g2, seen)) ==
          "G2 refused: training_improvement 0.25 (bound 0.5)");
    CHECK(message_of(strict.evaluate(Gate::g2, good())) == "G2 passed");
}
