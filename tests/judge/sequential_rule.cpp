// When a contribution is enough to keep a seed, or to refuse it.
#include <cmath>
#include <limits>
#include <vector>

#include <kasmina/gates/gate_set.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/statistics/serial_mean.hpp>

#include "support/catch.hpp"
#include "support/not_finite.hpp"

namespace kasmina::sequential_rule_test {
namespace {

using judge::Estimate;
using judge::SequentialRule;
using judge::Verdict;

constexpr SequentialRule rule{};  // bound 0.25, 2 errors, 5 to 20 measurements
using test::infinity;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

static_assert(rule({10.0, 0.1, 4}) == Verdict::undecided);
static_assert(rule({0.5, 0.1, 5}) == Verdict::helps);
static_assert(rule({0.45, 0.1, 5}) == Verdict::undecided);
static_assert(rule({0.0, 0.1, 5}) == Verdict::does_not_help);
static_assert(rule({0.1, 0.1, 19}) == Verdict::undecided);
static_assert(rule({0.5, 0.2, 19}) == Verdict::undecided);
static_assert(rule({0.5, 0.2, 20}) == Verdict::helps);
static_assert(rule({0.5, 0.3, 20}) == Verdict::does_not_help);
static_assert(rule({0.25, 0.0, 20}) == Verdict::does_not_help);
static_assert(rule({0.3, infinity, 20}) == Verdict::helps);  // nobody knows how good the value is
static_assert(SequentialRule{.minimum = 1, .patience = 1}({0.3, infinity, 1}) == Verdict::helps);
static_assert(rule({10.0, infinity, 19}) == Verdict::undecided);

TEST_CASE("a value that is not a number is undecided until the patience, and never helps",
          "[J-2][G-7]") {
    CHECK(rule({nan, nan, 19}) == Verdict::undecided);
    CHECK(rule({nan, nan, 20}) == Verdict::does_not_help);
}

[[nodiscard]] GateEvidence held(const Estimate& contribution, judge::MeasureKind by) {
    GateEvidence seen;
    seen.stage = Stage::holding;
    seen.contribution = contribution;
    seen.contribution_by = by;
    return seen;
}

TEST_CASE("strict G5 passes exactly when the judge says that the seed helps", "[J-2][G-6]") {
    const StrictGates gates;
    const GateThresholds bounds;
    for (const int count : {1, 4, 5, 12, 19, 20, 30}) {
        for (const double value : {-3.0, 0.0, 0.25, 0.3, 0.6, 5.0, nan}) {
            for (const double error : {0.0, 0.1, 1.0, infinity}) {
                CAPTURE(count, value, error);
                const GateEvidence seen = held({value, error, count}, judge::MeasureKind::shadow);
                const bool helps = judgement(seen, bounds) == Verdict::helps;
                CHECK(gates.evaluate(Gate::g5, seen).passed() == helps);
            }
        }
    }
}

TEST_CASE("with ablation as the measure the value alone is held against its own bound",
          "[J-2][G-6]") {
    const StrictGates gates;
    const auto passes = [&gates](double value) {
        return gates.evaluate(Gate::g5, held({value, infinity, 1}, judge::MeasureKind::ablation))
            .passed();
    };
    CHECK(passes(1.0));
    CHECK_FALSE(passes(0.99));
    CHECK_FALSE(passes(nan));
}

TEST_CASE("a seed of which nothing was measured is neither kept nor refused", "[J-2][G-6]") {
    GateEvidence seen;
    seen.stage = Stage::holding;
    CHECK(judgement(seen, {}) == Verdict::undecided);
    const GateResult result = StrictGates{}.evaluate(Gate::g5, seen);
    CHECK_FALSE(result.passed());
    CHECK(result.failed("contribution_measured"));
}

TEST_CASE("the default G2 asks for a seed that is ready", "[G-10]") {
    GateEvidence seen;
    seen.stage = Stage::training;
    seen.epochs_in_stage = 3;
    seen.gradients = GradientEvidence{};
    const DefaultGates gates;
    CHECK(gates.evaluate(Gate::g2, seen).failed("readiness_measured"));
    seen.readiness = Estimate{-0.25, 1.0, 3};
    CHECK(gates.evaluate(Gate::g2, seen).passed());
    seen.readiness = Estimate{-0.26, 0.0, 3};
    CHECK(gates.evaluate(Gate::g2, seen).failed("readiness"));
    seen.readiness = Estimate{nan, 0.0, 3};
    CHECK_FALSE(gates.evaluate(Gate::g2, seen).passed());
    seen.readiness = Estimate{5.0, 0.0, 3};
    seen.gradients = GradientEvidence{1.0, false, true};
    CHECK_FALSE(gates.evaluate(Gate::g2, seen).passed());
}

/// In how many of 100 runs a seed is kept whose leads have that mean and deviation and correlate
/// with those of the epoch before: judged after each epoch, until the rule has decided.
[[nodiscard]] double kept_in_percent(double mean, double deviation, double rho = 0.4,
                                     const SequentialRule& decide = rule) {
    constexpr int runs = 2000;
    Generator generator(1);
    int kept = 0;
    for (int run = 0; run < runs; ++run) {
        std::vector<double> leads;
        double noise = generator.normal();
        Verdict verdict = Verdict::undecided;
        while (verdict == Verdict::undecided) {
            leads.push_back(mean + deviation * noise);
            noise = rho * noise + std::sqrt(1.0 - rho * rho) * generator.normal();
            verdict = decide(judge::serial_mean(leads));
        }
        kept += verdict == Verdict::helps ? 1 : 0;
    }
    return 100.0 * kept / runs;
}

TEST_CASE("simulated seeds that are useless are rarely kept, helpful ones mostly", "[J-5][J-2]") {
    // In whole runs of the example leads deviate by half a point up to two (docs/growth.md).
    for (const double deviation : {0.25, 0.5, 1.0}) {
        CAPTURE(deviation);
        CHECK(kept_in_percent(-0.5, deviation) < 1.0);
        CHECK(kept_in_percent(0.0, deviation) < 10.0);
        CHECK(kept_in_percent(0.25 + deviation, deviation) > 80.0);
        CHECK(kept_in_percent(0.25 + 2.0 * deviation, deviation) > 99.0);
    }
    CHECK(kept_in_percent(0.0, 2.0) < 15.0);
}

TEST_CASE("noisier scores keep more by luck, and three errors mend it", "[J-5][J-2]") {
    // What docs/growth.md says of noisier scores: as likely as that, and not more.
    CHECK(kept_in_percent(0.0, 1.0, 0.8) > 14.0);
    CHECK(kept_in_percent(0.0, 1.0, 0.8) < 20.0);
    CHECK(kept_in_percent(0.0, 2.0, 0.8) < 25.0);
    SequentialRule strict = rule;
    strict.standard_errors = 3.0;
    CHECK(kept_in_percent(0.0, 1.0, 0.4, strict) < 4.0);
    CHECK(kept_in_percent(1.0, 0.5, 0.4, strict) > 95.0);
}

}  // namespace
}  // namespace kasmina::sequential_rule_test
