// Files of text: whole or as they were, through symlinks and into devices, never over a user's own.
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include "byte_files.hpp"
#include "outputs.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::examples::outputs_test {
namespace {

using test::error_text;
using test::mentions;
using test::TemporaryFolder;
namespace files = std::filesystem;

std::string text_of(const files::path& file) {
    const auto bytes = tests::read_bytes(file);
    return {bytes.begin(), bytes.end()};
}

void write_text(const files::path& file, const std::string& text) {
    std::ofstream(file) << text;
}

std::set<std::string> names_in(const files::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : files::directory_iterator(folder)) {
        names.insert(entry.path().filename().string());
    }
    return names;
}

unsigned mode_of(const files::path& file) {
    struct stat found {};
    REQUIRE(::stat(file.c_str(), &found) == 0);
    return found.st_mode & 07777U;
}

TEST_CASE("a text takes the place of a file, with its mode, and leaves nothing else",
          "[examples]") {
    const TemporaryFolder folder;
    const files::path file = folder / "summary.json";
    for (const char* own : {"summary.json.tmp", "summary.json.probe"})
        write_text(folder / own, own);
    write_text(file, "a longer text of before");
    ::chmod(file.c_str(), 0640);
    require_writable(file);
    CHECK(text_of(file) == "a longer text of before");
    write_whole(file, "new");
    CHECK(text_of(file) == "new");
    CHECK(mode_of(file) == 0640U);
    CHECK(text_of(folder / "summary.json.tmp") == "summary.json.tmp");
    CHECK(text_of(folder / "summary.json.probe") == "summary.json.probe");
    CHECK(names_in(folder.path()).size() == 3);
}

TEST_CASE("a new file has the mode that the user's mask leaves", "[examples]") {
    const TemporaryFolder folder;
    const mode_t before = ::umask(027);
    write_whole(folder / "new", "text");
    ::umask(before);
    CHECK(mode_of(folder / "new") == 0640U);
}

TEST_CASE("a name may be as long as the system takes it", "[examples]") {
    const TemporaryFolder folder;
    const files::path file = folder / std::string(250, 'n');
    require_writable(file);
    CHECK_FALSE(files::exists(file));
    write_whole(file, "text");
    CHECK(text_of(file) == "text");
    const files::path longer = folder / std::string(300, 'n');
    CHECK(mentions(error_text<DataError>([&] { require_writable(longer); }), "File name too long"));
    CHECK(mentions(error_text<DataError>([&] { write_whole(longer, ""); }), "File name too long"));
    CHECK(names_in(folder.path()).size() == 1);
}

TEST_CASE("a symlink stays, and the file that it leads to is written", "[examples]") {
    const TemporaryFolder folder;
    files::create_directory(folder / "elsewhere");
    write_text(folder / "elsewhere/file", "before");
    files::create_symlink("elsewhere/file", folder / "second");
    files::create_symlink("second", folder / "first");
    files::create_symlink("elsewhere/not yet", folder / "dangling");
    for (const char* name : {"first", "dangling"}) {
        require_writable(folder / name);
        write_whole(folder / name, name);
        CHECK(files::is_symlink(folder / name));
        CHECK(text_of(folder / name) == name);
    }
    CHECK(files::is_symlink(folder / "second"));
    CHECK(text_of(folder / "elsewhere/file") == "first");
    CHECK(text_of(folder / "elsewhere/not yet") == "dangling");
    files::create_symlink("circle", folder / "circle");
    CHECK(mentions(error_text<DataError>([&] { require_writable(folder / "circle"); }),
                   "symbolic links"));
}

TEST_CASE("devices and FIFOs are written to and stay what they are", "[examples]") {
    const TemporaryFolder folder;
    const files::path fifo = folder / "fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    require_writable(fifo);
    std::string heard;
    std::thread reader([&] { heard = text_of(fifo); });
    write_whole(fifo, "through a pipe");
    reader.join();
    CHECK(heard == "through a pipe");
    CHECK(files::is_fifo(fifo));
    require_writable("/dev/null");
    write_whole("/dev/null", "text");
    CHECK(files::is_character_file("/dev/null"));
    require_writable("/dev/full");
    CHECK(mentions(error_text<DataError>([] { write_whole("/dev/full", "text"); }),
                   "No space left on device"));
}

