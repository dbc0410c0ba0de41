// Curves: golden numbers, ends, monotony, and steepness beyond reason.
#include <algorithm>
#include <cmath>
#include <numbers>

#include <kasmina/alpha/curve.hpp>

#include "support/catch.hpp"
#include "support/not_finite.hpp"

namespace kasmina::curve_test {
namespace {

constexpr auto all_curves = {AlphaCurve::linear, AlphaCurve::cosine, AlphaCurve::sigmoid};
using test::infinity;
using test::not_a_number;

constexpr bool is_near(double value, double expected, double tolerance = 1e-10) {
    return value - expected <= tolerance && expected - value <= tolerance;
}

constexpr double sigmoid(double t, double steepness) {
    return curve_value(AlphaCurve::sigmoid, t, steepness);
}

}  // namespace

TEST_CASE("the sigmoid has the recorded values, in the compiler", "[A-4]") {
    static_assert(is_near(sigmoid(0.10, 6), 0.0394927827));
    static_assert(is_near(sigmoid(0.25, 6), 0.1491464521));
    static_assert(is_near(sigmoid(0.40, 6), 0.3390801665));
    static_assert(is_near(sigmoid(0.75, 6), 0.8508535479));
    static_assert(is_near(sigmoid(0.90, 6), 0.9605072173));
    static_assert(is_near(sigmoid(0.10, 12), 0.0057182260));
    static_assert(is_near(sigmoid(0.25, 12), 0.0451766597));
    static_assert(is_near(sigmoid(0.40, 12), 0.2301406958));
    static_assert(is_near(sigmoid(0.75, 12), 0.9548233403));
    static_assert(is_near(sigmoid(0.90, 12), 0.9942817740));
    static_assert(is_near(alpha_detail::logistic(3.0), 0.9525741268));
    SUCCEED();
}

TEST_CASE("cosine and linear have their formulas' values, in the compiler", "[A-4]") {
    static_assert(curve_value(AlphaCurve::linear, 0.3) == 0.3);
    static_assert(is_near(curve_value(AlphaCurve::cosine, 0.2), 0.0954915028));
    static_assert(is_near(curve_value(AlphaCurve::cosine, 0.5), 0.5, 1e-16));
    static_assert(is_near(curve_value(AlphaCurve::cosine, 0.8), 0.9045084972));
    SUCCEED();
}

TEST_CASE("every curve runs from exactly 0 to exactly 1, and clamps beyond", "[A-4]") {
    for (const AlphaCurve curve : all_curves) {
        CAPTURE(name_of(curve));
        CHECK(curve_value(curve, 0.0) == 0.0);
        CHECK(curve_value(curve, 1.0) == 1.0);
        CHECK(curve_value(curve, -0.5) == 0.0);
        CHECK(curve_value(curve, 1.5) == 1.0);
        CHECK(curve_value(curve, not_a_number) == 0.0);
    }
}

TEST_CASE("every curve is monotone and symmetric about its middle", "[A-4]") {
    for (const AlphaCurve curve : all_curves) {
        for (const double steepness : {0.1, 1.0, 12.0, 80.0, 2000.0, 1e300}) {
            CAPTURE(name_of(curve), steepness);
            double previous = 0.0;
            bool monotone = true;
            double asymmetry = 0.0;
            for (int i = 1; i <= 1000; ++i) {
                const double value = curve_value(curve, i / 1000.0, steepness);
                monotone = monotone && value >= previous && value <= 1.0;
                const double mirrored = curve_value(curve, 1.0 - i / 1000.0, steepness);
                asymmetry = std::max(asymmetry, std::abs(value + mirrored - 1.0));
                previous = value;
            }
            CHECK(monotone);
            CHECK(asymmetry < 1e-13);
        }
    }
}

TEST_CASE("any steepness is safe: a step at infinity, a line where nothing can be rescaled",
          "[A-4]") {
    for (const double steepness : {1e308, infinity}) {
        CHECK(sigmoid(0.25, steepness) == 0.0);
        CHECK(sigmoid(0.5, steepness) == 0.5);
        CHECK(sigmoid(0.75, steepness) == 1.0);
    }
    for (const double steepness : {0.0, -3.0, 1e-15, not_a_number, -infinity}) {
        CAPTURE(steepness);
        CHECK(sigmoid(0.25, steepness) == 0.25);
    }
}

TEST_CASE("exp and cos of the compiler are those of the C library", "[A-4]") {
    double worst_exp = 0.0;
    for (int i = -7000; i <= 7000; ++i) {
        const double x = i / 10.0;
        worst_exp = std::max(worst_exp, std::abs(alpha_detail::exp(x) / std::exp(x) - 1.0));
    }
    CHECK(worst_exp < 1e-15);
    double worst_cos = 0.0;
    for (int i = 0; i <= 10000; ++i) {
        const double t = i / 10000.0;
        worst_cos =
            std::max(worst_cos, std::abs(alpha_detail::cos_pi(t) - std::cos(std::numbers::pi * t)));
    }
    CHECK(worst_cos < 5e-16);
}

}  // namespace kasmina::curve_test
