// Rotating keeps the last few and the best, finds the newest whole one, and touches nothing else.
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <kasmina/checkpoint/file/rotating.hpp>
#include <kasmina/checkpoint/file/writer.hpp>

#include "checkpoint/file/support.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::test::rotating_test {
namespace {

namespace fs = std::filesystem;
using checkpoint::Rotating;
using checkpoint::RotatingEntry;

void write_empty(const fs::path& path) {
    const file::Plan plan;
    file::write(path, plan, file::Durability::process_death);
}

std::set<std::string> names_in(const fs::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) {
        names.insert(entry.path().filename().string());
    }
    return names;
}

using Names = std::set<std::string>;

TEST_CASE("the last n are kept, and the best however old", "[C-5]") {
    const TemporaryFolder folder;
    Rotating rotating(folder / "run", {.keep = 2});
    const double scores[] = {50, 71.25, 60, -3e-7, 71.25, 70};
    const Names after[] = {
        {"checkpoint-00000001-score50.safetensors"},
        {"checkpoint-00000001-score50.safetensors", "checkpoint-00000002-score71.25.safetensors"},
        {"checkpoint-00000002-score71.25.safetensors", "checkpoint-00000003-score60.safetensors"},
        {"checkpoint-00000002-score71.25.safetensors", "checkpoint-00000003-score60.safetensors",
         "checkpoint-00000004-score-3e-07.safetensors"},
        {"checkpoint-00000004-score-3e-07.safetensors",
         "checkpoint-00000005-score71.25.safetensors"},
        {"checkpoint-00000005-score71.25.safetensors", "checkpoint-00000006-score70.safetensors"},
    };
    for (std::uint64_t step = 1; step <= 6; ++step) {
        const auto path = rotating.save(step, scores[step - 1], write_empty);
        CHECK(fs::exists(path));
        CHECK(names_in(folder / "run") == after[step - 1]);
        CHECK(rotating.newest()->step == step);
        CHECK(rotating.newest()->score == scores[step - 1]);
    }
    CHECK(rotating.best()->step == 5);
    rotating.save(7, write_empty);
    rotating.save(8, write_empty);
    rotating.save(9, write_empty);
    CHECK(names_in(folder / "run") == Names{"checkpoint-00000005-score71.25.safetensors",
                                            "checkpoint-00000008.safetensors",
                                            "checkpoint-00000009.safetensors"});
}

TEST_CASE("the best may be the lowest, or not be kept", "[C-5]") {
    const TemporaryFolder folder;
    Rotating losses(folder / "run", {.name = "loss", .keep = 1, .higher_is_better = false});
    Rotating last(folder / "run", {.name = "last", .keep = 1, .keep_best = false});
    const double scores[] = {0.5, 0.25, 0.75};
    for (std::uint64_t step = 1; step <= 3; ++step) {
        losses.save(step, scores[step - 1], write_empty);
        last.save(step, scores[step - 1], write_empty);
    }
    CHECK(names_in(folder / "run") == Names{"last-00000003-score0.75.safetensors",
                                            "loss-00000002-score0.25.safetensors",
                                            "loss-00000003-score0.75.safetensors"});
    CHECK(losses.best()->step == 2);
}

TEST_CASE("all is known from the names: another process goes on where one ended", "[C-5]") {
    const TemporaryFolder folder;
    Rotating(folder / "run", {.keep = 2}).save(123'456'789, 0.1, write_empty);
    Rotating(folder / "run", {.keep = 2}).save(123'456'790, 0.1 + 0.2, write_empty);
    const Rotating again(folder / "run", {.keep = 2});
    REQUIRE(again.entries().size() == 2);
    CHECK(again.entries()[0].step == 123'456'789);
    CHECK(again.entries()[1].score == 0.1 + 0.2);
    CHECK(again.best()->step == 123'456'790);
}

TEST_CASE("broken files are passed over and do not count", "[C-5][E-5]") {
    const TemporaryFolder folder;
    Rotating rotating(folder / "run", {.keep = 2});
    for (std::uint64_t step = 1; step <= 2; ++step) rotating.save(step, write_empty);
    const auto broken = folder / "run" / "checkpoint-00000003.safetensors";
    put(broken, file_with("{}", 5));
    CHECK(rotating.newest()->step == 2);
    CHECK_FALSE(rotating.best().has_value());

    std::vector<fs::path> asked;
    const auto loaded = rotating.load_newest([&](const fs::path& path) {
        asked.push_back(path);
        static_cast<void>(file::Reader::open(path));
    });
    REQUIRE(loaded.entry.has_value());
    CHECK(loaded.entry->step == 2);
    REQUIRE(loaded.refused.size() == 1);
    CHECK(loaded.refused[0].first == broken);
    CHECK(mentions(loaded.refused[0].second, "bytes behind the last tensor"));
    CHECK(asked.size() == 2);

    // The run goes on from step 2 and comes to step 3 again.
    rotating.save(3, 1.0, write_empty);
    CHECK(names_in(folder / "run") ==
          Names{"checkpoint-00000002.safetensors", "checkpoint-00000003-score1.safetensors"});
    put(folder / "run" / "checkpoint-00000004.safetensors", "");
    rotating.save(5, write_empty);
    CHECK(names_in(folder / "run") == Names{"checkpoint-00000003-score1.safetensors",
                                            "checkpoint-00000004.safetensors",
                                            "checkpoint-00000005.safetensors"});
    rotating.save(6, write_empty);
    CHECK(names_in(folder / "run") == Names{"checkpoint-00000003-score1.safetensors",
                                            "checkpoint-00000005.safetensors",
                                            "checkpoint-00000006.safetensors"});
}

