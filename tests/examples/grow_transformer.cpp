// The program grow_transformer as a user runs it: what it writes, that it repeats, what it refuses.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "program.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::tests {
namespace {

using test::TemporaryFolder;

/// Some thousand characters of eight kinds.
std::filesystem::path write_song(const TemporaryFolder& folder) {
    const std::filesystem::path file = folder / "song.txt";
    std::ofstream out(file, std::ios::binary);
    for (int verse = 0; verse < 60; ++verse) out << "la la lü, tra la\nla di da, tra la\n";
    return file;
}

/// A run of seconds.
std::vector<std::string> small_run(const std::filesystem::path& text) {
    return {"--text",   text.string(), "--layers",    "2",    "--width",  "8",   "--heads",   "2",
            "--time",   "8",           "--batch",     "2",    "--epochs", "9",   "--batches", "3",
            "--sample", "20",          "--blueprint", "lora", "--slots",  "r0c0"};
}

std::vector<std::string> with(std::vector<std::string> arguments,
                              const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

/// With another value of one of them.
std::vector<std::string> changed(std::vector<std::string> arguments, const std::string& name,
                                 const std::string& value) {
    *(std::ranges::find(arguments, name) + 1) = value;
    return arguments;
}

/// The outcome but for the time that it took.
nlohmann::json outcome(const std::filesystem::path& file) {
    auto summary = nlohmann::json::parse(text_of(file));
    CHECK(summary.at("seconds").get<double>() > 0.0);
    summary.erase("seconds");
    return summary;
}

TEST_CASE("a run trains, grows, writes samples and a summary, and repeats", "[examples][N-9]") {
    const TemporaryFolder folder;
    const auto arguments = small_run(write_song(folder));
    const Outcome first = run(with(arguments, {"--summary", (folder / "a.json").string()}));
    INFO(first.out << first.err);
    REQUIRE(first.code == 0);
    CHECK(first.err.empty());
    for (const char* part : {"10 of them different", "before it has learned anything it writes:",
                             "the host alone, ", "the same host, growing lora at r0c0",
                             "germinated -> training", "now it writes:", "loss on the test part"}) {
        INFO(part);
        CHECK(first.out.find(part) != std::string::npos);
    }
    const auto summary = outcome(folder / "a.json");
    CHECK(summary.at("host_only_loss").get<double>() > 0.0);
    CHECK(summary.at("grown_loss").get<double>() > 0.0);
    CHECK(summary.at("host_only_accuracy").get<double>() <= 100.0);
    CHECK(summary.at("from_start_loss").is_null());
    CHECK(summary.at("germinated") == 1);
    CHECK(summary.at("epochs") == 9);
    const Outcome second =
        run(with(arguments, {"--threads", "2", "--summary", (folder / "b.json").string()}));
    REQUIRE(second.code == 0);
    CHECK(outcome(folder / "b.json") == summary);
}

TEST_CASE("a run that goes on ends as one that never stopped", "[examples][C-6]") {
    const TemporaryFolder folder;
    const auto song = write_song(folder);
    const auto checkpoint = (folder / "run").string();
    const auto arguments =
        with(changed(small_run(song), "--sample", "0"), {"--checkpoint", checkpoint, "--summary"});
    REQUIRE(run(with(arguments, {(folder / "a.json").string()})).code == 0);
    // The last checkpoints are as if it had been stopped before the end.
    for (const auto& entry : std::filesystem::directory_iterator(checkpoint)) {
        const std::string name = entry.path().filename().string();
        if (name.find("grown") != std::string::npos && name.find('9') != std::string::npos) {
            std::filesystem::remove(entry.path());
        }
    }
    const Outcome again = run(with(arguments, {(folder / "b.json").string(), "--resume"}));
    INFO(again.out << again.err);
    REQUIRE(again.code == 0);
    CHECK(again.out.find("going on from") != std::string::npos);
    CHECK(outcome(folder / "b.json") == outcome(folder / "a.json"));
    check_one_clear_error(run(with(arguments, {(folder / "c.json").string()})),
                          {"checkpoints of another run"});
}

TEST_CASE("texts and sizes that do not go together are one clear error", "[examples][E-2]") {
    const TemporaryFolder folder;
    const auto song = write_song(folder);
    const auto refused = [](const std::vector<std::string>& arguments,
                            const std::vector<std::string>& parts) {
        check_one_clear_error(run(arguments), parts);
    };
    const std::string nowhere = (folder / "nowhere").string();
    refused({"--text", nowhere}, {nowhere, "cannot be read"});
    refused({"--data", nowhere}, {nowhere, "input.txt"});
    refused({"--text", folder.path().string()}, {"cannot be read"});
    refused(changed(small_run(song), "--time", "300"), {"the text is too short"});
    refused(changed(small_run(song), "--heads", "3"), {"heads do not divide the width"});
    refused(changed(small_run(song), "--slots", "r9c9"), {"r9c9", "r0c0, r0c1"});
    refused(changed(small_run(song), "--blueprint", "weed"), {"weed"});
    std::ofstream(folder / "empty") << "";
    refused({"--text", (folder / "empty").string()}, {"there is no text", "empty"});
    std::ofstream(folder / "latin") << "\xE9t\xE9";
    refused({"--text", song.string(), "--text", (folder / "latin").string()},
            {"no UTF-8", "latin", "byte 0"});
    std::ofstream(folder / "rows") << std::string(5000, '-');
    refused({"--text", (folder / "rows").string()}, {"nothing to learn", "rows"});
    refused(with(small_run(song), {"--summary", song.string()}), {"--summary"});
}

}  // namespace
}  // namespace kasmina::tests
