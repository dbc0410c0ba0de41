// What is written is read again, and the same plan gives the same bytes.
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <kasmina/checkpoint/file/reader.hpp>
#include <kasmina/checkpoint/file/writer.hpp>

#include "checkpoint/file/support.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::test::round_trip_test {
namespace {

using file::ElementType;
using file::Plan;
using file::Reader;

TEST_CASE("what is written is read again: metadata, types, shapes, bytes", "[C-1]") {
    const TemporaryFolder folder;
    const auto path = folder / "model.safetensors";
    constexpr ElementType all[] = {ElementType::boolean, ElementType::u8,  ElementType::i8,
                                   ElementType::i16,     ElementType::u16, ElementType::f16,
                                   ElementType::bf16,    ElementType::i32, ElementType::u32,
                                   ElementType::f32,     ElementType::f64, ElementType::i64,
                                   ElementType::u64};
    std::vector<std::vector<std::byte>> contents;
    for (const ElementType type : all) {
        contents.push_back(counting(6 * file::bytes_of(type), static_cast<unsigned>(type)));
    }
    Plan plan;
    plan.metadata = {{"b", "\x01 \"quotes\" \\ / \n \t \x7f"}, {"a", "köln 東京"}, {"", ""}};
    for (std::size_t i = 0; i < contents.size(); ++i) {
        plan.add("host/" + std::string(name_of(all[i])), all[i], {2, 1, 3}, contents[i]);
    }
    plan.add("one", ElementType::u8, {}, std::span(contents[1]).first(1));
    plan.add("none", ElementType::f64, {4, 0, 2}, std::span<const std::byte>());
    file::write(path, plan);

    const Reader reader = Reader::open(path);
    CHECK(reader.metadata() == plan.metadata);
    CHECK(reader.bytes() == std::filesystem::file_size(path));
    REQUIRE(reader.tensors().size() == contents.size() + 2);
    for (std::size_t i = 0; i < contents.size(); ++i) {
        const std::string name = "host/" + std::string(name_of(all[i]));
        INFO(name);
        REQUIRE(reader.find(name) != nullptr);
        CHECK(reader.find(name)->type == all[i]);
        CHECK(reader.find(name)->shape == std::vector<std::uint64_t>{2, 1, 3});
        CHECK(bytes_of(reader, name) == contents[i]);
    }
    CHECK(reader.find("one")->shape.empty());
    CHECK(bytes_of(reader, "one") == counting(1, 1));
    CHECK(reader.find("none")->bytes() == 0);
    CHECK(reader.find("two") == nullptr);
}

TEST_CASE("a tensor is read in pieces, and never past its end", "[C-2][C-7]") {
    const TemporaryFolder folder;
    const auto path = folder / "model.safetensors";
    const auto bytes = counting(100'000);
    Plan plan;
    plan.add("a", ElementType::u8, {100'000}, bytes);
    plan.add("b", ElementType::u8, {1}, std::span(bytes).first(1));
    file::write(path, plan);

    const Reader reader = Reader::open(path);
    const file::TensorEntry& a = *reader.find("a");
    std::vector<std::byte> piece(7);
    for (const std::size_t offset : {0U, 1U, 4'096U, 99'993U}) {
        reader.read(a, offset, piece);
        CHECK(std::ranges::equal(piece, std::span(bytes).subspan(offset, 7)));
    }
    CHECK(mentions(error_text<CheckpointError>([&] { reader.read(a, 99'994, piece); }),
                   "tensor \"a\""));
    CHECK_FALSE(error_text<CheckpointError>([&] { reader.read(a, ~0ull, piece); }).empty());
    CHECK(mentions(error_text<CheckpointError>([&] { reader.read(a, piece); }),
                   "expected 100000 bytes; got 7 bytes"));
}

TEST_CASE("the same state gives the same bytes, in whatever order it was collected", "[C-1]") {
    const TemporaryFolder folder;
    const auto bytes = counting(64);
    const auto add = [&](Plan& plan, const std::string& name, ElementType type) {
        plan.add(name, type, {2}, std::span(bytes).first(2 * file::bytes_of(type)));
    };
    Plan one;
    one.metadata = {{"x", "1"}, {"y", "2"}};
    add(one, "b", ElementType::f32);
    add(one, "a", ElementType::f32);
    add(one, "c", ElementType::f64);
    add(one, "d", ElementType::i64);
    add(one, "e", ElementType::u8);
    Plan other;
    other.metadata["y"] = "2";
    other.metadata["x"] = "1";
    add(other, "e", ElementType::u8);
    add(other, "d", ElementType::i64);
    add(other, "a", ElementType::f32);
    add(other, "c", ElementType::f64);
    add(other, "b", ElementType::f32);
    file::write(folder / "one", one);
    file::write(folder / "other", other);
    const std::string written = get(folder / "one");
    CHECK(written == get(folder / "other"));

    // As the official writer orders it; spaces up to a multiple of 64.
    const std::string header = R"({"__metadata__":{"x":"1","y":"2"},)"
                               R"("d":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},)"
                               R"("c":{"dtype":"F64","shape":[2],"data_offsets":[16,32]},)"
                               R"("a":{"dtype":"F32","shape":[2],"data_offsets":[32,40]},)"
                               R"("b":{"dtype":"F32","shape":[2],"data_offsets":[40,48]},)"
                               R"("e":{"dtype":"U8","shape":[2],"data_offsets":[48,50]}})";
    const std::size_t length = (8 + header.size() + 63) / 64 * 64 - 8;
    CHECK(written.substr(8, header.size()) == header);
    CHECK(written.substr(8 + header.size(), length - header.size()).find_first_not_of(' ') ==
          std::string::npos);
    CHECK(written.size() == 8 + length + 50);
}

TEST_CASE("an empty plan is a file, with and without metadata", "[C-1]") {
    const TemporaryFolder folder;
    file::write(folder / "empty", Plan{});
    CHECK(get(folder / "empty") == file_with("{}" + std::string(54, ' '), 0));
    CHECK(Reader::open(folder / "empty").tensors().empty());
    Plan plan;
    plan.metadata["a"] = "b";
    file::write(folder / "metadata", plan);
    CHECK(Reader::open(folder / "metadata").metadata() == plan.metadata);
}

TEST_CASE("a plan that cannot be a file is refused before anything is touched", "[C-2]") {
    const TemporaryFolder folder;
    const auto path = folder / "model.safetensors";
    const auto bytes = counting(4);
    const auto text = [&](auto&& change) {
        Plan plan;
        plan.add("w", ElementType::f32, {1}, bytes);
        change(plan);
        return error_text<CheckpointError>([&] { file::write(path, plan); });
    };
    CHECK(mentions(text([&](Plan& plan) { plan.add("w", ElementType::f32, {1}, bytes); }),
                   "tensor \"w\": a tensor that stands twice"));
    CHECK(mentions(text([&](Plan& plan) { plan.add("w", ElementType::u8, {4}, bytes); }),
                   "stands twice"));
    CHECK(mentions(text([&](Plan& plan) { plan.add("", ElementType::f32, {1}, bytes); }),
                   "a name that the format does not take"));
    CHECK(
        mentions(text([&](Plan& plan) { plan.add("__metadata__", ElementType::f32, {1}, bytes); }),
                 "a name that the format does not take"));
    CHECK(mentions(text([&](Plan& plan) { plan.add("\xff", ElementType::f32, {1}, bytes); }),
                   "not UTF-8"));
    CHECK(mentions(text([&](Plan& plan) { plan.metadata["a"] = "\xc3"; }), "not UTF-8"));
    CHECK(mentions(text([&](Plan& plan) { plan.metadata["\xc3"] = "a"; }), "not UTF-8"));
    CHECK(mentions(text([&](Plan& plan) {
                       plan.add("v", ElementType::f32, {0, 1ull << 32, 1ull << 32}, bytes);
                   }),
                   "overflows"));
    CHECK(mentions(text([&](Plan& plan) {
                       plan.add("v", ElementType::u8, std::vector<std::uint64_t>(65, 1), bytes);
                   }),
                   "too many extents"));
    CHECK(mentions(text([&](Plan& plan) {
                       plan.add("u", ElementType::u8, {1ull << 62}, bytes);
                       plan.add("v", ElementType::u8, {1ull << 62}, bytes);
                   }),
                   "too long"));
    CHECK_THROWS_AS(file::write(path, Plan{}, static_cast<file::Durability>(9)), OptionError);
    CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a tensor that gives other bytes than its shape says leaves the old file", "[C-3][C-5]") {
    const TemporaryFolder folder;
    const auto path = folder / "model.safetensors";
    file::write(path, Plan{});
    const std::string old = get(path);
    for (const std::size_t given : {3u, 5u, 0u}) {
        const auto bytes = counting(given);
        Plan plan;
        plan.add("w", ElementType::f32, {1}, bytes);
        const std::string text = error_text<CheckpointError>([&] { file::write(path, plan); });
        CHECK(mentions(text, "tensor \"w\""));
        CHECK(mentions(text, "expected 4 bytes"));
    }
    Plan plan;
    plan.add("w", ElementType::f32, {1},
             [](file::ByteSink&) { throw std::runtime_error("the device is gone"); });
    CHECK_THROWS_AS(file::write(path, plan), std::runtime_error);
    CHECK(get(path) == old);
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()),
                        std::filesystem::directory_iterator()) == 1);
}

}  // namespace
}  // namespace kasmina::test::round_trip_test
