// Names of blend algorithms, curves and modes lead back to their values.
#include <kasmina/alpha/blend_algorithm.hpp>
#include <kasmina/alpha/controller.hpp>

#include "support/catch.hpp"

namespace kasmina::blend_algorithm_test {

TEST_CASE("blend algorithms are known by name, and no other text is one", "[A-5]") {
    for (const auto algorithm :
         {BlendAlgorithm::add, BlendAlgorithm::multiply, BlendAlgorithm::gate}) {
        CHECK(reflect::enumerator_named<BlendAlgorithm>(name_of(algorithm)) == algorithm);
        CHECK(reflect::is_enumerator(algorithm));
    }
    CHECK(name_of(BlendAlgorithm::multiply) == "multiply");
    CHECK_FALSE(reflect::enumerator_named<BlendAlgorithm>("Add"));
    CHECK_FALSE(reflect::enumerator_named<BlendAlgorithm>(""));
    CHECK_FALSE(reflect::is_enumerator(static_cast<BlendAlgorithm>(0)));
    CHECK_FALSE(reflect::is_enumerator(static_cast<BlendAlgorithm>(4)));
}

TEST_CASE("curves are known by name and keep their stored values", "[A-1]") {
    for (const auto curve : {AlphaCurve::linear, AlphaCurve::cosine, AlphaCurve::sigmoid}) {
        CHECK(reflect::enumerator_named<AlphaCurve>(name_of(curve)) == curve);
    }
    CHECK_FALSE(reflect::enumerator_named<AlphaCurve>("gated"));
    CHECK_FALSE(reflect::is_enumerator(static_cast<AlphaCurve>(0)));
    static_assert(static_cast<int>(AlphaCurve::linear) == 1);
    static_assert(static_cast<int>(AlphaCurve::cosine) == 2);
    static_assert(static_cast<int>(AlphaCurve::sigmoid) == 3);
}

TEST_CASE("modes keep their stored values", "[A-1]") {
    static_assert(static_cast<int>(AlphaMode::hold) == 0);
    static_assert(static_cast<int>(AlphaMode::up) == 1);
    static_assert(static_cast<int>(AlphaMode::down) == 2);
    CHECK(reflect::enumerator_named<AlphaMode>("down") == AlphaMode::down);
    CHECK(name_of(AlphaMode::hold) == "hold");
    CHECK(name_of(AlphaMode::up) == "up");
    CHECK(name_of(AlphaMode::down) == "down");
}

}  // namespace kasmina::blend_algorithm_test
