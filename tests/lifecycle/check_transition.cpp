// The table at run time: illegal steps and values that are no stage throw, and say it all.
#include <kasmina/lifecycle/check_transition.hpp>

#include "support/catch.hpp"

using namespace kasmina;

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

TEST_CASE("a stored value that is no stage is an error that lists the valid ones", "[L-6][E-2]") {
    CHECK(require_stage(6, "checkpoint") == Stage::holding);
    for (const int value : {-1, 5, 11}) {
        CAPTURE(value);
        try {
            (void)require_stage(value, "checkpoint");
            FAIL("taken for a stage");
        } catch (const LifecycleError& error) {
            CHECK(error.got().find(std::to_string(value)) == 0);
            CHECK((error.got().find("retired") != std::string::npos) == (value == 5));
            for (const Stage stage : all_stages) {
                CHECK(error.expected().find(name_of(stage)) != std::string::npos);
            }
        }
    }
}

TEST_CASE("the index of what is no stage is an error", "[L-6]") {
    CHECK(require_stage_index(Stage::holding) == 5);
    CHECK_THROWS_AS(require_stage_index(static_cast<Stage>(5)), LifecycleError);
    CHECK_THROWS_AS(require_stage_index(static_cast<Stage>(42)), LifecycleError);
}