TEST_CASE("what cannot be written says the cause, and nothing is left behind", "[examples][E-2]") {
    const TemporaryFolder folder;
    files::create_directory(folder / "folder");
    write_text(folder / "file", "before");
    const std::vector<std::pair<files::path, std::string>> wrong{
        {folder / "missing/summary.json", "No such file or directory"},
        {folder / "folder", "Is a directory"},
        {folder / "new/", "directory"},
        {folder / "file/summary.json", "Not a directory"},
        {"", "an empty name"}};
    for (const auto& [file, cause] : wrong) {
        CAPTURE(file, cause);
        CHECK(mentions(error_text<DataError>([&] { require_writable(file); }), cause));
        if (!file.empty()) CHECK_THROWS_AS(write_whole(file, "text"), DataError);
    }
    CHECK(names_in(folder.path()) == std::set<std::string>{"folder", "file"});
    CHECK(text_of(folder / "file") == "before");
    CHECK(names_in(folder / "folder").empty());
}

// Where files can be replaced although they are read-only, the user may be root, whom no mode
// holds.
TEST_CASE("a read-only file is refused, and one in a read-only folder written in place",
          "[examples]") {
    if (::geteuid() == 0) return;
    const TemporaryFolder folder;
    write_text(folder / "file", "before");
    ::chmod((folder / "file").c_str(), 0400);
    CHECK(mentions(error_text<DataError>([&] { require_writable(folder / "file"); }),
                   "Permission denied"));
    ::chmod((folder / "file").c_str(), 0600);
    ::chmod(folder.path().c_str(), 0500);
    require_writable(folder / "file");
    write_whole(folder / "file", "new");
    CHECK_THROWS_AS(require_writable(folder / "other"), DataError);
    ::chmod(folder.path().c_str(), 0700);
    CHECK(text_of(folder / "file") == "new");
}

TEST_CASE("a folder for outputs may be there, or be made, and nothing is made before",
          "[examples]") {
    const TemporaryFolder folder;
    write_text(folder / "file", "");
    files::create_symlink("nowhere", folder / "dangling");
    require_folder_writable(folder.path());
    require_folder_writable(folder / "one/two/three");
    require_folder_writable(folder / "one/");
    CHECK(names_in(folder.path()) == std::set<std::string>{"file", "dangling"});
    for (const char* wrong : {"file", "file/below", "dangling"}) {
        CHECK_THROWS_AS(require_folder_writable(folder / wrong), DataError);
    }
    CHECK_THROWS_AS(require_folder_writable(""), DataError);
}

TEST_CASE("two outputs in one place are refused, by whatever names", "[examples][E-2]") {
    const TemporaryFolder folder;
    write_text(folder / "file", "");
    files::create_directory(folder / "folder");
    files::create_hard_link(folder / "file", folder / "hard");
    files::create_symlink("file", folder / "soft");
    files::create_symlink("new", folder / "to new");
    const auto apart = [](const files::path& one, const files::path& other) {
        require_apart({{"--summary", one}, {"--report", other}}, {});
    };
    const std::vector<std::pair<std::string, std::string>> together{
        {"file", "file"}, {"file", "folder/../file"}, {"file", "hard"},  {"file", "soft"},
        {"new", "new"},   {"new", "folder/../new"},   {"new", "to new"}, {"folder", "folder/"},
        {"new", "new/"},  {"new/x", "./new//x"},
    };
    for (const auto& [one, other] : together) {
        CAPTURE(one, other);
        const std::string error =
            error_text<OptionError>([&] { apart(folder / one, folder / other); });
        CHECK(mentions(error, "--summary and --report"));
    }
    apart(folder / "file", folder / "new");
    apart(folder / "new", folder / "newer");
    apart("/dev/null", "/dev/null");
    CHECK(mentions(error_text<OptionError>([&] {
                       require_apart({{"--summary", folder / "soft"}}, {folder / "file"});
                   }),
                   "replace the data"));
}

}  // namespace
}  // namespace kasmina::examples::outputs_test
