// Stages: values, names, predicates and the observers' encoding.
#include <algorithm>

#include <string>

#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/lifecycle/stage_encoding.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::stage_test {

static_assert(sizeof(Stage) == 1);
static_assert(reflect::is_enumerator(Stage::holding));
static_assert(!reflect::is_enumerator(static_cast<Stage>(5)));
static_assert(sizeof(stage_one_hot(Stage::dormant)) == 10 * sizeof(float));

TEST_CASE("stages have the values that are stored and the names that are shown", "[L-1]") {
    static_assert(static_cast<int>(Stage::unknown) == 0);
    static_assert(static_cast<int>(Stage::dormant) == 1);
    static_assert(static_cast<int>(Stage::germinated) == 2);
    static_assert(static_cast<int>(Stage::training) == 3);
    static_assert(static_cast<int>(Stage::blending) == 4);
    static_assert(static_cast<int>(Stage::holding) == 6);
    static_assert(static_cast<int>(Stage::fossilized) == 7);
    static_assert(static_cast<int>(Stage::pruned) == 8);
    static_assert(static_cast<int>(Stage::embargoed) == 9);
    static_assert(static_cast<int>(Stage::resetting) == 10);
    CHECK(name_of(Stage::germinated) == "germinated");
    CHECK(name_of(Stage::resetting) == "resetting");
    CHECK(name_of(static_cast<Stage>(5)) == "(retired)");
    CHECK(name_of(static_cast<Stage>(11)) == "(invalid)");
}

/// Whether a text of an error names each valid stage, and what was taken for one.
static bool names_the_valid(const std::string& text, const std::string& got) {
    bool all = test::mentions(text, "got " + got);
    for (const Stage stage : all_stages) {
        all = all && test::mentions(text, std::string(name_of(stage)) + " (" +
                                              std::to_string(static_cast<int>(stage)) + ")");
    }
    return all;
}

TEST_CASE("a stored value is a stage unless it is retired or out of range", "[L-1][L-6][E-2]") {
    static_assert(stage_from_value(6) == Stage::holding);
    for (const Stage stage : all_stages) {
        CHECK(stage_from_value(static_cast<int>(stage)) == stage);
    }
    for (const int value : {-1, 5, 11, 261}) {
        const std::string text =
            test::error_text<LifecycleError>([value] { (void)stage_from_value(value, "a file"); });
        CAPTURE(text);
        CHECK(names_the_valid(text, std::to_string(value)));
        CHECK(test::mentions(text, "a file"));
        CHECK(test::mentions(text, "retired") == (value == 5));
    }
}

TEST_CASE("a name leads back to its stage, and no other text does", "[L-1]") {
    for (const Stage stage : all_stages) CHECK(stage_from_name(name_of(stage)) == stage);
    for (const std::string name : {"", "Training", "training ", "(retired)"}) {
        const std::string text =
            test::error_text<LifecycleError>([&name] { (void)stage_from_name(name); });
        CHECK(names_the_valid(text, "\"" + name + "\""));
    }
}

TEST_CASE("four stages are active, three are failures, and none is both", "[L-5]") {
    const auto among = [](Stage stage, std::initializer_list<Stage> list) {
        return std::find(list.begin(), list.end(), stage) != list.end();
    };
    for (const Stage stage : all_stages) {
        CAPTURE(name_of(stage));
        CHECK(is_active(stage) ==
              among(stage, {Stage::training, Stage::blending, Stage::holding, Stage::fossilized}));
        CHECK(is_failure(stage) ==
              among(stage, {Stage::pruned, Stage::embargoed, Stage::resetting}));
    }
}

TEST_CASE("observers see the ten stages in value order as indices 0 to 9", "[L-6]") {
    static_assert(stage_encoding_version == 1);
    static_assert(stage_index(Stage::unknown) == 0U);
    static_assert(stage_index(Stage::blending) == 4U);
    static_assert(stage_index(Stage::holding) == 5U);
    static_assert(stage_index(Stage::resetting) == 9U);
    static_assert(std::is_sorted(all_stages.begin(), all_stages.end()));
    for (std::size_t index = 0; index < 10; ++index) {
        CHECK(stage_index(stage_from_index(index)) == index);
    }
    const auto text_of = [](auto call) { return test::error_text<LifecycleError>(call); };
    CHECK(names_the_valid(text_of([] { (void)stage_from_index(10); }), "index 10 of 10"));
    CHECK(
        names_the_valid(text_of([] { (void)stage_index(static_cast<Stage>(5)); }), "5 (retired)"));
    CHECK(names_the_valid(text_of([] { (void)stage_index(static_cast<Stage>(11)); }), "11"));
}

TEST_CASE("the one-hot encoding has a single 1 at the stage's index", "[L-6]") {
    for (const Stage stage : all_stages) {
        const auto encoding = stage_one_hot(stage);
        CHECK(std::count(encoding.begin(), encoding.end(), 1.0F) == 1);
        CHECK(std::count(encoding.begin(), encoding.end(), 0.0F) == 9);
        CHECK(encoding[stage_index(stage)] == 1.0F);
    }
    for (const int value : {5, 42}) {
        const auto encode = [value] { (void)stage_one_hot(static_cast<Stage>(value)); };
        CHECK(names_the_valid(test::error_text<LifecycleError>(encode), std::to_string(value)));
    }
}

}  // namespace kasmina::stage_test
