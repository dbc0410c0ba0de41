// The alpha controller: ramps tick by tick, retargets from hold alone, one alpha.
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/alpha/controller.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/not_finite.hpp"

namespace kasmina::controller_test {
namespace {

using test::not_a_number;

AlphaController holding_at(double alpha) {
    AlphaController controller;
    controller.hold_at(alpha);
    return controller;
}

void check_ramp(AlphaCurve curve, double steepness, const std::vector<double>& expected) {
    AlphaController controller;
    const int steps = static_cast<int>(expected.size());
    REQUIRE(controller.retarget(1.0, steps, curve, steepness) == Retarget::scheduled);
    for (int step = 1; step <= steps; ++step) {
        CAPTURE(name_of(curve), step);
        const bool last = step == steps;
        CHECK(controller.tick() == last);
        CHECK(controller.alpha() ==
              Approx(expected[static_cast<std::size_t>(step - 1)]).margin(1e-10).epsilon(0));
        CHECK(controller.holds() == last);
        CHECK(controller.time_to_target() == steps - step);
    }
    CHECK(controller.alpha() == 1.0);
}

}  // namespace

static_assert(std::is_trivially_copyable_v<AlphaController>);
static_assert(sizeof(AlphaState) == 48);
static_assert(sizeof(AlphaController) == sizeof(AlphaState));

TEST_CASE("ramps take the recorded values and end exactly on target", "[A-3]") {
    check_ramp(AlphaCurve::sigmoid, 12.0, {0.1173104278, 0.8826895722, 1.0});
    check_ramp(AlphaCurve::sigmoid, 12.0,
               {0.0242442643, 0.2301406958, 0.7698593042, 0.9757557357, 1.0});
    check_ramp(AlphaCurve::cosine, 12.0,
               {0.0954915028, 0.3454915028, 0.6545084972, 0.9045084972, 1.0});
    check_ramp(AlphaCurve::linear, 12.0, {0.25, 0.5, 0.75, 1.0});
    check_ramp(AlphaCurve::linear, 12.0, {1.0});
}

TEST_CASE("a ramp runs in the compiler", "[A-3]") {
    constexpr AlphaController after_two = [] {
        AlphaController controller;
        controller.retarget(1.0, 4, AlphaCurve::linear);
        controller.tick();
        controller.tick();
        return controller;
    }();
    static_assert(after_two.alpha() == 0.5);
    static_assert(after_two.mode() == AlphaMode::up);
    static_assert(after_two.time_to_target() == 2);
    SUCCEED();
}

TEST_CASE("every ramp is monotone and stays between its ends", "[A-3]") {
    for (const double start : {0.0, 0.3, 1.0}) {
        for (const double target : {0.0, 0.1, 0.7, 1.0}) {
            if (start == target) continue;
            for (const auto curve : {AlphaCurve::linear, AlphaCurve::cosine, AlphaCurve::sigmoid}) {
                for (const double steepness : {0.1, 12.0, 1e6}) {
                    CAPTURE(start, target, name_of(curve), steepness);
                    AlphaController controller = holding_at(start);
                    controller.retarget(target, 37, curve, steepness);
                    CHECK(controller.mode() == (target > start ? AlphaMode::up : AlphaMode::down));
                    bool fine = true;
                    double previous = start;
                    int ticks = 0;
                    while (!controller.holds()) {
                        controller.tick();
                        ++ticks;
                        const double now = controller.alpha();
                        fine = fine && (target > start ? now >= previous && now <= target
                                                       : now <= previous && now >= target);
                        previous = now;
                    }
                    CHECK(fine);
                    CHECK(ticks == 37);
                    CHECK(controller.alpha() == target);
                }
            }
        }
    }
}

TEST_CASE("a retarget while a ramp is under way is an error and changes nothing", "[A-2][E-2]") {
    AlphaController controller;
    controller.retarget(1.0, 5);
    controller.tick();
    const AlphaState before = controller.state();
    CHECK_THROWS_AS(controller.retarget(0.5, 2), AlphaError);
    CHECK(controller.state() == before);
    try {
        controller.retarget(0.5, 2);
    } catch (const AlphaError& error) {
        CHECK(error.got().find("mode up, step 1 of 5") == 0);
    }
}

TEST_CASE("a retarget starts from the current alpha", "[A-2]") {
    AlphaController controller = holding_at(0.6);
    REQUIRE(controller.retarget(0.2, 4) == Retarget::scheduled);
    CHECK(controller.state().start == 0.6);
    CHECK(controller.alpha() == 0.6);
    controller.tick();
    CHECK(controller.alpha() == Approx(0.5));
    CHECK(controller.mode() == AlphaMode::down);
}

TEST_CASE("zero steps snap at once, to one alpha that all read", "[A-2][A-9]") {
    for (const int steps : {0, -3}) {
        AlphaController controller;
        CHECK(controller.retarget(0.4, steps) == Retarget::snapped);
        CHECK(controller.alpha() == 0.4);
        CHECK(controller.state().alpha == 0.4);
        CHECK(controller.target() == 0.4);
        CHECK(controller.holds());
        CHECK_FALSE(controller.tick());
        CHECK(controller.retarget(1.0, 2) == Retarget::scheduled);
    }
}

TEST_CASE("a retarget to the value held schedules nothing", "[A-2][A-10]") {
    AlphaController controller;
    controller.retarget(0.7, 2);
    controller.tick();
    controller.tick();
    CHECK(controller.retarget(0.7, 9) == Retarget::unchanged);
    CHECK(controller.holds());
    CHECK(controller.time_to_target() == 0);
    CHECK(controller.state().steps_total == 0);
    CHECK_FALSE(controller.tick());
    CHECK(controller.alpha() == 0.7);
}

TEST_CASE("alpha, start and target clamp to 0..1, and no number is no amplitude", "[A-1]") {
    AlphaController controller;
    controller.retarget(7.0, 1);
    CHECK(controller.target() == 1.0);
    controller.tick();
    controller.retarget(-2.0, 1);
    CHECK(controller.target() == 0.0);
    CHECK(holding_at(3.0).alpha() == 1.0);
    CHECK(holding_at(not_a_number).alpha() == 0.0);
}

TEST_CASE("the steepness is 12 unless told, and at least 0.1", "[A-1][A-10]") {
    CHECK(AlphaController().state().steepness == 12.0);
    for (const double steepness : {0.0, -5.0}) {
        AlphaController controller;
        controller.retarget(1.0, 3, AlphaCurve::sigmoid, steepness);
        CHECK(controller.state().steepness == 0.1);
    }
    AlphaController controller;
    controller.retarget(1.0, 3, AlphaCurve::sigmoid, 6.0);
    CHECK(controller.state().steepness == 6.0);
}

TEST_CASE("a steepness that is not a number is an error and changes nothing", "[A-1][E-2]") {
    AlphaController controller;
    const AlphaState before = controller.state();
    CHECK_THROWS_AS(controller.retarget(1.0, 3, AlphaCurve::sigmoid, not_a_number), AlphaError);
    CHECK(controller.state() == before);
}

TEST_CASE("holding drops a ramp", "[A-9]") {
    AlphaController controller;
    controller.retarget(1.0, 5);
    controller.tick();
    controller.hold_at(1.0);
    CHECK(controller.alpha() == 1.0);
    CHECK(controller.holds());
    CHECK(controller.time_to_target() == 0);
    CHECK_FALSE(controller.tick());
}

TEST_CASE("a ramp goes on from its stored state as if nothing had been", "[A-1][A-9]") {
    AlphaController whole;
    whole.retarget(0.9, 6, AlphaCurve::sigmoid, 6.0);
    whole.tick();
    whole.tick();
    AlphaController restored = holding_at(0.3);
    restored.restore(whole.state());
    CHECK(restored.state() == whole.state());
    while (!whole.holds()) {
        CHECK(whole.tick() == restored.tick());
        CHECK(whole.state() == restored.state());
    }
}

TEST_CASE("a state that no controller comes to is an error that names the field",
          "[A-1][C-2][E-2]") {
    constexpr auto ramp = [](AlphaMode mode, double alpha, double start, double target) {
        return AlphaState{.alpha = alpha,
                          .start = start,
                          .target = target,
                          .mode = mode,
                          .steps_total = 4,
                          .steps_done = 1};
    };
    const auto with = [](AlphaState state, auto member, auto value) {
        state.*member = value;
        return state;
    };
    const AlphaState up = ramp(AlphaMode::up, 0.25, 0.0, 1.0);
    const std::vector<std::pair<AlphaState, std::string>> bad{
        {{.alpha = 1.5, .target = 1.5}, "alpha.alpha"},
        {{.alpha = not_a_number}, "alpha.alpha"},
        {with(up, &AlphaState::start, -0.5), "alpha.start"},
        {with(up, &AlphaState::target, 2.0), "alpha.target"},
        {{.alpha = 0.3, .target = 1.0}, "alpha.target"},
        {with(up, &AlphaState::mode, static_cast<AlphaMode>(3)), "alpha.mode"},
        {with(up, &AlphaState::curve, static_cast<AlphaCurve>(0)), "alpha.curve"},
        {with(up, &AlphaState::steepness, 0.05), "alpha.steepness"},
        {with(up, &AlphaState::steepness, not_a_number), "alpha.steepness"},
        {ramp(AlphaMode::up, 0.5, 1.0, 0.0), "alpha.mode"},
        {ramp(AlphaMode::down, 0.5, 0.5, 0.5), "alpha.mode"},
        {with(up, &AlphaState::steps_done, 4), "alpha.steps_done"},
        {with(up, &AlphaState::steps_done, -1), "alpha.steps_done"},
        {{.steps_total = 4, .steps_done = 1}, "alpha.steps_done"},
        {ramp(AlphaMode::down, 0.9, 0.8, 0.2), "alpha.alpha"}};
    for (const auto& [state, field] : bad) {
        AlphaController controller = holding_at(0.3);
        const std::string text = test::error_text<StateError>(
            [&controller, &given = state] { controller.restore(given, "slot r0c0"); });
        CAPTURE(text, field);
        CHECK(test::mentions(text, field + " "));
        CHECK(test::mentions(text, "slot r0c0"));
        CHECK(controller.state() == holding_at(0.3).state());
    }
    AlphaController controller;
    CHECK_NOTHROW(controller.restore(up));
    CHECK(controller.state() == up);
}

}  // namespace kasmina::controller_test
