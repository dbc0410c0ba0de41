// Files of older schemas load through typed migrations; those of newer ones are refused.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <kasmina/checkpoint/checkpoint.hpp>
#include <kasmina/data/sampler.hpp>
#include <kasmina/policy/heuristic_state.hpp>
#include <kasmina/text/token_windows.hpp>
#include <kasmina/train/averaged_weights.hpp>
#include <kasmina/train/early_stopping.hpp>

#include "checkpoint/edited.hpp"
#include "checkpoint/form_of.hpp"
#include "checkpoint/life.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::versions_test {
namespace {

using B = test::Eigen32;
using Life = test::Life<B, optim::SgdRule>;

std::filesystem::path stored_file(const std::string& name) {
    return std::filesystem::path(KASMINA_CHECKPOINT_DIR) / "schemas" / name;
}

TEST_CASE("the version that files note is the project's", "[C-4]") {
    CHECK(version == KASMINA_PROJECT_VERSION);
}

/// Both files are of this life; schema_1 has a table without library and note.
TEMPLATE_TEST_CASE_SIG("a file of each schema loads, and is what it was saved of", "[C-4]",
                       ((int schema), schema), 1, 2) {
    B::Context context;
    const auto file = stored_file("schema_" + std::to_string(schema) + ".safetensors");
    const checkpoint::Seen seen = checkpoint::peek(file);
    CHECK(test::Edited(file).record("kasmina").at("schema") == schema);
    CHECK(seen.library == (schema == 1 ? "" : "0.1.0"));
    CHECK(seen.note == (schema == 1 ? "" : "a file of schema 2"));
    Life life(context, 99);
    checkpoint::load(file, life.model, life.trainer, life.diary);
    CHECK(life.trainer.epochs_done() == 10);
    CHECK(life.diary.losses.size() == 10);
    CHECK(life.model.slot("early").stage() == Stage::blending);
    CHECK(life.model.slot("late").stage() == Stage::fossilized);
    CHECK(life.trainer.state(life.model).learner.judge.shadow.has_value());
    // It trains on.
    life.epoch();
    CHECK(life.trainer.epochs_done() == 11);

    // Saved again it is of the schema of today.
    const test::TemporaryFolder folder;
    checkpoint::save(folder / "again", life.model, life.trainer, life.diary);
    CHECK(test::Edited(folder / "again").record("kasmina").at("schema") ==
          checkpoint::TableOfParts::schema);
}

TEST_CASE("a newer table or record is refused with both numbers, and nothing changes",
          "[C-4][C-3]") {
    B::Context context;
    const test::TemporaryFolder folder;
    Life life(context);
    checkpoint::save(folder / "file", life.model, life.trainer, life.diary);
    const std::string before = test::timeless(folder / "file");
    struct Newer {
        std::string key;
        std::string pointer;
        int schema;
        std::string path;
    };
    for (const auto& [key, pointer, schema, path] :
         {Newer{"kasmina", "/schema", 2, "kasmina: $.schema"},
          Newer{"kasmina/model", "/schema", 1, "kasmina/model: $.schema"},
          Newer{"kasmina/model", "/slots/0/schema", 1, "kasmina/model: $.slots[0].schema"},
          Newer{"kasmina/trainer", "/learner/optimiser/schema", 1,
                "kasmina/trainer: $.learner.optimiser.schema"},
          Newer{"kasmina/diary", "/schema", 1, "kasmina/diary: $.schema"}}) {
        CAPTURE(key, pointer);
        test::Edited file(folder / "file");
        test::Json record = file.record(key);
        record[test::Json::json_pointer(pointer)] = schema + 1;
        file.set_record(key, record);
        file.write(folder / "newer");
        const std::string text = test::error_text<CheckpointError>(
            [&] { checkpoint::load(folder / "newer", life.model, life.trainer, life.diary); });
        INFO(text);
        CHECK(test::mentions(text, path));
        CHECK(test::mentions(text, "expected schema " + std::to_string(schema) + " or older"));
        CHECK(test::mentions(text, "got schema " + std::to_string(schema + 1)));
        checkpoint::save(folder / "after", life.model, life.trainer, life.diary);
        CHECK(test::timeless(folder / "after") == before);
    }
}

TEST_CASE("AdamW goes on from schema 1 with its decay on all parameters", "[C-4]") {
    const auto after = optim::AdamWOptions::migrated({.learning_rate = 0.25,
                                                      .beta1 = 0.5,
                                                      .beta2 = 0.75,
                                                      .epsilon = 0.125,
                                                      .weight_decay = 0.375});
    CHECK(after.learning_rate == 0.25);
    CHECK(after.beta1 == 0.5);
    CHECK(after.beta2 == 0.75);
    CHECK(after.epsilon == 0.125);
    CHECK(after.weight_decay == 0.375);
    CHECK(after.decayed == optim::Decayed::all);
}

TEST_CASE("a loader's place of an older schema goes on, in mid-epoch too", "[C-4]") {
    const test::TemporaryFolder folder;
    /// As `place`'s file was when its record had none of `fields`.
    const auto as_of_schema = [&](int schema, auto place, const std::vector<std::string>& fields) {
        checkpoint::save(folder / "file", checkpoint::named("place", place));
        test::Edited file(folder / "file");
        test::Json record = file.record("kasmina/place");
        CHECK(record.at("schema") == decltype(place)::schema);
        record["schema"] = schema;
        for (const std::string& field : fields) REQUIRE(record.erase(field) == 1);
        file.set_record("kasmina/place", record);
        file.write(folder / "old");
    };
    data::Sampler samples(30, {.batch_size = 8}, Generator(5));
    samples.start_epoch();
    samples.advance();
    as_of_schema(1, samples.state(), {"batch_size", "shuffle", "drop_last"});
    data::LoaderState place;
    checkpoint::load(folder / "old", checkpoint::named("place", place));
    data::Sampler resumed(30, {.batch_size = 8}, Generator(9));
    resumed.restore(place);
    CHECK(resumed.state() == samples.state());
    CHECK(std::ranges::equal(resumed.next_places(), samples.next_places()));

    B::Context context;
    const std::vector<std::int32_t> tokens(40, 1);
    const text::TokenWindowsOptions options{.time = 4, .batch = 3, .batches_per_epoch = 5};
    text::TokenWindows<B> windows(context, tokens, 2, options, Generator(5));
    windows.start_epoch();
    REQUIRE(windows.next() != nullptr);
    const auto check_goes_on = [&](int schema, const std::vector<std::string>& fields) {
        as_of_schema(schema, windows.state(), fields);
        text::TokenWindowsState window;
        checkpoint::load(folder / "old", checkpoint::named("place", window));
        text::TokenWindows<B> again(context, tokens, 2, options, Generator(9));
        again.restore(window);
        CHECK(again.state() == windows.state());
    };
    check_goes_on(1, {"tokens", "checksum", "time", "batch", "batches_per_epoch"});
    check_goes_on(2, {"checksum"});
}

/// The form of each record that has a number, for each number that is read.
std::string forms() {
    using State = Life::Trainer::StateOf<test::LifeController>;
    using Learner = decltype(State::learner);
    using Judge = decltype(Learner::judge);
    using Optimiser = decltype(Learner::optimiser);
    return test::forms_of<checkpoint::TableOfParts>("TableOfParts") +
           test::forms_of<Generator::State>("Generator::State") +
           test::forms_of<ModelState>("ModelState") + test::forms_of<SlotState>("SlotState") +
           test::forms_of<GerminationOptions>("GerminationOptions") +
           test::forms_of<SeedRecord>("SeedRecord") + test::forms_of<SeedMetrics>("SeedMetrics") +
           test::forms_of<judge::Estimate>("judge::Estimate") +
           test::forms_of<AlphaState>("AlphaState") +
           test::forms_of<optim::SgdOptions>("optim::SgdOptions") +
           test::forms_of<optim::AdamWOptions>("optim::AdamWOptions") +
           test::forms_of<Optimiser>("optim::OptimiserState") +
           test::forms_of<Learner>("train::LearnerState") +
           test::forms_of<train::LessonPlace<B>>("train::LessonPlace") +
           test::forms_of<Judge>("judge::ShadowsState") +
           test::forms_of<judge::ShadowState<B, Optimiser>>("judge::ShadowState") +
           test::forms_of<State>("train::TrainerState") +
           test::forms_of<decltype(State::grower)>("GrowerState") +
           test::forms_of<GovernorState>("GovernorState") +
           test::forms_of<Snapshot<B>>("Snapshot") + test::forms_of<NetworkCopy<B>>("NetworkCopy") +
           test::forms_of<HeuristicState>("HeuristicState") +
           test::forms_of<data::LoaderState>("data::LoaderState") +
           test::forms_of<text::TokenWindowsState>("text::TokenWindowsState") +
           test::forms_of<train::AveragedWeightsState<B>>("train::AveragedWeightsState") +
           test::forms_of<train::EarlyStoppingState<B>>("train::EarlyStoppingState");
}

TEST_CASE("a form that files have does not change under its number", "[C-4]") {
    std::istringstream present(forms());
    std::ifstream stored(stored_file("forms.txt"));
    std::string expected;
    std::string got;
    while (std::getline(present, got)) {
        REQUIRE(std::getline(stored, expected));
        INFO(
            "keep the old struct, give the new one the next number and the way to it, and write "
            "the forms anew");
        CHECK(got == expected);
    }
    CHECK_FALSE(std::getline(stored, expected));
}

TEST_CASE("write the forms", "[.write]") {
    std::ofstream(stored_file("forms.txt")) << forms();
}

/// Writes the files that the tests above read; for a new schema, not for every day.
TEST_CASE("write the files of schemas", "[.write]") {
    B::Context context;
    Life life(context);
    life.grow(10);
    const test::TemporaryFolder folder;
    checkpoint::save(folder / "two", checkpoint::Note{"a file of schema 2"}, life.model,
                     life.trainer, life.diary);
    test::Edited file(folder / "two");
    file.write(stored_file("schema_2.safetensors"));
    test::Json table = file.record("kasmina");
    file.set_record("kasmina", {{"schema", 1}, {"parts", table["parts"]}});
    file.write(stored_file("schema_1.safetensors"));
}

}  // namespace
}  // namespace kasmina::versions_test
