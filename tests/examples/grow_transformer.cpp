// The program grow_transformer as a user runs it: what it writes, that it repeats, what it refuses.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "program.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::tests::grow_transformer_test {
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
    for (const char* part :
         {"10 of them different", "before it has learned anything it writes:", "the host alone, ",
          "the same host, growing lora at r0c0", "germinated -> training",
          "now it writes:", " characters of the test part, "}) {
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

/// A seed that learns in a host that hardly does: it helps, and is judged early.
std::vector<std::string> helpful_run(const std::filesystem::path& text) {
    auto arguments = changed(changed(small_run(text), "--epochs", "32"), "--blueprint", "mlp");
    return with(changed(arguments, "--sample", "0"),
                {"--rate", "1e-4", "--seed-rate", "0.02", "--tempo", "1", "--settling", "0"});
}

TEST_CASE(
    "a run that signals have stopped in each of its networks ends like one that never stopped",
    "[examples][C-6]") {
    const TemporaryFolder folder;
    const auto asked = with(helpful_run(write_song(folder)), {"--from-start", "--equal-work"});
    const Outcome whole = run(with(asked, {"--summary", (folder / "whole.json").string()}));
    INFO(whole.out << whole.err);
    REQUIRE(whole.code == 0);
    const auto expected = outcome(folder / "whole.json");
    REQUIRE(expected.at("fossilized") == 1);
    CHECK(expected.at("from_start_loss").get<double>() > 0.0);
    CHECK(expected.at("from_start_validation_loss").get<double>() > 0.0);
    CHECK(expected.at("equal_work_loss").get<double>() > 0.0);
    const double work = expected.at("equal_work_multiplications").get<double>() /
                        expected.at("grown_multiplications").get<double>();
    CHECK(std::abs(work - 1.0) < 0.03);
    CHECK(expected.at("grown_loss").get<double>() < expected.at("host_only_loss").get<double>());

    const auto saved = folder / "run";
    auto kept = with(
        asked, {"--checkpoint", saved.string(), "--summary", (folder / "resumed.json").string()});
    const std::vector<std::pair<std::string, std::string>> stops{
        {"TERM", "host-"}, {"INT", "grown-"}, {"INT", "from-start-"}, {"TERM", "equal-work-"}};
    for (const auto& [signal, network] : stops) {
        const Outcome part = run_until_there(kept, signal, saved / network);
        INFO(part.out << part.err);
        // It may have been over before the signal came.
        CHECK((part.code == 4 || part.code == 0));
        if (part.code == 4) CHECK_FALSE(std::filesystem::exists(folder / "resumed.json"));
        if (network == "host-") kept.emplace_back("--resume");
    }
    const Outcome last = run(kept);
    INFO(last.out << last.err);
    REQUIRE(last.code == 0);
    CHECK(last.out.find("from-start") != std::string::npos);
    CHECK(outcome(folder / "resumed.json") == expected);

    kept.pop_back();
    check_one_clear_error(run(kept), {"checkpoints of another run"});
    const Outcome other = run(with(changed(kept, "--tempo", "2"), {"--resume"}));
    CHECK(other.code == 2);
    CHECK(other.err.find("the same options") != std::string::npos);
    // Of as many and the same characters, but another text.
    std::string song = text_of(folder / "song.txt");
    std::reverse(song.begin(), song.begin() + 3);  // "la " at its start
    std::ofstream(folder / "other.txt", std::ios::binary) << song;
    const Outcome another =
        run(with(changed(kept, "--text", (folder / "other.txt").string()), {"--resume"}));
    CHECK(another.code == 2);
    CHECK(another.err.find("the run that was saved is another one: data") != std::string::npos);
}

TEST_CASE("a run draws its page, writes events, and is judged as the user says",
          "[examples][J-1]") {
    const TemporaryFolder folder;
    const auto file = [&folder](const char* name) { return (folder / name).string(); };
    const Outcome drawn =
        run(with(helpful_run(write_song(folder)),
                 {"--judge", "ablation", "--incubation", "straight_through", "--summary",
                  file("summary.json"), "--report", file("run.html"), "--telemetry",
                  file("events.jsonl"), "--tensorboard", file("runs")}));
    INFO(drawn.out << drawn.err);
    REQUIRE(drawn.code == 0);
    const auto summary = nlohmann::json::parse(text_of(folder / "summary.json"));
    CHECK(summary.at("judge") == "ablation");
    CHECK(summary.at("incubation") == "straight_through");
    CHECK(summary.at("germinated") >= 1);
    const std::string page = text_of(folder / "run.html");
    CHECK(page.find("the text: a network that grew") != std::string::npos);
    CHECK(page.find("grown, loss on ") != std::string::npos);
    CHECK(page.find("mlp in r0c0 has germinated") != std::string::npos);
    CHECK_FALSE(text_of(folder / "events.jsonl").empty());
    CHECK(std::filesystem::directory_iterator(folder / "runs") !=
          std::filesystem::directory_iterator());
}

TEST_CASE("texts and sizes that do not go together are one clear error", "[examples][E-2]") {
    const TemporaryFolder folder;
    const auto song = write_song(folder);
    const auto refused = [](const std::vector<std::string>& arguments,
                            const std::vector<std::string>& parts) {
        check_one_clear_error(run(arguments), parts);
    };
    const std::string nowhere = (folder / "nowhere").string();
    refused({"--text", nowhere}, {nowhere, "cannot be read", "nothing there"});
    refused({"--data", nowhere}, {nowhere, "input.txt"});
    refused({"--text", folder.path().string()}, {"cannot be read", "a folder"});
    refused({"--text", "/dev/full"}, {"cannot be read", "something else"});
    refused(changed(small_run(song), "--time", "300"),
            {"the text is too short", "song.txt", "a smaller --time"});
    refused(changed(small_run(song), "--heads", "3"), {"heads do not divide the width"});
    refused(changed(changed(changed(small_run(song), "--width", "6"), "--heads", "1"),
                    "--blueprint", "attention"),
            {"blueprint attention", "heads do not divide the width", "got 4"});
    refused(changed(small_run(song), "--slots", "r9c9"), {"r9c9", "r0c0, r0c1"});
    refused(changed(small_run(song), "--slots", "r0c0,r0c0"), {"--slots", "named twice"});
    refused(changed(small_run(song), "--blueprint", "weed"), {"weed"});
    refused(with(small_run(song), {"--judge", "jury"}), {"jury"});
    for (const char* option : {"--rate", "--seed-rate"}) {
        for (const char* rate : {"0", "nan", "fast", "1001"}) {
            refused({option, rate}, {option, rate, "a number from 1e-30 to 1000"});
        }
    }
    refused(with(small_run(song), {"--bogus"}), {"--bogus", "--help"});
    refused(with(changed(small_run(song), "--layers", "4"), {"--segments", "3"}),
            {"segments do not divide the layers"});
    std::ofstream(folder / "short") << "la la\n";
    refused({"--text", (folder / "short").string()}, {"the text is too short", "1300", "got 6"});
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
}  // namespace kasmina::tests::grow_transformer_test
