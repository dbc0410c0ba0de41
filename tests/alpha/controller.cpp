// The controller: ramps tick by tick, at compile time as well as at run time.
#include <kasmina/alpha/controller.hpp>

#include <cmath>
#include <vector>

#include "support/catch.hpp"

using namespace kasmina;

namespace {

/// Alpha after each tick of a ramp.
std::vector<double> ramp(AlphaController controller, int ticks) {
    std::vector<double> values;
    for (int i = 0; i < ticks; ++i) {
        controller.tick();
        values.push_back(controller.alpha());
    }
    return values;
}

constexpr bool ends_exactly_at_target() {
    AlphaController controller;
    controller.retarget(0.7, 3, AlphaCurve::sigmoid);
    const bool first = controller.tick();
    const bool second = controller.tick();
    const bool third = controller.tick();
    return !first && !second && third && controller.alpha() == 0.7 && controller.holds();
}
static_assert(ends_exactly_at_target());
static_assert(sizeof(AlphaController) == sizeof(AlphaState) && sizeof(AlphaState) <= 48);

void check_ramp(AlphaCurve curve, int steps, const std::vector<double>& expected) {
    AlphaController controller;
    REQUIRE(controller.retarget(1.0, steps, curve) == Retarget::scheduled);
    const auto values = ramp(controller, steps);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CHECK(std::abs(values[i] - expected[i]) < 6e-11);
    }
    CHECK(values.back() == 1.0);
}

}  // namespace

TEST_CASE("ramps have the golden values", "[A-3]") {
    check_ramp(AlphaCurve::sigmoid, 3, {0.1173104278, 0.8826895722, 1.0});
    check_ramp(AlphaCurve::sigmoid, 5,
               {0.0242442643, 0.2301406958, 0.7698593042, 0.9757557357, 1.0});
    check_ramp(AlphaCurve::cosine, 5,
               {0.0954915028, 0.3454915028, 0.6545084972, 0.9045084972, 1.0});
}

TEST_CASE("a state from outside is clamped to its ranges", "[A-1]") {
    const AlphaController controller({.alpha = 1.5,
                                      .start = -1.0,
                                      .target = std::nan(""),
                                      .mode = AlphaMode::hold,
                                      .curve = AlphaCurve::linear,
                                      .steepness = 0.0,
                                      .steps_total = 0,
                                      .steps_done = 0});
    CHECK(controller.alpha() == 1.0);
    CHECK(controller.state().start == 0.0);
    CHECK(controller.target() == 0.0);
    CHECK(controller.state().steepness == minimum_steepness);
    CHECK(AlphaController().state().steepness == default_steepness);
}

TEST_CASE("a retarget is refused while a ramp is under way, and changes nothing", "[A-2]") {
    AlphaController controller;
    controller.retarget(1.0, 4);
    controller.tick();
    const AlphaState before = controller.state();
    CHECK(controller.retarget(0.5, 2) == Retarget::refused);
    CHECK(controller.state() == before);
}

TEST_CASE("a ramp starts from the current alpha and may go down", "[A-2][A-3]") {
    AlphaController controller;
    controller.retarget(0.8, 0);
    CHECK(controller.alpha() == 0.8);
    CHECK(controller.holds());
    REQUIRE(controller.retarget(0.2, 4, AlphaCurve::linear) == Retarget::scheduled);
    CHECK(controller.mode() == AlphaMode::down);
    double previous = 0.8;
    for (int left = 4; left > 0; --left) {
        CHECK(controller.time_to_target() == left);
        CHECK(controller.tick() == (left == 1));
        CHECK(controller.alpha() < previous);
        CHECK(controller.alpha() >= 0.2);
        previous = controller.alpha();
    }
    CHECK(controller.alpha() == 0.2);
    CHECK(controller.holds());
    CHECK_FALSE(controller.tick());
}

TEST_CASE("zero steps snap, and the controller's alpha is the new one at once", "[A-2][A-9]") {
    AlphaController controller;
    CHECK(controller.retarget(0.4, 0) == Retarget::snapped);
    CHECK(controller.alpha() == 0.4);
    CHECK(controller.target() == 0.4);
    CHECK(controller.time_to_target() == 0);
    CHECK(controller.retarget(1.0, 2) == Retarget::scheduled);
}

TEST_CASE("a retarget to the value held leaves nothing scheduled", "[A-10]") {
    AlphaController controller;
    controller.retarget(0.5, 0);
    CHECK(controller.retarget(0.5, 10) == Retarget::unchanged);
    CHECK(controller.holds());
    CHECK(controller.time_to_target() == 0);
}

TEST_CASE("holding drops a ramp", "[S-3]") {
    AlphaController controller;
    controller.retarget(0.9, 5);
    controller.tick();
    controller.hold_at(1.0);
    CHECK(controller.alpha() == 1.0);
    CHECK(controller.target() == 1.0);
    CHECK(controller.holds());
}

TEST_CASE("a state taken and put back goes on exactly", "[A-9]") {
    AlphaController original;
    original.retarget(1.0, 7, AlphaCurve::sigmoid, 6.0);
    original.tick();
    original.tick();
    CHECK(ramp(AlphaController(original.state()), 6) == ramp(original, 6));
}
