// Gate results: passed, score, checks and the message.
#include <cmath>
#include <type_traits>

#include <kasmina/gates/message.hpp>
#include <kasmina/gates/result.hpp>

#include "support/catch.hpp"
#include "support/not_finite.hpp"

namespace kasmina::result_test {
namespace {

using test::infinity;
using test::not_a_number;

}  // namespace

// A result lives on the stack and copies as bytes.
static_assert(std::is_trivially_copyable_v<GateResult>);
static_assert(sizeof(GateCheck) == 56);
static_assert(sizeof(GateResult) == 8 + 8 + 8 * sizeof(GateCheck) + 8);

TEST_CASE("a result passes when none of its checks failed, also when it made none", "[G-0]") {
    GateResult result(Gate::g2);
    CHECK(result.passed());
    result.require("one", true);
    CHECK(result.passed());
    result.require("two", false);
    CHECK_FALSE(result.passed());
    CHECK(result.checks() == 2);
    CHECK(result.failed("two"));
    CHECK_FALSE(result.failed("one"));
    CHECK_FALSE(result.failed("three"));
    CHECK(result.find("three") == nullptr);
}

TEST_CASE("bounds are inclusive, and a check keeps what was measured", "[G-3]") {
    const auto at_least = GateResult(Gate::g2).require_at_least("x", 0.5, 0.5);
    CHECK(at_least.passed());
    const auto below = GateResult(Gate::g2).require_at_least("x", std::nextafter(0.5, 0.0), 0.5);
    CHECK_FALSE(below.passed());
    const auto at_most = GateResult(Gate::g3).require_at_most("x", 0.5, 0.5);
    CHECK(at_most.passed());
    const auto above = GateResult(Gate::g3).require_at_most("x", 0.75, 0.5);
    CHECK_FALSE(above.passed());
    CHECK(above.check(0).measured == 0.75);
    CHECK(above.check(0).bound == 0.5);
}

TEST_CASE("what is not finite passes no bound", "[G-7]") {
    for (const double value : {not_a_number, infinity, -infinity}) {
        CAPTURE(value);
        CHECK_FALSE(GateResult(Gate::g2).require_at_least("x", value, -1e308).passed());
        CHECK_FALSE(GateResult(Gate::g2).require_at_most("x", value, 1e308).passed());
    }
    // A bound that is not finite lets nothing through either.
    CHECK_FALSE(GateResult(Gate::g2).require_at_least("x", 1.0, not_a_number).passed());
    CHECK_FALSE(GateResult(Gate::g2).require_at_most("x", 1.0, not_a_number).passed());
}

TEST_CASE("the score is clamped to 0..1, and 0 when it is not finite", "[G-7]") {
    CHECK(GateResult(Gate::g2).with_score(0.25).score() == 0.25);
    CHECK(GateResult(Gate::g2).with_score(-3.0).score() == 0.0);
    CHECK(GateResult(Gate::g2).with_score(1.5).score() == 1.0);
    for (const double value : {not_a_number, infinity, -infinity}) {
        CHECK(GateResult(Gate::g2).with_score(value).score() == 0.0);
    }
}

TEST_CASE("a check too many fails the gate instead of being lost", "[G-0]") {
    GateResult result(Gate::g5);
    for (std::size_t i = 0; i < GateResult::max_checks; ++i) result.require("fine", true);
    CHECK(result.passed());
    result.require("one_more", true);
    CHECK_FALSE(result.passed());
    CHECK(result.failed("too_many_checks"));
}

TEST_CASE("the message names the gate and each failed check with its numbers", "[G-3]") {
    GateResult result(Gate::g2);
    result.require_at_least("epochs_in_stage", 4, 3);
    CHECK(message_of(result) == "G2 passed");
    result.require_at_least("training_improvement", 0.25, 0.5).require("measured", false);
    CHECK(message_of(result) ==
          "G2 refused: training_improvement 0.25 (bound 0.5), measured 0 (bound 1)");
}

}  // namespace kasmina::result_test
