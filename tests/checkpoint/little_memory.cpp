// A load that reads the host's values where the old ones are: the same bits, and all or nothing.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>

#include <sys/resource.h>

#include <kasmina/checkpoint/checkpoint.hpp>

#include "checkpoint/all_of.hpp"
#include "checkpoint/file/support.hpp"
#include "checkpoint/life.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::little_memory_test {
namespace {

using checkpoint::LittleMemory;
using checkpoint::file::Reader;

template <class B>
using Life = test::Life<B, optim::AdamWRule>;

/// Cuts the file short when it is put in its place: after all was checked, and before the host's
/// values are read.
struct Cutter {
    struct State {
        int nothing = 0;
        using Fields = reflect::List<&State::nothing>;
    };
    static constexpr std::string_view part_name = "cutter";

    [[nodiscard]] State state() const { return {}; }
    void restore(const State&) {
        if (length > 0) std::filesystem::resize_file(file, length);
    }

    std::filesystem::path file{};
    std::uintmax_t length = 0;
};

/// Within the last tensor of the host.
std::uintmax_t middle_of_host(const std::filesystem::path& path) {
    const Reader reader = Reader::open(path);
    std::uint64_t data = 0;
    for (const auto& tensor : reader.tensors()) data += tensor.bytes();
    std::uint64_t begin = 0;
    for (const auto& tensor : reader.tensors()) {
        if (tensor.name.starts_with("host/")) begin = std::max(begin, tensor.begin);
    }
    return reader.bytes() - data + begin + 1;
}

bool nothing_in(const std::filesystem::path& folder) {
    return std::filesystem::is_empty(folder);
}

TEMPLATE_TEST_CASE("with little memory a load gives the same bits", "[C-3][C-6][K]", test::Eigen32,
                   test::Oracle, test::Device32) {
    using B = TestType;
    typename B::Context context;
    const test::TemporaryFolder folder;
    const test::TemporaryFolder undo;
    Life<B> saved(context);
    saved.grow(11);
    const std::string bytes = test::all_of(saved, folder);

    Life<B> life(context, 7);
    checkpoint::load(folder / "all_of", LittleMemory{undo.path()}, life.model, life.trainer,
                     life.diary);
    CHECK(nothing_in(undo.path()));
    CHECK(test::all_of(life, folder) == bytes);
    saved.grow(13);
    life.grow(13);
    CHECK(test::values_of(life.model) == test::values_of(saved.model));
}

TEMPLATE_TEST_CASE("and what fails while the host's values are read leaves all as it was",
                   "[C-3][K]", test::Eigen32, test::Device32) {
    using B = TestType;
    typename B::Context context;
    const test::TemporaryFolder folder;
    const test::TemporaryFolder undo;
    Life<B> saved(context);
    saved.grow(11);
    Cutter cutter;
    checkpoint::save(folder / "file", saved.model, saved.trainer, saved.diary, cutter);
    Life<B> life(context, 7);
    life.grow(9);
    const std::string before = test::all_of(life, folder);
    const auto refused = [&](const LittleMemory& little, const std::string& mentioned) {
        const std::string text = test::error_text<CheckpointError>([&] {
            checkpoint::load(folder / "file", little, life.model, life.trainer, life.diary, cutter);
        });
        INFO(text);
        CHECK(test::mentions(text, mentioned));
        CHECK(test::all_of(life, folder) == before);
        CHECK(nothing_in(undo.path()));
    };
    SECTION("the file becomes shorter") {
        cutter.file = folder / "file";
        cutter.length = middle_of_host(cutter.file);
        refused({undo.path()}, "has become shorter");
    }
    SECTION("the folder is not there") {
        refused({undo.path() / "none"}, "No such file or directory");
    }
    SECTION("the folder has no room for all of them") {
        rlimit limit{};
        REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
        const auto handler = std::signal(SIGXFSZ, SIG_IGN);
        const rlimit low{.rlim_cur = 1'000, .rlim_max = limit.rlim_max};
        std::string text;
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &low) == 0);
        text = test::error_text<CheckpointError>([&] {
            checkpoint::load(folder / "file", LittleMemory{undo.path()}, life.model, life.trainer,
                             life.diary, cutter);
        });
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
        std::signal(SIGXFSZ, handler);
        INFO(text);
        CHECK(test::mentions(text, "cannot be kept"));
        CHECK(test::mentions(text, "File too large"));
        CHECK(test::all_of(life, folder) == before);
        CHECK(nothing_in(undo.path()));
    }
}

}  // namespace
}  // namespace kasmina::little_memory_test
