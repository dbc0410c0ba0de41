// The gradient ratio of seed and host: every clause of its definition.
#include <cmath>
#include <limits>

#include <kasmina/isolation/gradient_health.hpp>

#include "support/catch.hpp"

namespace kasmina {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

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
    CHECK(gradient_ratio(measured(1.0, 1), measured(infinity, 1)) == 10.0);
    CHECK(gradient_ratio(measured(1.0, 1), measured(std::nan(""), 1)) == 10.0);
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

TEST_CASE("next to a host whose norm is not finite nothing is measured", "[I-4][G-7]") {
    CHECK_FALSE(gradient_ratio(measured(infinity, 10), measured(1.0, 10)).has_value());
    CHECK_FALSE(gradient_ratio(measured(std::nan(""), 10), measured(1.0, 10)).has_value());
}

}  // namespace
}  // namespace kasmina
