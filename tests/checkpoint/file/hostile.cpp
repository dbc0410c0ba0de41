// Hostile files: refused or right, never a crash, and nothing is allocated for what is not there.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/file/header.hpp>
#include <kasmina/checkpoint/file/parse_header.hpp>
#include <kasmina/checkpoint/file/reader.hpp>
#include <kasmina/checkpoint/file/strict_json.hpp>

#include "checkpoint/file/accepted.hpp"
#include "checkpoint/file/mutator.hpp"
#include "checkpoint/file/one_file.hpp"
#include "checkpoint/file/support.hpp"
#include "support/catch.hpp"
#include "support/counting_allocator.hpp"
#include "support/error_text.hpp"

namespace kasmina::test {
namespace {

std::span<const std::byte> bytes_in(const std::string& text) {
    return std::as_bytes(std::span(text));
}

bool accepted(const std::string& bytes) {
    return read_hostile(bytes_in(bytes), [](bool holds, const char* what) {
        INFO(what);
        if (!holds) CHECK(holds);
    });
}

TEST_CASE("files that are almost right are refused or read rightly", "[C-7]") {
    Mutator mutator(1);
    std::size_t right = 0;
    std::size_t refused = 0;
    for (int round = 0; round < 3'000; ++round) {
        const std::string valid = mutator.valid_file();
        INFO(valid.substr(8));
        REQUIRE(accepted(valid));
        for (int i = 0; i < 3; ++i) {
            const std::string changed = mutator.mutated(valid);
            INFO(changed.substr(std::min<std::size_t>(8, changed.size())));
            (accepted(changed) ? right : refused) += 1;
        }
    }
    // Of changes, some make no difference; most do.
    CHECK(right > 100);
    CHECK(refused > 4'000);
}

TEST_CASE("every prefix of a file is refused", "[C-7]") {
    Mutator mutator(2);
    for (int round = 0; round < 20; ++round) {
        const std::string valid = mutator.valid_file();
        for (std::size_t length = 0; length < valid.size(); ++length) {
            if (accepted(valid.substr(0, length))) {
                CHECK(length == valid.size());
            }
        }
    }
}

TEST_CASE("what is allocated grows with the file and not with what it claims", "[C-7]") {
    const auto allocated_by = [](const std::string& bytes) {
        const std::size_t before = allocated_bytes();
        CHECK_THROWS_AS(
            checkpoint::file::Reader::open("f", {}, std::make_shared<OneFile>(bytes_in(bytes))),
            CheckpointError);
        return allocated_bytes() - before;
    };
    const std::string claims =
        R"({"w":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}})";
    CHECK(allocated_by(file_with(claims, 100 - 8 - claims.size())) < 20'000);
    CHECK(allocated_by(std::string("\x00\xe1\xf5\x05\0\0\0\0{}", 10)) < 20'000);

    Mutator mutator(3);
    for (int round = 0; round < 1'000; ++round) {
        const std::string changed = mutator.mutated(mutator.valid_file());
        const std::size_t before = allocated_bytes();
        try {
            static_cast<void>(checkpoint::file::Reader::open(
                "f", {}, std::make_shared<OneFile>(bytes_in(changed))));
        } catch (const CheckpointError&) {
        }
        CHECK(allocated_bytes() - before < 20'000 + 60 * changed.size());
    }
}

TEST_CASE("a million tiny tensors are read in the time that they take to be parsed", "[C-7]") {
    // Quadratic work would be a matter of hours.
    constexpr std::uint64_t count = 1'000'000;
    std::string header = "{";
    for (std::uint64_t i = 0; i < count; ++i) {
        if (i > 0) header += ',';
        // Backwards, so that neither names nor places come sorted.
        const std::uint64_t place = count - 1 - i;
        header += "\"t" + std::to_string(i) + R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" +
                  std::to_string(place) + ',' + std::to_string(place + 1) + "]}";
    }
    header += '}';
    REQUIRE(header.size() < checkpoint::file::HeaderLimits::bytes);
    const checkpoint::file::Header parsed = checkpoint::file::parse_header(header, count, "f");
    CHECK(parsed.tensors.size() == count);
    CHECK(parsed.find("t77")->begin == count - 78);

    // The same name a million times, the last but one of the hard cases.
    header = "{";
    for (std::uint64_t i = 0; i < count; ++i) {
        if (i > 0) header += ',';
        header += R"("t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
    }
    header += '}';
    CHECK(mentions(error_text<CheckpointError>(
                       [&] { static_cast<void>(checkpoint::file::parse_header(header, 0, "f")); }),
                   "a tensor that stands twice"));
}

TEST_CASE("a million values of JSON are read in the time that they take to be parsed", "[C-7]") {
    std::string text = "{";
    for (int i = 0; i < 400'000; ++i) {
        if (i > 0) text += ',';
        text += "\"k" + std::to_string(i) + "\":[" + std::to_string(i) + "]";
    }
    text += '}';
    const nlohmann::json parsed = checkpoint::file::parse_json(text, "f");
    CHECK(parsed.size() == 400'000);
    CHECK(parsed.at("k399999").at(0) == 399'999);
}

}  // namespace
}  // namespace kasmina::test
