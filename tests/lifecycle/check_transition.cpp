// The table at run time: illegal steps and values that are no stage throw, and say it all.
#include <kasmina/lifecycle/check_transition.hpp>

#include "support/catch.hpp"

namespace kasmina::check_transition_test {

TEST_CASE("every pair of stages throws exactly when the table lacks it", "[L-1][L-4]") {
    for (const Stage from : all_stages) {
        for (const Stage to : all_stages) {
            CAPTURE(name_of(from), name_of(to));
            if (is_allowed(from, to)) {
                CHECK_NOTHROW(check_transition(from, to, "slot r0c0"));
            } else {
                CHECK_THROWS_AS(check_transition(from, to, "slot r0c0"), LifecycleError);
            }
        }
    }
}

TEST_CASE("an illegal step is told with both stages, the place and the allowed steps",
          "[L-4][E-2]") {
    try {
        check_transition(Stage::training, Stage::fossilized, "slot r0c0");
        FAIL("training to fossilized was let through");
    } catch (const LifecycleError& error) {
        CHECK(error.where() == "slot r0c0");
        CHECK(error.got() == "training to fossilized");
        CHECK(error.expected() == "training may go to blending, pruned");
    }
    CHECK(allowed_steps(Stage::holding) == "holding may go to fossilized, blending, pruned");
    CHECK(allowed_steps(Stage::fossilized) == "fossilized is final");
}

}  // namespace kasmina::check_transition_test
