// The file of a sink: its place, its descriptor, and failures with their cause.
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kasmina/telemetry/json_lines.hpp>
#include <kasmina/telemetry/output_file.hpp>
#include <kasmina/telemetry/tensorboard.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"
#include "telemetry/event_file.hpp"
#include "telemetry/events.hpp"
#include "telemetry/full_disk.hpp"

namespace kasmina::output_file_test {
namespace {

using telemetry::OutputFile;
using test::error_text;
using test::mentions;
namespace files = std::filesystem;

std::string text_of(const files::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST_CASE("a file is replaced where it is, with its mode, and through a symlink", "[T-2]") {
    const test::TemporaryFolder folder;
    std::ofstream(folder / "target") << "a longer text of before";
    ::chmod((folder / "target").c_str(), 0600);
    files::create_symlink("target", folder / "link");
    OutputFile file = OutputFile::replace(folder / "link", "a test");
    CHECK(text_of(folder / "target").empty());
    file.write("one ");
    file.write("two");
    CHECK(text_of(folder / "target") == "one two");
    CHECK(files::is_symlink(folder / "link"));
    struct stat found {};
    REQUIRE(::stat((folder / "target").c_str(), &found) == 0);
    CHECK((found.st_mode & 0777U) == 0600U);
    CHECK_FALSE(OutputFile::create(folder / "link", "a test"));
}

TEST_CASE("a FIFO is written to", "[T-2]") {
    const test::TemporaryFolder folder;
    REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
    std::string heard;
    std::thread reader([&] { heard = text_of(folder / "fifo"); });
    OutputFile::replace(folder / "fifo", "a test").write("event");
    reader.join();
    CHECK(heard == "event");
}

TEST_CASE("a file never gets the number of a standard stream", "[T-2]") {
    const test::TemporaryFolder folder;
    const int kept = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
    REQUIRE(kept >= 10);
    ::close(STDIN_FILENO);
    OutputFile replaced = OutputFile::replace(folder / "replaced", "a test");
    const bool free_after_one = ::fcntl(STDIN_FILENO, F_GETFD) < 0 && errno == EBADF;
    const auto created = OutputFile::create(folder / "created", "a test");
    const bool free_after_two = ::fcntl(STDIN_FILENO, F_GETFD) < 0 && errno == EBADF;
    replaced.write("text");
    ::dup2(kept, STDIN_FILENO);
    ::close(kept);
    CHECK(free_after_one);
    CHECK(free_after_two);
    CHECK(created);
    CHECK(text_of(folder / "replaced") == "text");
}

TEST_CASE("the file that standard output is written to is not replaced under it", "[T-2]") {
    const test::TemporaryFolder folder;
    const int kept = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
    const int log = ::open((folder / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(::dup2(log, STDOUT_FILENO) == STDOUT_FILENO);
    REQUIRE(::write(STDOUT_FILENO, "printed, ", 9) == 9);
    OutputFile::replace(folder / "log", "a test").write("event, ");
    OutputFile::replace("/dev/stdout", "a test").write("another, ");
    REQUIRE(::write(STDOUT_FILENO, "printed", 7) == 7);
    ::dup2(kept, STDOUT_FILENO);
    ::close(kept);
    ::close(log);
    CHECK(text_of(folder / "log") == "printed, event, another, printed");
}

TEST_CASE("what cannot be opened or written says who, where and why", "[T-3][E-2]") {
    const test::TemporaryFolder folder;
    const auto opened = [](const files::path& path) {
        return error_text<DataError>(
            [&] { static_cast<void>(OutputFile::replace(path, "a test")); });
    };
    CHECK(mentions(opened(folder / "no/file"), "No such file or directory"));
    CHECK(mentions(opened(folder.path()), "Is a directory"));
    CHECK(mentions(opened(folder / std::string(300, 'n')), "File name too long"));
    OutputFile file = OutputFile::replace("/dev/full", "a test");
    for (int i = 0; i < 2; ++i) {
        const std::string error = error_text<DataError>([&] { file.write("text"); });
        CHECK(mentions(error, "a test"));
        CHECK(mentions(error, "/dev/full: No space left on device"));
    }
}

TEST_CASE("on a full disk a piece is written whole or not at all, and what follows is whole",
          "[T-3]") {
    const test::TemporaryFolder folder;
    OutputFile file = OutputFile::replace(folder / "file", "a test");
    file.write("0123456789");
    {
        const test::FullDisk full(15);
        CHECK(mentions(error_text<DataError>([&] { file.write("abcdefghij"); }), "too large"));
        CHECK(text_of(folder / "file") == "0123456789");
        file.write("ABCDE");
    }
    file.write("klm");
    CHECK(text_of(folder / "file") == "0123456789ABCDEklm");
}

TEST_CASE("sinks on a full disk write whole events or none, and go on when there is room",
          "[T-2][T-3]") {
    const test::TemporaryFolder folder;
    telemetry::JsonLinesSink lines(folder / "events.jsonl");
    telemetry::TensorBoardSink board(folder / "runs");
    const telemetry::Event event = telemetry::SeedGerminated{test::measured_seed(), 10};
    lines.emit(event);
    board.emit(event);
    const std::size_t line = files::file_size(folder / "events.jsonl");
    {
        const test::FullDisk full(line + 7);
        CHECK_THROWS_AS(lines.emit(event), DataError);
    }
    {
        const test::FullDisk full(files::file_size(board.path()) + 7);
        CHECK_THROWS_AS(board.emit(event), DataError);
    }
    lines.emit(event);
    board.emit(event);
    CHECK(files::file_size(folder / "events.jsonl") == 2 * line);
    CHECK(test::event_file::read(board.path()).size() == 3);
}

TEST_CASE("a file that has moved is closed once", "[T-2]") {
    const test::TemporaryFolder folder;
    OutputFile first = OutputFile::replace(folder / "first", "a test");
    OutputFile second = OutputFile::replace(folder / "second", "a test");
    second = std::move(first);
    second.write("text");
    CHECK(text_of(folder / "first") == "text");
    CHECK(second.path() == folder / "first");
}

}  // namespace
}  // namespace kasmina::output_file_test
