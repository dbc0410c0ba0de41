// Curves: golden values, monotone, safe for any steepness, and usable by the compiler.
#include <kasmina/alpha/blend_algorithm.hpp>
#include <kasmina/alpha/curve.hpp>

#include <cmath>
#include <numbers>

#include "support/catch.hpp"

using namespace kasmina;

static_assert(curve_value(AlphaCurve::linear, 0.25) == 0.25);
static_assert(curve_value(AlphaCurve::cosine, 0.0) == 0.0);
static_assert(curve_value(AlphaCurve::sigmoid, 1.0) == 1.0);
static_assert(curve_value(AlphaCurve::sigmoid, 0.5) > 0.499999);
static_assert(curve_from_name("cosine") == AlphaCurve::cosine && !curve_from_name("cubic"));
static_assert(blend_algorithm_from_name("gate") == BlendAlgorithm::gate);
static_assert(!blend_algorithm_from_name("mix"));

TEST_CASE("the sigmoid has the golden values", "[A-4]") {
    const double times[] = {0.1, 0.25, 0.4, 0.75, 0.9};
    const double six[] = {0.0394927827, 0.1491464521, 0.3390801665, 0.8508535479, 0.9605072173};
    const double twelve[] = {0.0057182260, 0.0451766597, 0.2301406958, 0.9548233403,
                             0.9942817740};
    for (int i = 0; i < 5; ++i) {
        CHECK(std::abs(curve_value(AlphaCurve::sigmoid, times[i], 6.0) - six[i]) < 6e-11);
        CHECK(std::abs(curve_value(AlphaCurve::sigmoid, times[i]) - twelve[i]) < 6e-11);
    }
}

TEST_CASE("the cosine is (1 - cos pi t) / 2", "[A-4]") {
    for (int i = 0; i <= 1000; ++i) {
        const double t = i / 1000.0;
        const double expected = 0.5 * (1.0 - std::cos(std::numbers::pi * t));
        CHECK(std::abs(curve_value(AlphaCurve::cosine, t) - expected) < 1e-15);
    }
}

TEST_CASE("every curve runs from 0 to 1 without turning, for any steepness", "[A-4]") {
    for (const AlphaCurve curve : {AlphaCurve::linear, AlphaCurve::cosine, AlphaCurve::sigmoid}) {
        for (const double steepness : {0.0, 1e-300, 0.1, 1.0, 12.0, 700.0, 1e6, 1e308}) {
            CAPTURE(name_of(curve), steepness);
            CHECK(curve_value(curve, 0.0, steepness) == 0.0);
            CHECK(curve_value(curve, 1.0, steepness) == 1.0);
            double previous = 0.0;
            for (int i = 0; i <= 200; ++i) {
                const double value = curve_value(curve, i / 200.0, steepness);
                REQUIRE(std::isfinite(value));
                REQUIRE(value >= previous);
                REQUIRE(value <= 1.0);
                previous = value;
            }
        }
    }
}

TEST_CASE("a sigmoid with nothing to rescale by is linear", "[A-4]") {
    CHECK(curve_value(AlphaCurve::sigmoid, 0.3, 0.0) == 0.3);
    CHECK(curve_value(AlphaCurve::sigmoid, 0.3, 1e-14) == 0.3);
}

TEST_CASE("times outside [0, 1] and NaN are clamped", "[A-4]") {
    for (const AlphaCurve curve : {AlphaCurve::linear, AlphaCurve::cosine, AlphaCurve::sigmoid}) {
        CHECK(curve_value(curve, -1.0) == 0.0);
        CHECK(curve_value(curve, 2.0) == 1.0);
        CHECK(curve_value(curve, std::nan("")) == 0.0);
    }
}

TEST_CASE("the compiler's exp and cos agree with the library's", "[A-4]") {
    for (double x = -700.0; x <= 700.0; x += 0.37) {
        CHECK(std::abs(alpha_detail::exp(x) / std::exp(x) - 1.0) < 2e-15);
    }
}
