// Situations that users are in: data that is something else, outputs in odd places, streams that
// are closed or full. Each is told in one sentence before training, or ends with all that there is.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "program.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::tests {
namespace {

using test::TemporaryFolder;
namespace files = std::filesystem;

void write_text(const files::path& file, const std::string& text) {
    std::ofstream(file) << text;
}

/// The t10k files of so many digits of 8 x 8.
void write_digits(const files::path& folder, std::uint32_t count = 40) {
    write_bytes(folder / "t10k-images-idx3-ubyte", digits(count, 8, 8));
    write_bytes(folder / "t10k-labels-idx1-ubyte", digit_labels(count));
}

/// Every file of a folder, with what it holds.
std::map<std::string, std::string> contents_of(const files::path& folder) {
    std::map<std::string, std::string> contents;
    for (const auto& entry : files::recursive_directory_iterator(folder)) {
        const bool is_text = !entry.is_symlink() && entry.is_regular_file();
        contents[entry.path().string()] = is_text ? text_of(entry.path()) : "";
    }
    return contents;
}

/// A folder of data that is not what it should be, and what is said of it.
struct WrongData {
    const char* what;
    const char* option;
    std::function<void(const files::path&)> prepare;
    std::vector<std::string> told;
};

const std::vector<WrongData> wrong_data{
    {"a page of HTML in place of a batch",
     "--data",
     [](const auto& folder) {
         write_text(folder / "data_batch_2.bin", "\n<!DOCTYPE html><html><body>Sign in</body>");
     },
     {"data_batch_2.bin", "HTML"}},
    {"a pointer of Git LFS in place of the test batch",
     "--data",
     [](const auto& folder) {
         write_text(folder / "test_batch.bin",
                    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 30730000\n");
     },
     {"test_batch.bin", "Git LFS", "git lfs pull"}},
    {"an answer of a server in place of a batch",
     "--data",
     [](const auto& folder) { write_text(folder / "data_batch_1.bin", "404: Not Found\n"); },
     {"a text that begins with \"404: Not Found\""}},
    {"a zip archive in place of a batch",
     "--data",
     [](const auto& folder) {
         write_text(folder / "data_batch_1.bin", std::string("PK\x03\x04\x14\x00", 6));
     },
     {"a zip archive"}},
    {"a tar archive in place of a batch",
     "--data",
     [](const auto& folder) {
         std::string archive = "cifar-10-batches-bin/";
         archive.resize(257, '\0');
         write_text(folder / "data_batch_1.bin", archive + "ustar  " + std::string(248, '\0'));
     },
     {"a tar archive"}},
    {"a pickle of Python under the name of a batch",
     "--data",
     [](const auto& folder) { write_text(folder / "data_batch_4.bin", "\x80\x02}q\x01(U\x0b"); },
     {"data_batch_4.bin", "a pickle", "binary version"}},
    {"the folder of CIFAR-100",
     "--data",
     [](const auto& folder) {
         for (const auto& entry : files::directory_iterator(folder)) files::remove(entry.path());
         write_bytes(folder / "train.bin", Bytes(3074, 0));
         write_bytes(folder / "test.bin", Bytes(3074, 0));
     },
     {"the folder is of CIFAR-100"}},
    {"a file of CIFAR-100 under the name of a batch",
     "--data",
     [](const auto& folder) { write_bytes(folder / "data_batch_1.bin", Bytes(20 * 3074, 0)); },
     {"a file is of CIFAR-100", "3073", "3074"}},
    {"the folder of the Python version",
     "--data",
     [](const auto& folder) {
         files::rename(folder / "data_batch_1.bin", folder / "data_batch_1");
     },
     {"Python version"}},
    {"an archive that nobody unpacked",
     "--data",
     [](const auto& folder) {
         files::rename(folder / "data_batch_1.bin", folder / "cifar-10-binary.tar.gz");
     },
     {"not unpacked", "cifar-10-binary.tar.gz"}},
    {"the folder above the data",
     "--data",
     [](const auto& folder) {
         files::create_directory(folder / "cifar-10-batches-bin");
         files::rename(folder / "data_batch_1.bin",
                       folder / "cifar-10-batches-bin" / "data_batch_1.bin");
     },
     {"one folder further down", "cifar-10-batches-bin"}},
    {"digits in place of CIFAR-10",
     "--data",
     [](const auto& folder) {
         files::remove(folder / "data_batch_1.bin");
         write_digits(folder);
     },
     {"the folder is of MNIST", "--mnist"}},
    {"a missing batch",
     "--data",
     [](const auto& folder) { files::remove(folder / "data_batch_5.bin"); },
     {"data_batch_5.bin", "nothing there"}},
    {"a folder in place of the test batch",
     "--data",
     [](const auto& folder) {
         files::remove(folder / "test_batch.bin");
         files::create_directory(folder / "test_batch.bin");
     },
     {"test_batch.bin", "got a folder"}},
    {"an empty test batch",
     "--data",
     [](const auto& folder) { write_text(folder / "test_batch.bin", ""); },
     {"test_batch.bin", "empty"}},
    {"a label out of range in the test batch",
     "--data",
     [](const auto& folder) {
         Bytes records = cifar_records(20);
         records[19 * 3073] = 77;
         write_bytes(folder / "test_batch.bin", records);
     },
     {"test_batch.bin, record 19", "got 77"}},
    {"CIFAR-10 in place of digits",
     "--mnist",
     [](const auto& folder) {
         files::remove(folder / "t10k-images-idx3-ubyte");
         write_cifar(folder);
     },
     {"the folder is of CIFAR-10", "--data"}},
    {"the folder above the digits",
     "--mnist",
     [](const auto& folder) {
         files::create_directories(folder / "MNIST/raw");
         files::rename(folder / "t10k-images-idx3-ubyte",
                       folder / "MNIST/raw/t10k-images-idx3-ubyte");
     },
     {"further down", "MNIST/raw"}},
    {"arrays of NumPy in place of IDX files",
     "--mnist",
     [](const auto& folder) {
         files::rename(folder / "t10k-images-idx3-ubyte", folder / "mnist.npz");
     },
     {"arrays of NumPy", "mnist.npz"}},
    {"a little-endian IDX file",
     "--mnist",
     [](const auto& folder) {
         write_bytes(folder / "t10k-images-idx3-ubyte",
                     idx({0x03080000, 40U << 24U, 8U << 24U, 8U << 24U}, Bytes(40 * 64, 9)));
     },
     {"t10k-images-idx3-ubyte", "little-endian"}},
    {"an IDX file of floats",
     "--mnist",
     [](const auto& folder) {
         write_bytes(folder / "t10k-images-idx3-ubyte",
                     idx({0x00000D03, 40, 8, 8}, Bytes(40 * 64 * 4, 0)));
     },
     {"does not hold bytes", "floats of 32 bits"}},
    {"images with an axis of channels (NCHW)",
     "--mnist",
     [](const auto& folder) {
         write_bytes(folder / "t10k-images-idx3-ubyte",
                     idx({0x00000804, 40, 1, 8, 8}, Bytes(40 * 64, 9)));
     },
     {"an axis too many", "40 x 1 x 8 x 8", "NCHW"}},
    {"labels as rows of zeros and ones",
     "--mnist",
     [](const auto& folder) {
         write_bytes(folder / "t10k-labels-idx1-ubyte", idx({0x00000802, 40, 10}, Bytes(400, 0)));
     },
     {"t10k-labels-idx1-ubyte", "40 x 10", "numbers from 0 to 9"}},
    {"test images as large as the training images and of another shape",
     "--mnist",
     [](const auto& folder) {
         write_bytes(folder / "train-images-idx3-ubyte", digits(40, 8, 8));
         write_bytes(folder / "train-labels-idx1-ubyte", digit_labels(40));
         write_bytes(folder / "t10k-images-idx3-ubyte", digits(40, 4, 16));
     },
     {"t10k-images-idx3-ubyte", "of another size", "8 x 8 x 1", "4 x 16 x 1"}},
    {"too few test labels",
     "--mnist",
     [](const auto& folder) {
         write_bytes(folder / "train-images-idx3-ubyte", digits(40, 8, 8));
         write_bytes(folder / "train-labels-idx1-ubyte", digit_labels(40));
         write_bytes(folder / "t10k-labels-idx1-ubyte", digit_labels(39));
     },
     {"t10k-labels-idx1-ubyte", "40 labels", "got 39"}},
    {"test images whose gzip was cut short",
     "--mnist",
     [](const auto& folder) {
         write_bytes(folder / "train-images-idx3-ubyte", digits(40, 8, 8));
         write_bytes(folder / "train-labels-idx1-ubyte", digit_labels(40));
         files::remove(folder / "t10k-images-idx3-ubyte");
         const files::path packed = folder / "t10k-images-idx3-ubyte.gz";
         write_gzip(packed, digits(40, 8, 8));
         files::resize_file(packed, files::file_size(packed) - 9);
     },
     {"t10k-images-idx3-ubyte.gz", "truncated or damaged"}},
    {"images too small for the network",
     "--mnist",
     [](const auto& folder) { write_bytes(folder / "t10k-images-idx3-ubyte", digits(40, 4, 4)); },
     {"height", "4"}},
    {"too few images to hold any back",
     "--mnist",
     [](const auto& folder) { write_digits(folder, 2); },
     {"too few images", "larger data set"}},
};

TEST_CASE("data that is something else is told in one sentence, and nothing of the user's changes",
          "[examples][E-2]") {
    for (const WrongData& wrong : wrong_data) {
        CAPTURE(wrong.what);
        const TemporaryFolder folder;
        const files::path data = folder / "data";
        files::create_directory(data);
        if (wrong.option == std::string("--data")) {
            write_cifar(data);
        } else {
            write_digits(data);
        }
        wrong.prepare(data);
        std::vector<std::string> arguments{wrong.option, data.string(), "--epochs", "1"};
        for (const char* output : {"summary", "report", "telemetry"}) {
            write_text(folder / output, "of another run");
            write_text(folder / (std::string(output) + ".tmp"), "the user's");
            write_text(folder / (std::string(output) + ".probe"), "the user's");
            arguments.push_back("--" + std::string(output));
            arguments.push_back((folder / output).string());
        }
        const auto before = contents_of(folder.path());
        check_one_clear_error(run(arguments), wrong.told);
        CHECK(contents_of(folder.path()) == before);
    }
}

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

/// A short run on tiny digits, with more arguments.
struct TinyRun {
    TinyRun() { write_digits(folder.path()); }

    [[nodiscard]] std::vector<std::string> arguments(const std::vector<std::string>& more,
                                                     const char* epochs = "1") const {
        std::vector<std::string> all{"--mnist", folder.path().string(), "--epochs", epochs};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    [[nodiscard]] std::string path(const std::string& name) const {
        return (folder / name).string();
    }

    TemporaryFolder folder;
};

bool is_summary(const std::string& text) {
    return nlohmann::json::parse(text, nullptr, false).contains("grown_accuracy");
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
}  // namespace kasmina::tests