TEST_CASE("what is broken is replaced by one of its step, whatever is in it", "[C-5]") {
    const TemporaryFolder folder;
    Rotating rotating(folder.path(), {.keep = 2});
    for (std::uint64_t step = 1; step <= 3; ++step) rotating.save(step, write_empty);
    put(rotating.entries().back().path, "this was a disk that failed");
    REQUIRE(rotating.newest()->step == 2);
    rotating.save(3, write_empty);
    CHECK(rotating.newest()->step == 3);
    CHECK(rotating.entries().size() == 2);
}

TEST_CASE("a save that writes elsewhere is told, and nothing is removed", "[C-5][E-5]") {
    const TemporaryFolder folder;
    Rotating rotating(folder.path(), {.keep = 1});
    rotating.save(1, write_empty);
    const std::string text = error_text<CheckpointError>(
        [&] { rotating.save(2, [&](const fs::path&) { write_empty(folder / "elsewhere"); }); });
    CHECK(mentions(text, "nothing was saved there"));
    CHECK(rotating.newest()->step == 1);
}

TEST_CASE("folders are no checkpoints, whatever they are called", "[C-5][E-6]") {
    const TemporaryFolder folder;
    Rotating rotating(folder.path(), {.keep = 1});
    rotating.save(1, write_empty);
    const auto odd = folder / "checkpoint-00000000.safetensors";
    fs::create_directory(odd);
    put(odd / "inside", "x");
    rotating.save(2, write_empty);
    CHECK(rotating.entries().size() == 1);
    CHECK(fs::exists(odd / "inside"));
}

TEST_CASE("a folder's path with a zero byte in it means no other folder", "[C-5][E-6]") {
    const TemporaryFolder folder;
    CHECK_THROWS_AS(Rotating(folder / std::string("run\0s", 5)), CheckpointError);
    CHECK(names_in(folder.path()).empty());
}

TEST_CASE("nothing whole is nothing loaded; other errors come through", "[C-5]") {
    const TemporaryFolder folder;
    Rotating rotating(folder / "run");
    CHECK_FALSE(rotating.newest().has_value());
    CHECK_FALSE(rotating.load_newest(write_empty).entry.has_value());
    rotating.save(1, write_empty);
    CHECK_THROWS_AS(rotating.load_newest([](const fs::path&) { throw std::runtime_error("-"); }),
                    std::runtime_error);
}

TEST_CASE("a save that fails removes nothing", "[C-5]") {
    const TemporaryFolder folder;
    Rotating rotating(folder / "run", {.keep = 1});
    rotating.save(1, 2.0, write_empty);
    CHECK_THROWS_AS(
        rotating.save(2, [](const fs::path&) { throw CheckpointError("", "", "", "", ""); }),
        CheckpointError);
    CHECK_THROWS_AS(rotating.save(2, std::numeric_limits<double>::quiet_NaN(), write_empty),
                    CheckpointError);
    CHECK(names_in(folder / "run") == Names{"checkpoint-00000001-score2.safetensors"});
    rotating.save(2, write_empty);
    CHECK(mentions(error_text<CheckpointError>([&] { rotating.save(1, write_empty); }),
                   "a checkpoint of a later step is there"));
    CHECK(rotating.newest()->step == 2);
}

TEST_CASE("files with other names are never touched", "[C-5][E-6]") {
    const TemporaryFolder folder;
    const Names others{"checkpoint-1.safetensors",
                       "checkpoint-00000001.safetensors.bak",
                       "checkpoint-00000001-score.safetensors",
                       "checkpoint-00000001-score1.0.safetensors",
                       "checkpoint-00000001-scorenan.safetensors",
                       "checkpoint-00000001-best.safetensors",
                       "checkpoint--0000001.safetensors",
                       "checkpoint-.safetensors",
                       "checkpoint-99999999999999999999999.safetensors",
                       "my-checkpoint-00000001.safetensors",
                       ".safetensors"};
    for (const std::string& name : others) put(folder / name, "x");
    Rotating rotating(folder.path(), {.keep = 1});
    for (std::uint64_t step = 1; step <= 3; ++step) rotating.save(step, write_empty);
    Names expected = others;
    expected.insert("checkpoint-00000003.safetensors");
    CHECK(names_in(folder.path()) == expected);
}

TEST_CASE("options that make no sense are refused", "[E-2]") {
    const TemporaryFolder folder;
    CHECK_THROWS_AS(Rotating(folder.path(), {.keep = 0}), OptionError);
    for (const std::string name : {"", "a/b", "..", "a.b", "ä"}) {
        CHECK_THROWS_AS(Rotating(folder.path(), {.name = name}), OptionError);
    }
    put(folder / "file", "x");
    CHECK_THROWS_AS(Rotating(folder / "file"), CheckpointError);
}

}  // namespace
}  // namespace kasmina::test::rotating_test
