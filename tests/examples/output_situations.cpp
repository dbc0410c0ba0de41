// Outputs in odd places, and streams that are closed or full: each is told in one sentence before
// training, or the run ends with all that there is.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "situations.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::tests::output_situations_test {
namespace {

/// Outputs that cannot be, and what is said of them. `{}` stands for the folder.
struct WrongOutputs {
    const char* what;
    std::vector<std::string> arguments;
    std::vector<std::string> told;
};

const std::vector<WrongOutputs> wrong_outputs{
    {"a folder that is not there", {"--summary", "{}/no/file"}, {"No such file or directory"}},
    {"a folder in place of a file", {"--report", "{}/folder"}, {"Is a directory"}},
    {"a file in place of a folder", {"--tensorboard", "{}/file"}, {"Not a directory"}},
    {"a file on the way to a folder", {"--tensorboard", "{}/file/runs"}, {"Not a directory"}},
    {"a name that no system takes",
     {"--telemetry", "{}/" + std::string(300, 'n')},
     {"File name too long"}},
    {"an empty name", {"--summary", ""}, {"an empty name"}},
    {"symlinks in a circle", {"--summary", "{}/circle"}, {"symbolic links"}},
    {"one name twice", {"--summary", "{}/new", "--report", "{}/new"}, {"--summary and --report"}},
    {"one file by two names",
     {"--summary", "{}/file", "--telemetry", "{}/link"},
     {"--summary and --telemetry"}},
    {"one name for a file and a folder",
     {"--report", "{}/new", "--tensorboard", "{}/new"},
     {"--report and --tensorboard"}},
    {"an output in the place of data",
     {"--mnist", "{}/digits", "--summary", "{}/digits/t10k-labels-idx1-ubyte"},
     {"--summary", "replace the data"}},
};

TEST_CASE("outputs that cannot be are told before training, and nothing of the user's changes",
          "[examples][E-2]") {
    for (const WrongOutputs& wrong : wrong_outputs) {
        CAPTURE(wrong.what);
        const TemporaryFolder folder;
        files::create_directory(folder / "folder");
        files::create_directory(folder / "digits");
        write_digits(folder / "digits");
        write_text(folder / "file", "the user's");
        files::create_symlink("file", folder / "link");
        files::create_symlink("circle", folder / "circle");
        const auto before = contents_of(folder.path());
        std::vector<std::string> arguments;
        for (std::string argument : wrong.arguments) {
            if (argument.starts_with("{}")) argument.replace(0, 2, folder.path().string());
            arguments.push_back(argument);
        }
        check_one_clear_error(run(arguments), wrong.told);
        CHECK(contents_of(folder.path()) == before);
    }
}

TEST_CASE("outputs in odd places are written there", "[examples]") {
    const TinyRun tiny;
    SECTION("a long name, beside files with the names of temporary ones") {
        const std::string name(250, 'n');
        write_text(tiny.path("x.json.tmp"), "the user's");
        write_text(tiny.path("x.json.probe"), "the user's");
        const Outcome outcome =
            run(tiny.arguments({"--summary", tiny.path(name), "--report", tiny.path("x.json")}));
        CHECK(outcome.code == 0);
        CHECK(is_summary(text_of(tiny.path(name))));
        CHECK(text_of(tiny.path("x.json")).starts_with("<!DOCTYPE html>"));
        CHECK(text_of(tiny.path("x.json.tmp")) == "the user's");
        CHECK(text_of(tiny.path("x.json.probe")) == "the user's");
    }
    SECTION("behind a symlink, into a file with a mode of its own") {
        write_text(tiny.path("target"), "before");
        ::chmod(tiny.path("target").c_str(), 0600);
        files::create_symlink("target", tiny.path("link"));
        const Outcome outcome = run(tiny.arguments({"--summary", tiny.path("link")}));
        CHECK(outcome.code == 0);
        CHECK(files::is_symlink(tiny.path("link")));
        CHECK(is_summary(text_of(tiny.path("target"))));
        struct stat found {};
        REQUIRE(::stat(tiny.path("target").c_str(), &found) == 0);
        CHECK((found.st_mode & 0777U) == 0600U);
    }
    SECTION("FIFOs") {
        for (const char* name : {"summary", "telemetry"}) {
            REQUIRE(::mkfifo(tiny.path(name).c_str(), 0600) == 0);
        }
        const std::string reading = "cat '" + tiny.path("summary") + "' >'" + tiny.path("heard") +
                                    "' & cat '" + tiny.path("telemetry") + "' >/dev/null & ";
        const Outcome outcome =
            run_shell(reading +
                      command_of(tiny.arguments({"--summary", tiny.path("summary"), "--telemetry",
                                                 tiny.path("telemetry")})) +
                      "; code=$?; wait; exit $code");
        CHECK(outcome.code == 0);
        CHECK(is_summary(text_of(tiny.path("heard"))));
        CHECK(files::is_fifo(tiny.path("summary")));
    }
    SECTION("a device, for several of them") {
        const Outcome outcome = run(tiny.arguments(
            {"--summary", "/dev/null", "--report", "/dev/null", "--telemetry", "/dev/null"}));
        CHECK(outcome.code == 0);
        CHECK(files::is_character_file("/dev/null"));
    }
    SECTION("standard output, after what was printed") {
        const Outcome outcome = run(tiny.arguments(
            {"--summary", "/dev/stdout", "--telemetry", "/dev/stdout", "--seed", "4"}));
        CHECK(outcome.code == 0);
        CHECK(outcome.out.starts_with("MNIST (test file split)"));
        CHECK(is_summary(outcome.out.substr(outcome.out.find("\n{") + 1)));
    }
}

TEST_CASE("an output that fails at the end keeps nothing from the others", "[examples]") {
    const TinyRun tiny;
    const Outcome outcome =
        run(tiny.arguments({"--summary", "/dev/full", "--report", tiny.path("run.html")}));
    CHECK(outcome.code == 3);
    CHECK(outcome.err.find("/dev/full") != std::string::npos);
    CHECK(outcome.err.find("No space left on device") != std::string::npos);
    CHECK(std::ranges::count(outcome.err, '\n') == 1);
    CHECK(outcome.out.find("difference") != std::string::npos);
    CHECK(text_of(tiny.path("run.html")).ends_with("</html>\n"));
}

TEST_CASE("a file that may not grow is told with its cause, and nothing is left behind",
          "[examples]") {
    const TinyRun tiny;
    const auto before = contents_of(tiny.folder.path());
    const Outcome outcome = run_shell(
        "ulimit -f 8; " + command_of(tiny.arguments({"--summary", tiny.path("summary"), "--report",
                                                     tiny.path("run.html")})));
    CAPTURE(outcome.err);
    CHECK(outcome.code == 3);
    CHECK(outcome.err.find("run.html") != std::string::npos);
    CHECK(outcome.err.find("File too large") != std::string::npos);
    CHECK(is_summary(text_of(tiny.path("summary"))));
    CHECK(contents_of(tiny.folder.path()).size() == before.size() + 1);
}

// Grey images teach nothing, so a seed germinates in the fifth epoch, which is an event.
TEST_CASE("telemetry on a full disk is told with its cause, and the run is whole", "[examples]") {
    const TinyRun tiny;
    const Outcome outcome =
        run(tiny.arguments({"--telemetry", "/dev/full", "--summary", tiny.path("summary")}, "6"));
    CAPTURE(outcome.err);
    CHECK(outcome.code == 3);
    CHECK(outcome.err.find("No space left on device") != std::string::npos);
    CHECK(is_summary(text_of(tiny.path("summary"))));
}

TEST_CASE("standard output that is closed or full is told before training", "[examples]") {
    const TinyRun tiny;
    write_text(tiny.path("events"), "of another run");
    for (const auto& [redirection, cause] :
         std::map<std::string, std::string>{{">&-", "Bad file descriptor"},
                                            {">/dev/full", "No space left on device"},
                                            {"<&- >&-", "Bad file descriptor"}}) {
        CAPTURE(redirection);
        const auto before = contents_of(tiny.folder.path());
        for (const auto& arguments :
             {tiny.arguments({"--telemetry", tiny.path("events"), "--summary", tiny.path("new")}),
              std::vector<std::string>{"--help"}}) {
            const Outcome outcome = run(arguments, redirection);
            CHECK(outcome.code == 2);
            CHECK(outcome.err.find("standard output") != std::string::npos);
            CHECK(outcome.err.find(cause) != std::string::npos);
        }
        CHECK(contents_of(tiny.folder.path()) == before);
    }
}

TEST_CASE("nothing that is printed ends in a file where standard streams are closed",
          "[examples]") {
    const TinyRun tiny;
    const Outcome outcome =
        run(tiny.arguments({"--telemetry", tiny.path("events"), "--summary", tiny.path("summary"),
                            "--tensorboard", tiny.path("runs")},
                           "6"),
            "<&- 2>&-");
    CHECK(outcome.code == 0);
    CHECK(is_summary(text_of(tiny.path("summary"))));
    std::ifstream lines(tiny.path("events"));
    int events = 0;
    for (std::string line; std::getline(lines, line); ++events) {
        CHECK(nlohmann::json::parse(line, nullptr, false).contains("event"));
    }
    CHECK(events > 0);
}

// The run waits for a reader of its telemetry, which comes when nobody reads what it prints.
TEST_CASE("a reader of standard output that goes away stops no run that writes files",
          "[examples]") {
    const TinyRun tiny;
    REQUIRE(::mkfifo(tiny.path("events").c_str(), 0600) == 0);
    const auto heard = [&](const std::vector<std::string>& arguments, const std::string& reader) {
        return run_shell("{ " + command_of(arguments) + "; echo $? >'" + tiny.path("code") +
                         "'; } | { " + reader + "; }");
    };
    const Outcome with_file = heard(
        tiny.arguments({"--summary", tiny.path("summary"), "--telemetry", tiny.path("events")}),
        "read line; exec </dev/null; cat '" + tiny.path("events") + "' >/dev/null");
    CHECK(text_of(tiny.path("code")) == "3\n");
    CHECK(with_file.err.find("Broken pipe") != std::string::npos);
    CHECK(is_summary(text_of(tiny.path("summary"))));
    const Outcome without = heard(tiny.arguments({}, "100000"), "read line");
    CHECK(text_of(tiny.path("code")) == "2\n");
    CHECK(without.err.find("Broken pipe") != std::string::npos);
}

}  // namespace
}  // namespace kasmina::tests::output_situations_test
