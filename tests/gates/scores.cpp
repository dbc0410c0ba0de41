// Gates on any score: bounds in points follow what a point is worth, others are in the score's
// unit.
#include <limits>
#include <string>

#include <kasmina/gates/policies.hpp>
#include <kasmina/statistics/score_kind.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::scores_test {
namespace {

constexpr ScoreKind loss{.name = "validation loss", .falls = true, .point = 0.001};

/// Of a network whose loss fell by so much, and is less by as much for the seed's contribution.
GateEvidence evidence(double gain) {
    GateEvidence seen;
    seen.point = loss.point;
    seen.epochs_in_stage = 3;
    seen.improvement_since_stage_start = gain;
    seen.gradient_ratio = 1.0;
    seen.gradients = GradientEvidence{};
    seen.readiness = judge::Estimate{gain, 0.0, 3};
    seen.contribution = judge::Estimate{gain, 0.0, 5};
    seen.contribution_by = judge::MeasureKind::shadow;
    return seen;
}

TEST_CASE("a gain is above 0 where the network is better, whichever way the score goes", "[N-3]") {
    static_assert(ScoreKind::accuracy().gain(60.0, 63.0) == 3.0);
    static_assert(loss.gain(0.5, 0.25) == 0.25);
    static_assert(loss.gain(0.25, 0.5) == -0.25);
    SUCCEED();
}

TEST_CASE("the defaults of all gates follow what a point of the score is worth",
          "[G-3][G-6][G-10][J-2][N-3]") {
    const GateThresholds bound;
    CHECK(gates::StrictTraining{}(evidence(0.0006), bound).passed());
    CHECK(gates::StrictTraining{}(evidence(0.0004), bound).failed("training_improvement"));
    CHECK(gates::ReadyTraining{}(evidence(-0.0002), bound).passed());
    CHECK(gates::ReadyTraining{}(evidence(-0.0003), bound).failed("readiness"));
    CHECK(gates::Contribution<true>{}(evidence(0.0003), bound).passed());
    CHECK(gates::Contribution<true>{}(evidence(0.0002), bound).failed("contribution_less_error"));
    CHECK(judgement(evidence(0.0003), bound) == judge::Verdict::helps);
    CHECK(judgement(evidence(0.0002), bound) == judge::Verdict::does_not_help);
    GateEvidence leaned_on = evidence(0.0009);
    leaned_on.contribution_by = judge::MeasureKind::ablation;
    CHECK(gates::Contribution<true>{}(leaned_on, bound).failed("dependence"));
    CHECK(judgement(leaned_on, bound) == judge::Verdict::does_not_help);
    leaned_on.contribution->value = 0.0011;
    CHECK(gates::Contribution<true>{}(leaned_on, bound).passed());
    CHECK(judgement(leaned_on, bound) == judge::Verdict::helps);
}

TEST_CASE("a verdict's score is of 5 and of 10 points, whatever these are", "[G-3][G-6][N-3]") {
    const GateThresholds bound;
    CHECK(gates::StrictTraining{}(evidence(0.0025), bound).score() == Approx(0.5));
    CHECK(gates::Contribution<true>{}(evidence(0.0025), bound).score() == Approx(0.25));
}

TEST_CASE("a bound that is a number is in the score's unit, and so are the checks", "[N-3]") {
    const GateThresholds bound{.min_training_improvement = 0.02,
                               .min_readiness = 0.03,
                               .min_fossilize_contribution = 0.04};
    const auto check = [&](const GateResult& result, const char* name, double expected) {
        REQUIRE(result.find(name) != nullptr);
        CHECK(result.find(name)->bound == expected);
    };
    check(gates::StrictTraining{}(evidence(0.01), bound), "training_improvement", 0.02);
    check(gates::ReadyTraining{}(evidence(0.01), bound), "readiness", 0.03);
    check(gates::Contribution<true>{}(evidence(0.01), bound), "contribution_less_error", 0.04);
    check(gates::StrictTraining{}(evidence(0.01), {}), "training_improvement", 0.0005);
}

TEST_CASE("a bound beyond what two scores can be apart is refused by name", "[N-3][E-2]") {
    const auto told = [](const GateThresholds& bound, const ScoreKind& kind) {
        return test::error_text<OptionError>([&] { check_thresholds(bound, kind); });
    };
    const std::string text = told({.min_fossilize_contribution = 101.0}, ScoreKind::accuracy());
    CHECK(test::mentions(text, "min_fossilize_contribution"));
    CHECK(test::mentions(text, "accuracy"));
    CHECK(test::mentions(text, "100"));
    constexpr ScoreKind share{.name = "accuracy", .point = 0.01, .span = 1.0};
    CHECK(test::mentions(told({.min_readiness = -2.0}, share), "min_readiness"));
    CHECK(test::mentions(told({.min_training_improvement = points(150.0)}, share),
                         "min_training_improvement"));
    CHECK_NOTHROW(check_thresholds({.min_training_improvement = 0.5}, share));
    CHECK_NOTHROW(check_thresholds({.min_fossilize_contribution = 101.0}, loss));
}

TEST_CASE("a score that cannot be is refused", "[N-3][E-2]") {
    const auto refused = [](const ScoreKind& kind, const std::string& named) {
        return test::mentions(test::error_text<OptionError>([&] { check_score(kind, "test"); }),
                              named);
    };
    const double not_a_number = std::numeric_limits<double>::quiet_NaN();
    CHECK(refused({.name = ""}, "no name"));
    for (const double point : {0.0, -1.0, not_a_number, std::numeric_limits<double>::infinity()}) {
        CAPTURE(point);
        CHECK(refused({.point = point}, "point"));
    }
    CHECK(refused({.point = 2.0, .span = 1.0}, "span"));
    CHECK(refused({.span = not_a_number}, "span"));
    CHECK_NOTHROW(check_score(ScoreKind{}, "test"));
    CHECK_NOTHROW(check_score(ScoreKind::accuracy(), "test"));
}

TEST_CASE("a score in words has its name, its unit, its way and the digits of a tenth of a point",
          "[N-3]") {
    CHECK(score_text(ScoreKind::accuracy(), 63.04) == "accuracy 63.0 %");
    CHECK(score_text(loss, 0.03124) == "validation loss 0.0312 (falls)");
    CHECK(score_text({.name = "price", .unit = "kCHF", .falls = true, .point = 1000.0}, 12345.6) ==
          "price 12346 kCHF (falls)");
}

}  // namespace
}  // namespace kasmina::scores_test
