// Names of blend algorithms, curves and modes lead back to their values.
#include <kasmina/alpha/blend_algorithm.hpp>
#include <kasmina/alpha/controller.hpp>

#include "support/catch.hpp"

using namespace kasmina;

TEST_CASE("blend algorithms are known by name, and no other text is one", "[A-5]") {
    for (const auto algorithm :
         {BlendAlgorithm::add, BlendAlgorithm::multiply, BlendAlgorithm::gate}) {
        CHECK(blend_algorithm_from_name(name_of(algorithm)) == algorithm);
    }
    CHECK(name_of(BlendAlgorithm::multiply) == "multiply");
    CHECK_FALSE(blend_algorithm_from_name("Add"));
    CHECK_FALSE(blend_algorithm_from_name(""));
}

TEST_CASE("curves are known by name and keep their stored values", "[A-1]") {
    for (const auto curve : {AlphaCurve::linear, AlphaCurve::cosine, AlphaCurve::sigmoid}) {
        CHECK(curve_from_name(name_of(curve)) == curve);
    }
    CHECK_FALSE(curve_from_name("gated"));
    static_assert(static_cast<int>(AlphaCurve::linear) == 1);
    static_assert(static_cast<int>(AlphaCurve::cosine) == 2);
    static_assert(static_cast<int>(AlphaCurve::sigmoid) == 3);
}

TEST_CASE("modes keep their stored values", "[A-1]") {
    static_assert(static_cast<int>(AlphaMode::hold) == 0);
    static_assert(static_cast<int>(AlphaMode::up) == 1);
    static_assert(static_cast<int>(AlphaMode::down) == 2);
    CHECK(name_of(AlphaMode::hold) == "hold");
    CHECK(name_of(AlphaMode::up) == "up");
    CHECK(name_of(AlphaMode::down) == "down");
}
