// Texts as ids and back: bytes, characters, and GPT-2's pairs of bytes against recorded ones (N-9).
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <kasmina/text/byte_pair_encoding.hpp>
#include <kasmina/text/vocabulary.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::vocabulary_test {
namespace {

using Ids = std::vector<std::int32_t>;

static_assert(text::Vocabulary<text::ByteVocabulary>);
static_assert(text::Vocabulary<text::CharacterVocabulary>);
static_assert(text::Vocabulary<text::BytePairEncoding>);

std::filesystem::path recorded(const char* name) {
    return std::filesystem::path(KASMINA_GOLDEN_DIR) / "byte_pairs" / name;
}

TEST_CASE("bytes are ids", "[N-9]") {
    const std::string all{"a\0\xFF\n", 4};
    CHECK(text::ByteVocabulary::encode(all) == Ids{97, 0, 255, 10});
    CHECK(text::ByteVocabulary::decode(Ids{97, 0, 255, 10}) == all);
    CHECK(text::ByteVocabulary::encode("").empty());
    CHECK_THROWS_AS(text::ByteVocabulary::decode(Ids{256}), NumericError);
    CHECK_THROWS_AS(text::ByteVocabulary::decode(Ids{-1}), NumericError);
}

TEST_CASE("characters have the ids of their order", "[N-9]") {
    const text::CharacterVocabulary vocabulary("hé, hallo 🎉");
    CHECK(vocabulary.size() == 8);  // blank , a h l o é 🎉
    CHECK(vocabulary.encode("é🎉 a") == Ids{static_cast<std::int32_t>(vocabulary.size() - 2),
                                            static_cast<std::int32_t>(vocabulary.size() - 1), 0,
                                            2});
    CHECK(vocabulary.decode(vocabulary.encode("oh, hé🎉")) == "oh, hé🎉");
}

TEST_CASE("texts that a vocabulary cannot be made of, or does not cover, are refused",
          "[N-9][E-2]") {
    CHECK_THROWS_AS(text::CharacterVocabulary(""), DataError);
    for (const std::string_view broken :
         {"\xFF", "a\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"}) {
        CHECK_THROWS_AS(text::CharacterVocabulary(broken), DataError);
    }
    const text::CharacterVocabulary vocabulary("abc");
    const std::string message =
        test::error_text<DataError>([&] { static_cast<void>(vocabulary.encode("abça")); });
    CHECK(test::mentions(message, "the vocabulary is too small for the text"));
    CHECK(test::mentions(message, "one of its 3 characters"));
    CHECK(test::mentions(message, "\"ç\" at byte 2"));
    CHECK_THROWS_AS(vocabulary.decode(Ids{3}), NumericError);
}

TEST_CASE("pairs of bytes are those that were recorded", "[N-9]") {
    const text::BytePairEncoding pairs(recorded("vocab.json"), recorded("merges.txt"));
    CHECK(pairs.size() == 380);
    std::ifstream file(recorded("encodings.json"));
    const auto encodings = nlohmann::json::parse(file);
    REQUIRE(encodings.size() == 15);
    for (const auto& each : encodings) {
        const auto content = each.at("text").get<std::string>();
        INFO(content);
        CHECK(pairs.encode(content) == each.at("ids").get<Ids>());
        CHECK(pairs.decode(pairs.encode(content)) == content);
    }
    const std::string no_text{"\xFF\xC3\x28 a\x80", 7};
    CHECK(pairs.decode(pairs.encode(no_text)) == no_text);
    CHECK_THROWS_AS(pairs.decode(Ids{380}), NumericError);
}

TEST_CASE("an encoding that was moved from does not take each byte for a token", "[N-9][E-4]") {
    text::BytePairEncoding pairs(recorded("vocab.json"), recorded("merges.txt"));
    const Ids expected = pairs.encode("the text");
    const text::BytePairEncoding moved(std::move(pairs));
    CHECK(moved.encode("the text") == expected);
    // NOLINTBEGIN(bugprone-use-after-move): that it is an error is what is tested.
    CHECK_THROWS_AS(pairs.encode("the text"), LifetimeError);
    CHECK_THROWS_AS(pairs.decode(expected), LifetimeError);
    // NOLINTEND(bugprone-use-after-move)
}

TEST_CASE("a long word is encoded in little time", "[N-9]") {
    const text::BytePairEncoding pairs(recorded("vocab.json"), recorded("merges.txt"));
    const std::string word(300000, 's');
    CHECK(pairs.decode(pairs.encode(word)) == word);
}

void write(const std::filesystem::path& path, std::string_view content) {
    std::ofstream(path, std::ios::binary) << content;
}

TEST_CASE("files that are no vocabulary are refused", "[N-9][E-2]") {
    const test::TemporaryFolder folder;
    const auto vocabulary = folder / "vocab.json";
    const auto merges = folder / "merges.txt";
    const auto made = [&] { return text::BytePairEncoding(vocabulary, merges); };
    CHECK_THROWS_AS(made(), DataError);  // there are none
    for (const std::string_view content :
         {"", "{", "[]", "{}", R"({"a": 0})", R"({"a": 0, "b": 0})", R"({"a": 1})", R"({"a": -1})",
          R"({"a": "0"})", R"({"a": 0.5})", R"({"a": 99999999999999999999})"}) {
        INFO(content);
        write(vocabulary, content);
        write(merges, "");
        CHECK_THROWS_AS(made(), DataError);
    }
    std::filesystem::copy_file(recorded("vocab.json"), vocabulary,
                               std::filesystem::copy_options::overwrite_existing);
    for (const std::string_view content : {"", "#version: 0.2\n", "\r\n"}) {
        write(merges, content);
        CHECK(test::mentions(test::error_text<DataError>(made), "one pair or more"));
    }
    write(merges, "#version: 0.2\r\ne d\r\n");
    CHECK(made().encode("eded") == Ids{made().encode("ed")[0], made().encode("ed")[0]});
    for (const std::string_view content : {"s", "s e e", "s zz", "# #"}) {
        INFO(content);
        write(merges, content);
        CHECK_THROWS_AS(made(), DataError);
    }
    // A folder can be opened as a file, and looks like an empty one.
    CHECK_THROWS_AS(text::BytePairEncoding(vocabulary, folder.path()), DataError);
    CHECK_THROWS_AS(text::BytePairEncoding(folder.path(), merges), DataError);
}

}  // namespace
}  // namespace kasmina::vocabulary_test
