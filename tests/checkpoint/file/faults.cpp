// Whatever a system refuses, once or always: a clear error, the old file whole, nothing left over;
// and what it only delays is done all the same.
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/file/reader.hpp>
#include <kasmina/checkpoint/file/writer.hpp>

#include "checkpoint/file/memory_files.hpp"
#include "checkpoint/file/one_file.hpp"
#include "checkpoint/file/support.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::test::faults_test {
namespace {

using file::Durability;
using file::Plan;
using file::Reader;

constexpr std::size_t large = 300'000;

struct Saved {
    std::vector<std::byte> bytes = counting(large);
    Plan plan;

    explicit Saved(const std::string& number) {
        plan.metadata["number"] = number;
        plan.add("w", file::ElementType::u8, {large}, bytes);
        plan.add("small", file::ElementType::u8, {3}, std::span(bytes).first(3));
    }
};

void save(MemoryFiles& files, const Plan& plan) {
    file::write("model", plan, Durability::power_loss, files);
}

std::string number_in(const MemoryFiles& files) {
    const Reader reader = Reader::open("model", {}, std::make_shared<MemoryFiles>(files.disk()));
    CHECK(bytes_of(reader, "w") == counting(large));
    return reader.metadata().at("number");
}

TEST_CASE("every operation that fails, at every place, is an error or makes no difference",
          "[C-5]") {
    const Saved old_state("old");
    const Saved new_state("new");
    std::size_t failed = 0;
    for (const int error : {EIO, ENOSPC, EDQUOT, EACCES, EPERM, EROFS, ENOENT}) {
        bool reached = true;
        for (int place = 0; reached; ++place) {
            MemoryFiles files;
            save(files, old_state.plan);
            reached = false;
            int count = 0;
            std::string at;
            files.fault = [&](std::string_view operation) {
                if (count++ != place) return 0;
                reached = true;
                at = operation;
                return error;
            };
            const std::string text =
                error_text<CheckpointError>([&] { save(files, new_state.plan); });
            INFO(at << " at " << place << " with " << error << ": " << text);
            if (text.empty()) {
                CHECK(number_in(files) == "new");
            } else {
                ++failed;
                CHECK(text.starts_with("model: "));
                const bool in_place = mentions(text, "the new file is in place and whole");
                CHECK(number_in(files) == (in_place ? "new" : "old"));
                if (in_place) CHECK(at == "synchronise");
            }
            CHECK(files.disk().names.size() == 1);
            CHECK(files.open_handles() == 0);
        }
    }
    CHECK(failed > 40);
}

TEST_CASE("errors say what the system said and what to do", "[C-5][E-2]") {
    const Saved state("new");
    const auto text = [&](std::string_view operation, int error) {
        MemoryFiles files;
        files.fault = [=](std::string_view now) { return now == operation ? error : 0; };
        return error_text<CheckpointError>([&] { save(files, state.plan); });
    };
    CHECK(mentions(text("open_folder", ENOENT), "the folder cannot be opened"));
    CHECK(mentions(text("open_folder", ENOENT), "create the folder"));
    CHECK(mentions(text("create", EROFS), "Read-only file system"));
    CHECK(mentions(text("create", EACCES), "Permission denied"));
    CHECK(mentions(text("write", ENOSPC), "No space left on device; to mend: free space"));
    CHECK(mentions(text("synchronise", EIO), "cannot be brought to the disk"));
    CHECK(mentions(text("rename", EACCES), "cannot take the old one's place"));
}

TEST_CASE("a disk that fills up leaves the old file, wherever it is full", "[C-5]") {
    const Saved old_state("old");
    const Saved new_state("new");
    for (const std::uint64_t room : {0U, 1U, 100U, 150'000U, 299'999U, 300'100U}) {
        MemoryFiles files;
        save(files, old_state.plan);
        files.room = room;
        const std::string text = error_text<CheckpointError>([&] { save(files, new_state.plan); });
        CHECK(mentions(text, "No space left on device"));
        CHECK(number_in(files) == "old");
        CHECK(files.disk().names.size() == 1);
    }
}

TEST_CASE("interrupted calls and short reads and writes make no difference", "[C-5]") {
    const Saved state("new");
    MemoryFiles files;
    save(files, Saved("old").plan);
    files.dawdles = true;
    save(files, state.plan);
    CHECK(number_in(files) == "new");
    CHECK(files.disk().names.size() == 1);

    auto slow = std::make_shared<MemoryFiles>(files.disk());
    slow->dawdles = true;
    const Reader reader = Reader::open("model", {}, slow);
    CHECK(bytes_of(reader, "w") == counting(large));
}

TEST_CASE(
    "a large file is on its way to the disk while it is written, and what fails there is told",
    "[C-5]") {
    const std::vector<std::byte> bytes(std::size_t{20} << 20, std::byte{7});
    Plan plan;
    plan.add("w", file::ElementType::u8, {bytes.size()}, bytes);
    const auto failing = [&](int error, Durability durability) {
        MemoryFiles files;
        files.fault = [=](std::string_view now) {
            return now == "begin_synchronising" ? error : 0;
        };
        const std::string text =
            error_text<CheckpointError>([&] { file::write("model", plan, durability, files); });
        CHECK(files.disk().names.size() == (text.empty() ? 1 : 0));
        return std::pair(text, files.begun);
    };
    const auto [none, begun] = failing(0, Durability::power_loss);
    CHECK(none.empty());
    constexpr std::uint64_t piece = std::uint64_t{8} << 20;
    REQUIRE(begun.size() == 2);
    CHECK(begun[0].first == 0);
    CHECK(begun[0].second >= piece);
    CHECK(begun[1].first == begun[0].second);
    CHECK(begun[1].second >= piece);
    for (const int error : {EIO, ENOSPC, EDQUOT}) {
        CHECK(mentions(failing(error, Durability::power_loss).first,
                       "cannot be brought to the disk"));
    }
    for (const int error : {ENOSYS, EINVAL, ENOTSUP, EPERM}) {
        CHECK(failing(error, Durability::power_loss).first.empty());
    }
    CHECK(failing(EIO, Durability::process_death).first.empty());
}

TEST_CASE("a file that becomes shorter or unreadable while it is read is an error", "[C-2]") {
    MemoryFiles saved;
    save(saved, Saved("new").plan);
    auto files = std::make_shared<MemoryFiles>(saved.disk());
    const Reader reader = Reader::open("model", {}, files);
    files->fault = [](std::string_view operation) { return operation == "read" ? EIO : 0; };
    std::vector<std::byte> bytes(large);
    CHECK(mentions(error_text<CheckpointError>([&] { reader.read(*reader.find("w"), bytes); }),
                   "the file cannot be read"));

    // The status tells a length that the file has no more when it is read.
    const std::string content = *saved.disk().get("model");
    const auto cut = std::as_bytes(std::span(content)).first(100'000);
    const Reader shrunk = Reader::open("model", {}, std::make_shared<OneFile>(cut, content.size()));
    CHECK(mentions(error_text<CheckpointError>([&] { shrunk.read(*shrunk.find("w"), bytes); }),
                   "the file has become shorter while it was read"));
}

TEST_CASE("a temporary name that is taken is not touched", "[C-5][E-6]") {
    const Saved state("new");
    MemoryFiles files;
    // As if they were being written: their savers hold them.
    std::vector<std::string> taken;
    for (std::uint64_t i = 0; i < 5; ++i) {
        taken.push_back(
            checkpoint::file::detail::temporary_name("model", files.unlikely_number() + i));
        files.put(taken.back(), "somebody's");
        const auto handle = files.open_for_reading(0, taken.back());
        REQUIRE(files.lock(static_cast<int>(handle)) == 0);
    }
    save(files, state.plan);
    CHECK(number_in(files) == "new");
    for (const std::string& name : taken) CHECK(files.disk().get(name) == "somebody's");
    CHECK(files.disk().names.size() == 6);
}

TEST_CASE("mode, owner and group of the old file are kept", "[C-5]") {
    const Saved state("new");
    MemoryFiles files;
    save(files, Saved("old").plan);
    Disk disk = files.disk();
    Disk::Node& node = disk.nodes.at(disk.names.at("model"));
    node.mode = 0640;
    node.owner = 7;
    node.group = 8;
    const auto saved_node = [&](auto&& fault) {
        MemoryFiles again(disk);
        again.fault = fault;
        save(again, state.plan);
        CHECK(number_in(again) == "new");
        return again.disk().nodes.at(again.disk().names.at("model"));
    };
    const auto allowed = saved_node([](std::string_view) { return 0; });
    CHECK(allowed.mode == 0640);
    CHECK(allowed.owner == 7);
    CHECK(allowed.group == 8);

    const auto group_only =
        saved_node([](std::string_view now) { return now == "set_owner" ? EPERM : 0; });
    CHECK(group_only.mode == 0640);
    CHECK(group_only.owner == 0);
    CHECK(group_only.group == 8);

    // Another group must not get what was the old group's.
    const auto neither = saved_node([](std::string_view now) {
        return now.starts_with("set_o") || now.starts_with("set_g") ? EPERM : 0;
    });
    CHECK(neither.mode == 0600);
    CHECK(neither.group == 0);
}

TEST_CASE("the temporary of a private file is private from its first byte on", "[C-5]") {
    MemoryFiles files;
    save(files, Saved("old").plan);
    Disk disk = files.disk();
    disk.nodes.at(disk.names.at("model")).mode = 0600;
    MemoryFiles again(disk);
    again.record();
    save(again, Saved("new").plan);
    for (const Disk& state : again.history()) {
        for (const auto& [name, node] : state.names) CHECK(state.nodes.at(node).mode == 0600);
    }
}

TEST_CASE("asking whether a place can be written changes nothing", "[C-5][E-6]") {
    MemoryFiles files;
    file::require_writable("model", files);
    CHECK(files.disk().names.empty());
    save(files, Saved("old").plan);
    file::require_writable("model", files);
    CHECK(number_in(files) == "old");
    files.fault = [](std::string_view now) { return now == "create" ? EROFS : 0; };
    CHECK_THROWS_AS(file::require_writable("model", files), CheckpointError);
    files.fault = {};
    files.put("thesis", std::string(1'000, 'x'));
    CHECK_THROWS_AS(file::require_writable("thesis", files), CheckpointError);
}

}  // namespace
}  // namespace kasmina::test::faults_test
