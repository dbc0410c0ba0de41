// The file layer on the system's own files: links, modes, long paths, full disks, several savers.
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kasmina/checkpoint/file/posix_operations.hpp>
#include <kasmina/checkpoint/file/reader.hpp>
#include <kasmina/checkpoint/file/rotating.hpp>
#include <kasmina/checkpoint/file/undo_file.hpp>
#include <kasmina/checkpoint/file/writer.hpp>

#include "checkpoint/file/support.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::test::posix_test {
namespace {

namespace fs = std::filesystem;
using file::Durability;
using file::Plan;
using file::Reader;

Plan numbered(const std::string& number) {
    Plan plan;
    plan.metadata["number"] = number;
    return plan;
}

void save(const fs::path& path, const std::string& number) {
    const Plan plan = numbered(number);
    file::write(path, plan, Durability::process_death);
}

std::string number_in(const fs::path& path) {
    return Reader::open(path).metadata().at("number");
}

std::string save_error(const fs::path& path) {
    return error_text<CheckpointError>([&] { save(path, "new"); });
}

std::size_t files_in(const fs::path& folder) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

unsigned mode_of(const fs::path& path) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return static_cast<unsigned>(status.st_mode) & 07777u;
}

/// Runs in a child process, as another user where this one may do everything; whether it returned
/// true.
bool in_child_without_privileges(const std::function<bool()>& check) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(2);
        bool good = false;
        try {
            good = check();
        } catch (...) {
        }
        ::_exit(good ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_CASE("a symbolic link stays and what it points to is replaced", "[C-5][E-6]") {
    const TemporaryFolder folder;
    fs::create_directory(folder / "inner");
    save(folder / "inner/real", "old");
    fs::create_symlink("inner/real", folder / "one");
    fs::create_symlink(folder / "one", folder / "inner/two");
    save(folder / "inner/two", "new");
    CHECK(fs::read_symlink(folder / "inner/two") == folder / "one");
    CHECK(fs::read_symlink(folder / "one") == "inner/real");
    CHECK_FALSE(fs::is_symlink(folder / "inner/real"));
    CHECK(number_in(folder / "inner/real") == "new");
    CHECK(files_in(folder / "inner") == 2);

    // A link to a file that is still to come, and a folder that is a link.
    fs::create_symlink("inner/first", folder / "dangling");
    save(folder / "dangling", "first");
    CHECK(number_in(folder / "inner/first") == "first");
    fs::create_directory_symlink("inner", folder / "folder");
    save(folder / "folder/real", "newest");
    CHECK(number_in(folder / "inner/real") == "newest");

    fs::create_symlink("b", folder / "a");
    fs::create_symlink("a", folder / "b");
    CHECK(mentions(save_error(folder / "a"), "symbolic links that lead nowhere"));
}

TEST_CASE("a path with a zero byte in it means no other file", "[C-5][E-6]") {
    const TemporaryFolder folder;
    save(folder / "model", "old");
    const fs::path path = folder / std::string("model\0s", 7);
    file::PosixFileOperations operations;
    const std::vector<std::function<void()>> uses{
        [&] { save(path, "new"); }, [&] { save(path / "inner", "new"); },
        [&] { file::require_writable(path); }, [&] { static_cast<void>(Reader::open(path)); },
        [&] { file::UndoFile(path, operations); }};
    for (const auto& use : uses) {
        const std::string text = error_text<CheckpointError>(use);
        INFO(text);
        CHECK(mentions(text, "model\\0s"));
        CHECK(mentions(text, "this is no path"));
    }
    CHECK(number_in(folder / "model") == "old");
    CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("nothing but a checkpoint, or nothing, is replaced", "[C-5][E-6]") {
    const TemporaryFolder folder;
    const auto refused = [&](const std::string& name, const std::string& words) {
        INFO(name);
        const auto before = fs::status(folder / name).type();
        CHECK(mentions(save_error(folder / name), words));
        CHECK(fs::status(folder / name).type() == before);
    };
    REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
    refused("fifo", "expected a regular file, or nothing; got a device, FIFO or socket");
    fs::create_directory(folder / "folder");
    refused("folder", "got a folder");
    put(folder / "thesis", "Chapter 1. It was a dark and stormy night.");
    refused("thesis", "the file that is there is not a checkpoint");
    CHECK(get(folder / "thesis").starts_with("Chapter 1"));
    put(folder / "short", "abc");
    refused("short", "not a checkpoint");
    refused("", "this names no file");
    refused(".", "this names no file");
    CHECK(mentions(save_error(""), "this names no file"));
    CHECK(mentions(save_error(folder / "missing/file"), "create the folder"));
    CHECK(mentions(save_error(folder / "thesis/file"), "Not a directory"));
    CHECK(mentions(save_error("/dev/null"), "got a device"));
    CHECK(files_in(folder.path()) == 4);

    // An empty file is a place that somebody reserved; a broken checkpoint may be mended.
    put(folder / "empty", "");
    save(folder / "empty", "new");
    CHECK(number_in(folder / "empty") == "new");
    put(folder / "broken", file_with("{}", 7));
    save(folder / "broken", "new");
    CHECK(number_in(folder / "broken") == "new");
}

TEST_CASE("a file is new with the modes that the umask leaves, and keeps those it gets", "[C-5]") {
    const TemporaryFolder folder;
    const auto path = folder / "model";
    const mode_t umask_before = ::umask(027);
    save(path, "old");
    CHECK(mode_of(path) == 0640);
    for (const mode_t mode : {0600U, 0664U, 0777U, 0200U, 04755U}) {
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        if ((mode & 0400) == 0 && ::geteuid() != 0) continue;
        save(path, "new");
        CHECK(mode_of(path) == (mode & 0777u));
    }
    ::umask(umask_before);
    REQUIRE(::chmod(path.c_str(), 0444) == 0);
    CHECK(mentions(save_error(path), "write-protected"));
    CHECK(number_in(path) == "new");
}

TEST_CASE("owner and group are kept where the system allows it", "[C-5]") {
    const TemporaryFolder folder;
    const auto path = folder / "model";
    save(path, "old");
    if (::geteuid() != 0) return;  // only root gives files away
    REQUIRE(::chown(path.c_str(), 12345, 54321) == 0);
    save(path, "new");
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK(status.st_uid == 12345);
    CHECK(status.st_gid == 54321);
    CHECK(number_in(path) == "new");
}

TEST_CASE("a folder that takes no new files is an error, and the old file is whole", "[C-5]") {
    const TemporaryFolder folder;
    const auto path = folder / "model";
    save(path, "old");
    REQUIRE(::chmod(path.c_str(), 0666) == 0);
    REQUIRE(::chmod(folder.path().c_str(), 0555) == 0);
    CHECK(in_child_without_privileges([&] {
        return mentions(save_error(path), "Permission denied") &&
               mentions(error_text<CheckpointError>([&] { file::require_writable(path); }),
                        "Permission denied");
    }));
    REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
    CHECK(number_in(path) == "old");
    CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("a checkpoint that cannot be opened is not taken for a broken one", "[C-5][E-5]") {
    const TemporaryFolder folder;
    const auto path = folder / "checkpoint-00000001.safetensors";
    save(path, "old");
    REQUIRE(::chmod(path.c_str(), 0200) == 0);
    REQUIRE(::chmod(folder.path().c_str(), 0777) == 0);
    CHECK(in_child_without_privileges([&] {
        checkpoint::Rotating rotating(folder.path(), {.keep = 1});
        const auto save_new = [](const fs::path& to) { save(to, "new"); };
        const std::string text = error_text<CheckpointError>([&] { rotating.save(1, save_new); });
        rotating.save(2, save_new);
        return mentions(text, "the file that is there cannot be read");
    }));
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
    CHECK(number_in(path) == "old");
}

TEST_CASE("a disk that refuses more bytes leaves the old file", "[C-5]") {
    const TemporaryFolder folder;
    const auto path = folder / "model";
    save(path, "old");
    REQUIRE(::chmod(path.c_str(), 0666) == 0);
    REQUIRE(::chmod(folder.path().c_str(), 0777) == 0);
    CHECK(in_child_without_privileges([&] {
        const rlimit limit{100'000, 100'000};
        std::signal(SIGXFSZ, SIG_IGN);
        if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
        const auto bytes = counting(1'000'000);
        Plan plan;
        plan.add("w", file::ElementType::u8, {1'000'000}, bytes);
        const std::string text = error_text<CheckpointError>([&] { file::write(path, plan); });
        return mentions(text, "File too large");
    }));
    CHECK(number_in(path) == "old");
    CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("paths of 4,000 characters and names of 255 work, longer ones are errors", "[C-5]") {
    const TemporaryFolder folder;
    fs::path deep = folder.path();
    const std::string name(200, 'd');
    while (deep.string().size() + 201 < 3'740) deep /= name;
    fs::create_directories(deep);
    const fs::path long_path =
        deep / std::string(std::min<std::size_t>(255, 4'000 - deep.string().size() - 1), 'f');
    CHECK(long_path.string().size() > 3'700);
    save(long_path, "old");
    save(long_path, "new");
    CHECK(number_in(long_path) == "new");
    CHECK(files_in(deep) == 1);

    save(folder / std::string(255, 'g'), "new");
    CHECK(mentions(save_error(folder / std::string(256, 'g')), "File name too long"));
    const std::string text = save_error(folder.path() / std::string(5'000, 'h') / "f");
    CHECK(mentions(text, "File name too long"));
    CHECK(text.size() < 1'000);
}

TEST_CASE("several savers of one file: it is always one of theirs, whole", "[C-5]") {
    const TemporaryFolder folder;
    const auto path = folder / "model";
    save(path, "start");
    std::vector<std::thread> savers;
    for (int saver = 0; saver < 4; ++saver) {
        savers.emplace_back([&path, saver] {
            const std::vector<std::byte> bytes(300'000, static_cast<std::byte>(saver));
            Plan plan;
            plan.metadata["number"] = std::to_string(saver);
            plan.add("w", file::ElementType::u8, {300'000}, bytes);
            for (int i = 0; i < 20; ++i) file::write(path, plan, Durability::process_death);
        });
    }
    for (int look = 0; look < 50; ++look) {
        const Reader reader = Reader::open(path);
        const std::string number = reader.metadata().at("number");
        if (number == "start") continue;
        const auto bytes = bytes_of(reader, "w");
        const auto expected = static_cast<std::byte>(std::stoi(number));
        CHECK(std::ranges::all_of(bytes, [&](std::byte byte) { return byte == expected; }));
    }
    for (std::thread& saver : savers) saver.join();
    CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("signals that arrive while a file is saved and loaded make no difference", "[C-5]") {
    const TemporaryFolder folder;
    const auto path = folder / "model";
    struct sigaction action {};
    struct sigaction before {};
    action.sa_handler = [](int) {};  // without SA_RESTART: calls are interrupted
    REQUIRE(::sigaction(SIGALRM, &action, &before) == 0);
    const itimerval often{{0, 200}, {0, 200}};
    REQUIRE(::setitimer(ITIMER_REAL, &often, nullptr) == 0);
    const auto bytes = counting(4'000'000);
    Plan plan;
    plan.add("w", file::ElementType::u8, {4'000'000}, bytes);
    bool same = true;
    for (int i = 0; i < 5; ++i) {
        file::write(path, plan);
        same = same && bytes_of(Reader::open(path), "w") == bytes;
    }
    const itimerval never{};
    REQUIRE(::setitimer(ITIMER_REAL, &never, nullptr) == 0);
    REQUIRE(::sigaction(SIGALRM, &before, nullptr) == 0);
    CHECK(same);
    CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("a reader keeps the file that it opened", "[C-5]") {
    const TemporaryFolder folder;
    const auto path = folder / "model";
    const auto old_bytes = counting(1'000, 1);
    const auto new_bytes = counting(1'000, 2);
    Plan old_plan;
    old_plan.add("w", file::ElementType::u8, {1'000}, old_bytes);
    Plan new_plan;
    new_plan.add("w", file::ElementType::u8, {1'000}, new_bytes);
    file::write(path, old_plan, Durability::process_death);
    const Reader reader = Reader::open(path);
    file::write(path, new_plan, Durability::process_death);
    CHECK(bytes_of(reader, "w") == old_bytes);
    CHECK(bytes_of(Reader::open(path), "w") == new_bytes);
}

TEST_CASE("nothing stays open", "[C-5]") {
    const TemporaryFolder folder;
    const auto open_files = [] { return files_in("/proc/self/fd"); };
    if (!fs::exists("/proc/self/fd")) return;
    const std::size_t before = open_files();
    for (int i = 0; i < 3; ++i) {
        save(folder / "model", "new");
        static_cast<void>(number_in(folder / "model"));
        static_cast<void>(save_error(folder.path()));
    }
    CHECK(open_files() == before);
}

TEST_CASE("a program without standard streams prints into no checkpoint", "[C-5]") {
    const TemporaryFolder folder;
    const fs::path path = folder / "file";
    save(path, "old");
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::close(standard);
        file::PosixFileOperations system;
        const auto opened = system.open_folder(folder.path());
        const auto made = system.create(static_cast<int>(opened), "made", 0600U);
        const auto read = system.open_for_reading(path);
        const bool apart = opened > STDERR_FILENO && made > STDERR_FILENO && read > STDERR_FILENO;
        const std::string words = "in nobody's file";
        const bool printed = ::write(STDOUT_FILENO, words.data(), words.size()) >= 0;
        ::_exit(apart && !printed ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace kasmina::test::posix_test
