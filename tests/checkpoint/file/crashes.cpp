// The power goes, or the process dies, after any operation of a save: the old or the new file is
// there and whole, and once a save has returned it is the new one.
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kasmina/checkpoint/file/reader.hpp>
#include <kasmina/checkpoint/file/writer.hpp>

#include "checkpoint/file/memory_files.hpp"
#include "checkpoint/file/support.hpp"
#include "support/catch.hpp"

namespace kasmina::test::crashes_test {
namespace {

using file::Durability;
using file::Plan;
using file::Reader;

constexpr std::size_t large = 300'000;  // more than the writer gathers

/// Content that tells its number wherever one looks.
struct Content {
    std::vector<std::byte> bytes;
    Plan plan;

    explicit Content(unsigned number) : bytes(large, static_cast<std::byte>('A' + number)) {
        plan.metadata["number"] = std::to_string(number);
        plan.add("one", file::ElementType::u8, {large}, bytes);
        plan.add("small", file::ElementType::f32, {2}, std::span(bytes).first(8));
        plan.add("two", file::ElementType::u8, {large}, bytes);
    }
    Content(const Content&) = delete;
};

/// The number of the content that a file holds; none when there is no file. A file that cannot be
/// loaded, or is of two contents, fails the test.
std::optional<unsigned> number_in(const Disk& disk, const std::string& name) {
    if (!disk.get(name)) return std::nullopt;
    const Reader reader = Reader::open(name, {}, std::make_shared<MemoryFiles>(disk));
    const auto number = static_cast<unsigned>(std::stoul(reader.metadata().at("number")));
    for (const file::TensorEntry& tensor : reader.tensors()) {
        for (const std::byte byte : bytes_of(reader, tensor.name)) {
            if (byte != static_cast<std::byte>('A' + number)) {
                throw CheckpointError("two contents in one file", tensor.name, "one", "two", "-");
            }
        }
    }
    return number;
}

constexpr Unsynced all_fates[] = {Unsynced::kept, Unsynced::dropped, Unsynced::cut_short,
                                  Unsynced::zeros_last, Unsynced::zeros_first};

/// What can be found after the power was cut at any time of a save.
struct Found {
    std::size_t states = 0;
    std::size_t nothing = 0;
    std::size_t old_file = 0;
    std::size_t new_file = 0;
    std::size_t broken = 0;
    /// Of the states after the save had returned, those without the new file.
    std::size_t lost = 0;

