// The gates G0 to G5, strict and permissive, at their bounds and beyond.
#include <cmath>
#include <initializer_list>

#include <kasmina/gates/policies.hpp>

#include "support/catch.hpp"
#include "support/not_finite.hpp"

namespace kasmina::policies_test {
namespace {

constexpr GateThresholds defaults{};
using test::infinity;
using test::not_a_number;

/// Passes every gate of both kinds, but for the stage, which G1 alone reads.
constexpr GateEvidence worthy() {
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
    seen.readiness = judge::Estimate{-0.25, 0.5, 3};
    seen.contribution = judge::Estimate{1.25, 0.49, 5};
    seen.contribution_by = judge::MeasureKind::shadow;
    return seen;
}

template <class Gate>
GateResult verdict(const GateEvidence& seen) {
    return Gate{}(seen, defaults);
}

/// `change` applied to evidence that passes.
template <class Change>
GateEvidence but(Change change) {
    GateEvidence seen = worthy();
    change(seen);
    return seen;
}

}  // namespace

TEST_CASE("the thresholds have the documented defaults", "[G-3][G-6][G-10][J-2]") {
    static_assert(defaults.min_training_improvement == points(0.5));
    static_assert(defaults.min_blending_epochs == 3);
    static_assert(defaults.min_seed_gradient_ratio == 0.10);
    static_assert(defaults.min_gradient_health == 0.7);
    static_assert(defaults.min_readiness == points(-0.25));
    static_assert(defaults.min_fossilize_contribution == points(0.25));
    static_assert(defaults.min_fossilize_dependence == points(1.0));
    static_assert(defaults.judgement_errors == 2.0);
    static_assert(defaults.min_judgement_epochs == 5);
    static_assert(defaults.judgement_patience == 20);
    static_assert(defaults.alpha_tolerance == 1e-6);
    SUCCEED();
}

TEST_CASE("gates run in the compiler too", "[G-8]") {
    static_assert(gates::Identity{}(worthy(), defaults).passed());
    static_assert(gates::StrictTraining{}(worthy(), defaults).passed());
    static_assert(gates::Contribution<true>{}(worthy(), defaults).score() == 0.125);
    SUCCEED();
}

TEST_CASE("G0 asks for both names", "[G-1]") {
    using gates::Identity;
    CHECK(verdict<Identity>(worthy()).passed());
    CHECK(verdict<Identity>(but([](auto& seen) {
              seen.has_seed_id = false;
          })).failed("seed_id_present"));
    CHECK(verdict<Identity>(but([](auto& seen) {
              seen.has_blueprint_id = false;
          })).failed("blueprint_id_present"));
}

TEST_CASE("G1 asks that the seed is germinated, and nothing else will do", "[G-2]") {
    for (const Stage stage : all_stages) {
        CAPTURE(name_of(stage));
        const auto result =
            verdict<gates::Germination>(but([&](auto& seen) { seen.stage = stage; }));
        CHECK(result.passed() == (stage == Stage::germinated));
        CHECK(result.failed("stage_is_germinated") == (stage != Stage::germinated));
    }
}

TEST_CASE("strict G2 needs improvement, time and a learning seed, each at its bound", "[G-3]") {
    using G2 = gates::StrictTraining;
    CHECK(verdict<G2>(worthy()).passed());
    const auto slow =
        verdict<G2>(but([](auto& seen) { seen.improvement_since_stage_start = 0.49; }));
    CHECK(slow.failed("training_improvement"));
    CHECK_FALSE(slow.failed("epochs_in_stage"));
    CHECK(verdict<G2>(but([](auto& seen) { seen.epochs_in_stage = 2; })).failed("epochs_in_stage"));
    CHECK(verdict<G2>(but([](auto& seen) {
              seen.gradient_ratio = 0.09;
          })).failed("seed_gradient_ratio"));
}

TEST_CASE("a gradient ratio that was never measured is not a ratio of zero", "[G-3]") {
    using G2 = gates::StrictTraining;
    const auto never = verdict<G2>(but([](auto& seen) { seen.gradient_ratio.reset(); }));
    CHECK(never.failed("seed_gradient_ratio_measured"));
    CHECK(never.find("seed_gradient_ratio") == nullptr);
    const auto zero = verdict<G2>(but([](auto& seen) { seen.gradient_ratio = 0.0; }));
    CHECK(zero.failed("seed_gradient_ratio"));
    CHECK(zero.find("seed_gradient_ratio_measured") == nullptr);
}

TEST_CASE("the score of strict G2 is a fifth of the improvement in points", "[G-3]") {
    const auto score = [](double improvement) {
        return verdict<gates::StrictTraining>(
                   but([&](auto& seen) { seen.improvement_since_stage_start = improvement; }))
            .score();
    };
    CHECK(score(2.5) == 0.5);
    CHECK(score(-1.0) == 0.0);
    CHECK(score(7.0) == 1.0);
}

TEST_CASE("permissive G2 asks for sane gradients, not for improvement", "[G-4]") {
    using G2 = gates::PermissiveTraining;
    CHECK(verdict<G2>(but([](auto& seen) {
              seen.improvement_since_stage_start = -5.0;
              seen.gradient_ratio.reset();
              seen.gradients->vanishing = true;
          })).passed());
    CHECK(verdict<G2>(but([](auto& seen) { seen.epochs_in_stage = 2; })).failed("epochs_in_stage"));
    CHECK(verdict<G2>(but([](auto& seen) {
              seen.gradients.reset();
          })).failed("gradient_statistics_measured"));
    CHECK(verdict<G2>(but([](auto& seen) {
              seen.gradients->exploding = true;
          })).failed("gradients_not_exploding"));
    CHECK(verdict<G2>(but([](auto& seen) {
              seen.gradients->health = 0.69;
          })).failed("gradient_health"));
}

TEST_CASE("G3 asks for full amplitude at rest; strict for time too", "[G-5]") {
    using Strict = gates::Blended<true>;
    using Permissive = gates::Blended<false>;
    CHECK(verdict<Strict>(worthy()).passed());
    CHECK(verdict<Strict>(worthy()).score() == 1.0);
    const auto partial = but([](auto& seen) { seen.alpha = seen.alpha_target = 0.7; });
    CHECK(verdict<Permissive>(partial).failed("alpha_target_full"));
    CHECK(verdict<Permissive>(partial).score() == 0.7);
    CHECK(verdict<Permissive>(but([](auto& seen) {
              seen.alpha_mode = AlphaMode::up;
          })).failed("alpha_controller_holds"));
    const auto off_target = but([](auto& seen) { seen.alpha = 1.0 - 3e-6; });
    CHECK(verdict<Permissive>(off_target).failed("alpha_at_target"));
    const auto young = but([](auto& seen) { seen.epochs_in_stage = 2; });
    CHECK(verdict<Strict>(young).failed("epochs_in_stage"));
    CHECK(verdict<Permissive>(young).passed());
}

TEST_CASE("G3 forgives the tolerance and no more", "[G-5]") {
    using G3 = gates::Blended<false>;
    const auto near = but([](auto& seen) { seen.alpha = seen.alpha_target = 1.0 - 0.9e-6; });
    CHECK(verdict<G3>(near).passed());
    const auto far = but([](auto& seen) { seen.alpha = seen.alpha_target = 1.0 - 1.1e-6; });
    CHECK_FALSE(verdict<G3>(far).passed());
}

TEST_CASE("G2 of seeds that are ready asks for sane gradients and for no harm at full amplitude",
          "[G-10]") {
    using G2 = gates::ReadyTraining;
    CHECK(verdict<G2>(worthy()).passed());
    CHECK(verdict<G2>(but([](auto& seen) {
              seen.improvement_since_stage_start = -5.0;
              seen.gradient_ratio.reset();
          })).passed());
    const auto harmful = verdict<G2>(but([](auto& seen) { seen.readiness->value = -0.26; }));
    CHECK(harmful.failed("readiness"));
    CHECK(harmful.find("readiness")->bound == -0.25);
    const auto unmeasured = verdict<G2>(but([](auto& seen) { seen.readiness.reset(); }));
    CHECK(unmeasured.failed("readiness_measured"));
    CHECK(unmeasured.find("readiness") == nullptr);
    CHECK(verdict<G2>(but([](auto& seen) { seen.epochs_in_stage = 2; })).failed("epochs_in_stage"));
    CHECK(verdict<G2>(but([](auto& seen) {
              seen.gradients->health = 0.69;
          })).failed("gradient_health"));
    CHECK(verdict<G2>(but([](auto& seen) {
              seen.gradients->exploding = true;
          })).failed("gradients_not_exploding"));
    CHECK(verdict<G2>(worthy()).score() == 0.7);
}

/// A contribution that a shadow measured.
GateEvidence contributing(double value, double error, int count) {
    return but([&](auto& seen) { seen.contribution = judge::Estimate{value, error, count}; });
}

TEST_CASE("strict G5 lets pass what is beyond the bound by two standard errors", "[J-2][G-6]") {
    using Strict = gates::Contribution<true>;
    CHECK(verdict<Strict>(contributing(1.25, 0.49, 5)).passed());
    const auto doubtful = verdict<Strict>(contributing(1.25, 0.51, 5));
    CHECK_FALSE(doubtful.passed());
    CHECK(doubtful.failed("contribution_less_error"));
    CHECK(doubtful.find("contribution_less_error")->bound == 0.25);
    CHECK(judgement(contributing(1.25, 0.51, 5), defaults) == judge::Verdict::undecided);
    CHECK(judgement(contributing(-1.0, 0.5, 5), defaults) == judge::Verdict::does_not_help);
}

TEST_CASE("strict G5 waits for the least epochs, and at the patience asks for half as many errors",
          "[J-2][G-6]") {
    using Strict = gates::Contribution<true>;
    const auto early = verdict<Strict>(contributing(9.0, 0.01, 4));
    CHECK(early.failed("epochs_judged"));
    CHECK(judgement(contributing(9.0, 0.01, 4), defaults) == judge::Verdict::undecided);
    CHECK(judgement(contributing(-9.0, 0.01, 4), defaults) == judge::Verdict::undecided);
    CHECK_FALSE(verdict<Strict>(contributing(1.0, 0.5, 19)).passed());
    CHECK(verdict<Strict>(contributing(1.0, 0.5, 20)).passed());
    const auto doubtful = verdict<Strict>(contributing(1.0, 0.8, 20));
    CHECK(doubtful.failed("contribution_less_error"));
    CHECK_FALSE(doubtful.passed());
    CHECK(judgement(contributing(1.0, 0.5, 19), defaults) == judge::Verdict::undecided);
    CHECK(judgement(contributing(1.0, 0.5, 20), defaults) == judge::Verdict::helps);
    CHECK(judgement(contributing(1.0, 0.8, 20), defaults) == judge::Verdict::does_not_help);
}

TEST_CASE("a measured contribution is judged alike by the rule and by the gate", "[J-2]") {
    using Strict = gates::Contribution<true>;
    for (const int count : {1, 4, 5, 12, 19, 20, 40}) {
        for (const double value : {-1.0, 0.0, 0.25, 0.26, 0.5, 2.0}) {
            for (const double error : {0.0, 0.004, 0.1, 0.9, infinity}) {
                CAPTURE(count, value, error);
                const GateEvidence seen = contributing(value, error, count);
                const bool helps = judgement(seen, defaults) == judge::Verdict::helps;
                CHECK(verdict<Strict>(seen).passed() == helps);
            }
        }
    }
}

TEST_CASE("G5 asks for a measured contribution and a healthy seed", "[G-6]") {
    using Strict = gates::Contribution<true>;
    using Permissive = gates::Contribution<false>;
    CHECK(verdict<Strict>(worthy()).passed());
    const auto unmeasured = but([](auto& seen) { seen.contribution.reset(); });
    CHECK(verdict<Strict>(unmeasured).failed("contribution_measured"));
    CHECK(verdict<Permissive>(unmeasured).failed("contribution_measured"));
    const auto ill = but([](auto& seen) { seen.healthy = false; });
    CHECK(verdict<Strict>(ill).failed("seed_healthy"));
    CHECK(verdict<Permissive>(ill).failed("seed_healthy"));
    CHECK(verdict<Permissive>(contributing(-4.0, infinity, 1)).passed());
    CHECK(judgement(unmeasured, defaults) == judge::Verdict::undecided);
}

TEST_CASE("with ablation as the measure the value decides at once, at a bound of its own",
          "[G-6][J-2]") {
    using Strict = gates::Contribution<true>;
    const auto leaning = [](double value) {
        return but([&](auto& seen) {
            seen.contribution = judge::Estimate{value, infinity, 1};
            seen.contribution_by = judge::MeasureKind::ablation;
        });
    };
    CHECK(verdict<Strict>(leaning(1.0)).passed());
    CHECK(judgement(leaning(1.0), defaults) == judge::Verdict::helps);
    CHECK(verdict<Strict>(leaning(0.99)).failed("dependence"));
    CHECK(judgement(leaning(0.99), defaults) == judge::Verdict::does_not_help);
    CHECK(verdict<gates::Contribution<false>>(leaning(0.99)).passed());
}

TEST_CASE("the score of G5 is a tenth of the contribution in points", "[G-6]") {
    const auto score = [](double contribution) {
        return verdict<gates::Contribution<true>>(
                   but([&](auto& seen) { seen.contribution->value = contribution; }))
            .score();
    };
    CHECK(score(2.5) == 0.25);
    CHECK(score(-1.0) == 0.0);
    CHECK(score(40.0) == 1.0);
}

TEST_CASE("numbers that are not finite pass no gate, and the failed check says which", "[G-7]") {
    for (const double value : {not_a_number, infinity, -infinity}) {
        CAPTURE(value);
        CHECK(verdict<gates::StrictTraining>(but([&](auto& seen) {
                  seen.improvement_since_stage_start = value;
              })).failed("training_improvement"));
        CHECK(verdict<gates::StrictTraining>(but([&](auto& seen) {
                  seen.gradient_ratio = value;
              })).failed("seed_gradient_ratio"));
        CHECK(verdict<gates::PermissiveTraining>(but([&](auto& seen) {
                  seen.gradients->health = value;
              })).failed("gradient_health"));
        CHECK(verdict<gates::Blended<false>>(but([&](auto& seen) {
                  seen.alpha = value;
              })).failed("alpha_at_target"));
        CHECK(verdict<gates::Blended<false>>(but([&](auto& seen) {
                  seen.alpha_target = value;
              })).failed("alpha_target_full"));
        CHECK(verdict<gates::Contribution<true>>(but([&](auto& seen) {
                  seen.contribution->value = value;
              })).failed("contribution"));
        CHECK(verdict<gates::Contribution<true>>(but([&](auto& seen) {
                  seen.contribution->value = value;
                  seen.contribution_by = judge::MeasureKind::ablation;
              })).failed("dependence"));
        CHECK(verdict<gates::ReadyTraining>(but([&](auto& seen) {
                  seen.readiness->value = value;
              })).failed("readiness"));
        CHECK(verdict<gates::Contribution<false>>(but([&](auto& seen) {
                  seen.contribution->value = value;
              })).failed("contribution"));
    }
}

TEST_CASE("thresholds are what the gates hold against", "[G-3][G-6]") {
    GateThresholds lenient;
    lenient.min_training_improvement = 0.1;
    lenient.min_blending_epochs = 1;
    lenient.min_seed_gradient_ratio = 0.01;
    lenient.min_readiness = -1.0;
    lenient.min_fossilize_contribution = 0.1;
    lenient.judgement_errors = 1.0;
    lenient.min_judgement_epochs = 2;
    GateEvidence seen = worthy();
    seen.improvement_since_stage_start = 0.2;
    seen.epochs_in_stage = 1;
    seen.gradient_ratio = 0.02;
    seen.readiness->value = -0.9;
    seen.contribution = judge::Estimate{0.3, 0.15, 2};
    CHECK(gates::ReadyTraining{}(seen, lenient).passed());
    CHECK_FALSE(gates::ReadyTraining{}(seen, defaults).passed());
    CHECK(gates::StrictTraining{}(seen, lenient).passed());
    CHECK_FALSE(gates::StrictTraining{}(seen, defaults).passed());
    CHECK(gates::Contribution<true>{}(seen, lenient).passed());
    CHECK_FALSE(gates::Contribution<true>{}(seen, defaults).passed());
}

}  // namespace kasmina::policies_test
