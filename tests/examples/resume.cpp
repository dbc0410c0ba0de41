// grow_cnn goes on after a signal, and its outcome is that of a run that never stopped.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "program.hpp"
#include "support/catch.hpp"

namespace kasmina::resume_test {
namespace {

using namespace tests;
namespace fs = std::filesystem;

/// The outcome without what the clock says.
nlohmann::json summary_of(const fs::path& file) {
    nlohmann::json summary = nlohmann::json::parse(text_of(file));
    summary.erase("seconds");
    return summary;
}

TEST_CASE("a run that signals have stopped twice ends like one that never stopped",
          "[examples][C-6]") {
    const test::TemporaryFolder folder;
    write_cifar(folder.path());
    const std::vector<std::string> asked{
        "--data", folder.path().string(), "--epochs", "12", "--slots", "r0c0,r1c0"};
    const Outcome whole = run(with(asked, {"--summary", (folder / "whole.json").string()}));
    REQUIRE(whole.code == 0);

    const fs::path saved = folder / "run";
    const auto kept = with(
        asked, {"--checkpoint", saved.string(), "--summary", (folder / "resumed.json").string()});
    const Outcome first = run_until_there(kept, "TERM", saved / "host-");
    INFO(first.out << first.err);
    // It may have been over before the signal came.
    CHECK((first.code == 4 || first.code == 0));
    if (first.code == 4) {
        CHECK(first.out.find("SIGTERM has stopped the run") != std::string::npos);
        CHECK_FALSE(fs::exists(folder / "resumed.json"));
    }
    const Outcome second = run_until_there(with(kept, {"--resume"}), "INT", saved / "grown-");
    INFO(second.out << second.err);
    CHECK((second.code == 4 || second.code == 0));
    CHECK(second.out.find("going on from ") != std::string::npos);
    const Outcome last = run(with(kept, {"--resume"}));
    INFO(last.out << last.err);
    REQUIRE(last.code == 0);
    CHECK(summary_of(folder / "resumed.json") == summary_of(folder / "whole.json"));
}

TEST_CASE("a run goes on with its own options alone, and replaces no other", "[examples][E-6]") {
    const test::TemporaryFolder folder;
    write_cifar(folder.path());
    const std::vector<std::string> kept{"--data",       folder.path().string(),   "--epochs", "1",
                                        "--checkpoint", (folder / "run").string()};
    REQUIRE(run(kept).code == 0);
    check_one_clear_error(run(kept), {"--checkpoint", "another run", "--resume"});
    const Outcome other = run(with(kept, {"--resume", "--blueprint", "norm"}));
    CHECK(other.code == 2);
    CHECK(other.err.find("blueprint") != std::string::npos);
    CHECK(other.err.find("the same options") != std::string::npos);
    const Outcome without = run({"--resume"});
    CHECK(without.code == 2);
    CHECK(without.err.find("--checkpoint") != std::string::npos);
}

TEST_CASE("where nothing that was saved is whole, a run says so and begins anew",
          "[examples][C-3]") {
    const test::TemporaryFolder folder;
    write_cifar(folder.path());
    const fs::path saved = folder / "run";
    fs::create_directory(saved);
    write_bytes(saved / "host-00000001.safetensors", {});
    write_bytes(saved / "host-00000002.safetensors", Bytes(100, std::uint8_t{'x'}));
    const std::vector<std::string> kept{"--data",       folder.path().string(), "--epochs", "1",
                                        "--checkpoint", saved.string(),         "--resume"};
    const Outcome anew = run(kept);
    INFO(anew.out << anew.err);
    CHECK(anew.code == 0);
    for (const char* file : {"host-00000001", "host-00000002"}) {
        const std::size_t told = anew.out.find(file);
        REQUIRE(told != std::string::npos);
        CHECK(anew.out.rfind("passed over: ", told) != std::string::npos);
    }
    CHECK(anew.out.find("there is nothing to go on with in " + saved.string() + ": it begins") !=
          std::string::npos);
    CHECK(anew.out.find("going on from ") == std::string::npos);
    // What it has saved is whole, and the next one goes on with it.
    const Outcome next = run(kept);
    INFO(next.out << next.err);
    CHECK(next.code == 0);
    CHECK(next.out.find("going on from " + (saved / "host-00000001").string()) !=
          std::string::npos);
}

TEST_CASE("a run whose end could not be saved ends with the code for what is lost",
          "[examples][E-6]") {
    const test::TemporaryFolder folder;
    write_cifar(folder.path());
    const Outcome outcome = run_shell("trap '' XFSZ; ulimit -f 8; " +
                                      command_of({"--data", folder.path().string(), "--epochs", "1",
                                                  "--checkpoint", (folder / "run").string()}));
    INFO(outcome.out << outcome.err);
    CHECK(outcome.code == 3);
    CHECK(outcome.out.find("this epoch is not saved: ") != std::string::npos);
    CHECK(outcome.err.find("the run's end is not saved: ") != std::string::npos);
    CHECK(outcome.err.find("File too large") != std::string::npos);
}

}  // namespace
}  // namespace kasmina::resume_test
