// Files of older schemas load through typed migrations; those of newer ones are refused.
#include <filesystem>
#include <string>

#include <kasmina/checkpoint/checkpoint.hpp>

#include "checkpoint/edited.hpp"
#include "checkpoint/life.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina {
namespace {

using B = test::Eigen32;
using Life = test::Life<B, optim::SgdRule>;

std::filesystem::path stored(const std::string& name) {
    return std::filesystem::path(KASMINA_CHECKPOINT_DIR) / "schemas" / name;
}

TEST_CASE("the version that files note is the project's", "[C-4]") {
    CHECK(version == KASMINA_PROJECT_VERSION);
}

/// Both files are of this life; schema_1 has a table without library and note.
TEMPLATE_TEST_CASE_SIG("a file of each schema loads, and is what it was saved of", "[C-4]",
                       ((int schema), schema), 1, 2) {
    B::Context context;
    const auto file = stored("schema_" + std::to_string(schema) + ".safetensors");
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

/// Writes the files that the tests above read; for a new schema, not for every day.
TEST_CASE("write the files of schemas", "[.write]") {
    B::Context context;
    Life life(context);
    life.grow(10);
    const test::TemporaryFolder folder;
    checkpoint::save(folder / "two", checkpoint::Note{"a file of schema 2"}, life.model,
                     life.trainer, life.diary);
    test::Edited file(folder / "two");
    file.write(stored("schema_2.safetensors"));
    test::Json table = file.record("kasmina");
    file.set_record("kasmina", {{"schema", 1}, {"parts", table["parts"]}});
    file.write(stored("schema_1.safetensors"));
}

}  // namespace
}  // namespace kasmina
