// Per-parameter gradient health: the shares that lower it, its bounds and its flags.
#include <cmath>
#include <vector>

#include <kasmina/health/gradient_health.hpp>

#include "support/catch.hpp"
#include "support/not_finite.hpp"

namespace kasmina::parameter_health_test {
namespace {

using test::infinity;

using Norms = std::vector<double>;

TEST_CASE("sane gradients, and no tensors at all, are full health", "[I-7]") {
    CHECK(parameter_health(Norms{}) == ParameterHealth{1.0, false, false});
    CHECK(parameter_health(Norms{1e-7, 1.0, 10.0}) == ParameterHealth{1.0, false, false});
}

TEST_CASE("the share of vanishing tensors costs half of itself", "[I-7]") {
    CHECK(parameter_health(Norms{0.0}) == ParameterHealth{0.5, true, false});
    CHECK(parameter_health(Norms{9.9e-8, 1.0, 1.0, 1.0}) == ParameterHealth{0.875, true, false});
}

TEST_CASE("the share of exploding tensors costs four fifths of itself", "[I-7]") {
    const ParameterHealth all = parameter_health(Norms{10.1});
    CHECK(all.health == Approx(0.2));
    CHECK(all.exploding);
    CHECK_FALSE(all.vanishing);
    CHECK(parameter_health(Norms{11.0, 1.0, 1.0, 1.0}).health == Approx(0.8));
}

TEST_CASE("a norm that is not finite counts as exploding", "[I-7][G-7]") {
    for (const double norm : {infinity, std::nan("")}) {
        const ParameterHealth health = parameter_health(Norms{norm, 1.0});
        CHECK(health.health == Approx(0.6));
        CHECK(health.exploding);
        CHECK_FALSE(health.vanishing);
    }
}

TEST_CASE("both shares add up, and the figure stays in [0, 1]", "[I-7]") {
    const ParameterHealth both = parameter_health(Norms{0.0, 100.0, 1.0, 1.0});
    CHECK(both.health == Approx(1.0 - 0.125 - 0.2));
    CHECK(both.vanishing);
    CHECK(both.exploding);
    for (const Norms& norms : {Norms{infinity, infinity}, Norms{0.0, 0.0}, Norms{0.0, infinity}}) {
        const double health = parameter_health(norms).health;
        CHECK(health >= 0.0);
        CHECK(health <= 1.0);
    }
}

TEST_CASE("many exploding tensors, not a few, fall below what a permissive G2 asks", "[I-7][G-4]") {
    CHECK(parameter_health(Norms{20.0, 1.0, 1.0}).health > 0.7);
    CHECK(parameter_health(Norms{20.0, 20.0, 20.0, 1.0}).health < 0.7);
}

}  // namespace
}  // namespace kasmina::parameter_health_test
