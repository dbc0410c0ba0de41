// The gradient ratio of seed and host: every clause of its definition.
#include <cmath>

#include <kasmina/gates/gate_set.hpp>
#include <kasmina/health/gradient_health.hpp>

#include "support/catch.hpp"
#include "support/not_finite.hpp"

namespace kasmina::gradient_ratio_test {
namespace {

using test::infinity;

constexpr GradientNorm measured(double norm, Index parameters) {
    return {norm, parameters, true};
}

TEST_CASE("the ratio is per parameter: norms are scaled by the square root of counts", "[I-4]") {
    CHECK(gradient_ratio(measured(2.0, 100), measured(1.0, 100)) == Approx(0.5));
    CHECK(gradient_ratio(measured(2.0, 900), measured(1.0, 100)) == Approx(1.5));
    CHECK(gradient_ratio(measured(2.0, 100), measured(1.0, 400)) == Approx(0.25));
}

TEST_CASE("the ratio is clamped to 10", "[I-4]") {
    CHECK(gradient_ratio(measured(1.0, 1), measured(9.9, 1)) == Approx(9.9));
    CHECK(gradient_ratio(measured(1.0, 1), measured(10.1, 1)) == 10.0);
}

TEST_CASE("a host without gradient to speak of reads 0", "[I-4]") {
    CHECK(gradient_ratio(measured(9e-9, 10), measured(1.0, 10)) == 0.0);
    CHECK(gradient_ratio(measured(0.0, 10), measured(1.0, 10)) == 0.0);
    CHECK(gradient_ratio(measured(1e-8, 10), measured(1e-8, 10)) == Approx(1.0));
}

TEST_CASE("a seed without parameters reads 0, whatever else was measured", "[I-4]") {
    CHECK(gradient_ratio(measured(1.0, 10), {}) == 0.0);
    CHECK(gradient_ratio({0.0, 10, false}, {}) == 0.0);
}

TEST_CASE("no gradients at all is not measured, which is not zero", "[I-4][G-3]") {
    CHECK_FALSE(gradient_ratio({0.0, 10, false}, {0.0, 5, false}).has_value());
    CHECK(gradient_ratio(measured(1.0, 10), {0.0, 5, false}) == 0.0);
}

TEST_CASE("the ratio of norms that are not finite is no number, and passes no gate",
          "[I-4][G-3][G-7]") {
    for (const double broken : {infinity, std::nan("")}) {
        for (const auto& ratio : {gradient_ratio(measured(broken, 10), measured(1.0, 10)),
                                  gradient_ratio(measured(1.0, 10), measured(broken, 10))}) {
            REQUIRE(ratio.has_value());
            CHECK(std::isnan(*ratio));
            GateEvidence seen;
            seen.epochs_in_stage = 10;
            seen.improvement_since_stage_start = 10.0;
            seen.gradient_ratio = ratio;
            const GateResult result = StrictGates{}.evaluate(Gate::g2, seen);
            CHECK_FALSE(result.passed());
            CHECK(result.failed("seed_gradient_ratio"));
        }
    }
}

}  // namespace
}  // namespace kasmina::gradient_ratio_test
