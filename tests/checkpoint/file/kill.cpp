// A process that saves in a loop is killed at random instants: the file is whole every time.
// KASMINA_KILLS sets how often (script/soak), and has the figures printed.
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <kasmina/checkpoint/file/reader.hpp>
#include <kasmina/checkpoint/file/writer.hpp>
#include <kasmina/random/generator.hpp>

#include "checkpoint/file/support.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::test::kill_test {
namespace {

using file::Durability;
using file::Plan;
using file::Reader;
using Clock = std::chrono::steady_clock;

constexpr std::size_t large = 400'000;
constexpr std::size_t small_tensors = 20;

/// The state after `number` steps; every byte of it tells the number.
void save(const std::filesystem::path& path, std::uint64_t number, Durability durability) {
    const std::vector<std::byte> bytes(large, static_cast<std::byte>(number * 37 + 11));
    Plan plan;
    plan.metadata["number"] = std::to_string(number);
    plan.add("large", file::ElementType::f32, {large / 4}, bytes);
    for (std::size_t i = 0; i < small_tensors; ++i) {
        plan.add("small" + std::to_string(i), file::ElementType::f32, {5, i},
                 std::span(bytes).first(20 * i));
    }
    file::write(path, plan, durability);
}

/// The number of the state in the file; throws when it is not whole, fails when it is mixed.
std::uint64_t whole_number_in(const std::filesystem::path& path) {
    const Reader reader = Reader::open(path);
    const std::uint64_t number = std::stoull(reader.metadata().at("number"));
    REQUIRE(reader.tensors().size() == small_tensors + 1);
    std::vector<std::byte> bytes;
    for (const file::TensorEntry& tensor : reader.tensors()) {
        bytes.resize(static_cast<std::size_t>(tensor.bytes()));
        reader.read(tensor, bytes);
        const std::vector<std::byte> expected(bytes.size(),
                                              static_cast<std::byte>(number * 37 + 11));
        REQUIRE(bytes == expected);
    }
    return number;
}

[[noreturn]] void save_for_ever(const std::filesystem::path& path, std::uint64_t number) {
    try {
        for (;;) {
            ++number;
            save(path, number,
                 number % 2 == 0 ? Durability::power_loss : Durability::process_death);
        }
    } catch (...) {
        ::_exit(1);
    }
}

TEST_CASE("a saver that is killed at a random instant leaves a whole file", "[C-5]") {
    const TemporaryFolder folder;
    const auto path = folder / "model.safetensors";
    const char* const asked = std::getenv("KASMINA_KILLS");
    const std::uint64_t kills = asked == nullptr ? 500 : std::stoull(asked);

    // Instants are spread over the time of two pairs of saves.
    save(path, 1, Durability::power_loss);
    const auto begin = Clock::now();
    save(path, 2, Durability::power_loss);
    save(path, 3, Durability::process_death);
    const auto period = std::min<std::chrono::nanoseconds>(2 * (Clock::now() - begin),
                                                           std::chrono::milliseconds(10));

    Generator random(9);
    std::uint64_t number = whole_number_in(path);
    std::uint64_t saves = 0;
    std::uint64_t in_progress = 0;
    for (std::uint64_t kill = 0; kill < kills; ++kill) {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) save_for_ever(path, number);
        std::this_thread::sleep_for(
            std::chrono::nanoseconds(random.below(static_cast<std::uint32_t>(period.count()))));
        REQUIRE(::kill(child, SIGKILL) == 0);
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        REQUIRE(WIFSIGNALED(status));

        const std::uint64_t now = whole_number_in(path);
        REQUIRE(now >= number);
        saves += now - number;
        number = now;
        // At most the last saver's own: each removes what those before it left behind.
        const auto files = std::distance(std::filesystem::directory_iterator(folder.path()),
                                         std::filesystem::directory_iterator());
        REQUIRE(files <= 2);
        if (files == 2) ++in_progress;
    }
    if (asked != nullptr) {
        std::cout << kills << " kills, " << in_progress << " of them amid a save; " << saves
                  << " saves of " << std::filesystem::file_size(path)
                  << " bytes went through; the file was whole every time\n";
    }
    CHECK(saves > 0);
    CHECK(in_progress > 0);
    save(path, number + 1, Durability::power_loss);
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()),
                        std::filesystem::directory_iterator()) == 1);
}

}  // namespace
}  // namespace kasmina::test::kill_test