    void look(const Disk& disk, bool returned) {
        ++states;
        try {
            const auto number = number_in(disk, "model");
            (!number ? nothing : *number == 0 ? old_file : new_file) += 1;
            if (returned && number != 1u) ++lost;
        } catch (const CheckpointError&) {
            ++broken;
        }
    }
};

Found cut_power_everywhere(const MemoryFiles& saved) {
    Found found;
    const std::vector<Disk>& history = saved.history();
    for (std::size_t i = 0; i < history.size(); ++i) {
        for (const Unsynced fate : all_fates) {
            for (unsigned survived = 0; survived < 1u << history[i].pending.size(); ++survived) {
                found.look(history[i].after_power_loss(fate, survived), i + 1 == history.size());
            }
        }
    }
    return found;
}

Found kill_everywhere(const MemoryFiles& saved) {
    Found found;
    const std::vector<Disk>& history = saved.history();
    for (std::size_t i = 0; i < history.size(); ++i) {
        found.look(history[i], i + 1 == history.size());
    }
    return found;
}

TEST_CASE("cut power at any point of a save leaves the old or the new file whole", "[C-5]") {
    const Content old_content(0);
    const Content new_content(1);
    MemoryFiles files;
    file::write("model", old_content.plan, Durability::power_loss, files);
    files.record();
    file::write("model", new_content.plan, Durability::power_loss, files);

    const Found found = cut_power_everywhere(files);
    CHECK(files.history().size() > 6);
    CHECK(found.states > 60);
    CHECK(found.broken == 0);
    CHECK(found.nothing == 0);
    CHECK(found.lost == 0);
    CHECK(found.old_file > 0);
    CHECK(found.new_file > 0);
    CHECK(files.disk().names.size() == 1);
    CHECK(files.open_handles() == 0);
}

TEST_CASE("cut power at any point of a first save leaves nothing or the whole file", "[C-5]") {
    const Content new_content(1);
    MemoryFiles files;
    files.record();
    file::write("model", new_content.plan, Durability::power_loss, files);
    const Found found = cut_power_everywhere(files);
    CHECK(found.broken == 0);
    CHECK(found.old_file == 0);
    CHECK(found.nothing > 0);
    CHECK(found.new_file > 0);
    CHECK(found.lost == 0);
}

TEST_CASE("a save through a symbolic link is as safe, and the link stays", "[C-5][E-6]") {
    const Content old_content(0);
    const Content new_content(1);
    MemoryFiles files;
    file::write("target", old_content.plan, Durability::power_loss, files);
    files.put_link("model", "target");
    files.record();
    file::write("model", new_content.plan, Durability::power_loss, files);
    const Found found = cut_power_everywhere(files);
    CHECK(found.broken == 0);
    CHECK(found.nothing == 0);
    CHECK(found.lost == 0);
    CHECK(found.new_file > 0);
    CHECK(files.disk().nodes.at(files.disk().names.at("model")).link == "target");
}

TEST_CASE("a killed process leaves the old or the new file whole, flushed or not", "[C-5]") {
    const Content old_content(0);
    const Content new_content(1);
    for (const Durability durability : {Durability::power_loss, Durability::process_death}) {
        MemoryFiles files;
        file::write("model", old_content.plan, durability, files);
        files.record();
        file::write("model", new_content.plan, durability, files);
        const Found found = kill_everywhere(files);
        CHECK(found.broken == 0);
        CHECK(found.nothing == 0);
        CHECK(found.lost == 0);
        CHECK(found.old_file > 0);
        CHECK(found.new_file > 0);
    }
}

TEST_CASE("the enumeration finds what a save without flushing breaks", "[C-5]") {
    const Content old_content(0);
    const Content new_content(1);
    const auto saved = [&](Durability durability, bool synchronises) {
        MemoryFiles files;
        file::write("model", old_content.plan, Durability::power_loss, files);
        files.synchronises = synchronises;
        files.record();
        file::write("model", new_content.plan, durability, files);
        return cut_power_everywhere(files);
    };
    for (const Found& found :
         {saved(Durability::process_death, true), saved(Durability::power_loss, false)}) {
        CHECK(found.broken > 0);
        CHECK(found.lost > 0);
    }
}

TEST_CASE("what a killed save left behind is removed by the next, and nothing else", "[C-5]") {
    const Content old_content(0);
    const Content new_content(1);
    MemoryFiles files;
    file::write("model", old_content.plan, Durability::power_loss, files);
    const std::string of_a_user[] = {".model.0123456789abcdef", "model.saving",
                                     ".model.0123456789abcdeX.saving", ".model.saving",
                                     ".models.0123456789abcdef.saving"};
    for (const std::string& name : of_a_user) files.put(name, "mine");
    files.record();
    file::write("model", new_content.plan, Durability::power_loss, files);
    std::size_t left_behind = 0;
    for (const Disk& disk : files.history()) {
        if (disk.names.size() > 6) ++left_behind;
        MemoryFiles after(disk);
        file::write("model", new_content.plan, Durability::power_loss, after);
        CHECK(after.disk().names.size() == 6);
        for (const std::string& name : of_a_user) CHECK(after.disk().get(name) == "mine");
        CHECK(number_in(after.disk(), "model") == 1u);
    }
    CHECK(left_behind > 3);
}

TEST_CASE("another saver's work in progress is left alone", "[C-5]") {
    const Content old_content(0);
    const Content new_content(1);
    MemoryFiles files;
    Plan plan;
    plan.metadata["number"] = "0";
    plan.add("one", file::ElementType::u8, {large}, [&](file::ByteSink& sink) {
        // While this save is half done, another one of the same file goes through.
        sink.write(std::span(old_content.bytes).first(large / 2));
        file::write("model", new_content.plan, Durability::power_loss, files);
        CHECK(number_in(files.disk(), "model") == 1u);
        CHECK(files.disk().names.size() == 2);
        sink.write(std::span(old_content.bytes).first(large / 2));
    });
    file::write("model", plan, Durability::power_loss, files);
    CHECK(number_in(files.disk(), "model") == 0u);
    CHECK(files.disk().names.size() == 1);
}

}  // namespace
}  // namespace kasmina::test::crashes_test
