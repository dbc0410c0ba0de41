// Stages: values, names, and the encoding that observers read.
#include <kasmina/lifecycle/check_transition.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"

using namespace kasmina;

static_assert(sizeof(Stage) == 1);
static_assert(static_cast<int>(Stage::holding) == 6 && static_cast<int>(Stage::resetting) == 10);
static_assert(!stage_from_value(5) && !stage_from_value(-1) && !stage_from_value(11));
static_assert(stage_from_value(7) == Stage::fossilized);
static_assert(stage_from_name("blending") == Stage::blending && !stage_from_name("(retired)"));

TEST_CASE("the ten stages map to indices 0 to 9 in value order and back", "[L-6]") {
    REQUIRE(all_stages.size() == 10);
    REQUIRE(stage_encoding_version == 1);
    for (std::size_t index = 0; index < all_stages.size(); ++index) {
        const Stage stage = all_stages[index];
        CHECK(stage_index(stage) == index);
        CHECK(stage_from_index(index) == stage);
        CHECK(stage_from_name(name_of(stage)) == stage);
        if (index > 0) CHECK(all_stages[index - 1] < stage);
        const auto encoding = stage_one_hot(stage);
        for (std::size_t i = 0; i < encoding.size(); ++i) {
            CHECK(encoding[i] == (i == index ? 1.0F : 0.0F));
        }
    }
    CHECK_FALSE(stage_from_index(10));
    CHECK(stage_index(Stage::holding) == 5);
}

TEST_CASE("a retired or invalid stage value is an error that names the valid ones", "[L-6]") {
    for (const int value : {5, -1, 11, 255}) {
        const std::string text =
            test::error_text<LifecycleError>([&] { (void)require_stage(value, "record"); });
        CHECK(test::mentions(text, "4 (blending), 6 (holding)"));
        CHECK(test::mentions(text, std::to_string(value)));
    }
    CHECK(require_stage(4, "record") == Stage::blending);
    CHECK(require_stage_index(Stage::dormant) == 1);
    REQUIRE_THROWS_AS(require_stage_index(static_cast<Stage>(5)), LifecycleError);
}

TEST_CASE("active stages run the seed and failure stages lead back to dormant", "[L-5]") {
    for (const Stage stage : all_stages) {
        const bool active = stage == Stage::training || stage == Stage::blending ||
                            stage == Stage::holding || stage == Stage::fossilized;
        const bool failure = stage == Stage::pruned || stage == Stage::embargoed ||
                             stage == Stage::resetting;
        CHECK(is_active(stage) == active);
        CHECK(is_failure(stage) == failure);
    }
}
