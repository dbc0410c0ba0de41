// inspect_checkpoint as a user runs it: a whole file in words and as JSON, a broken one, and none.
#include <cstdlib>
#include <filesystem>
#include <string>

#include <sys/wait.h>

#include <nlohmann/json.hpp>

#include "checkpoint/edited.hpp"
#include "checkpoint/file/support.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::inspect_test {
namespace {

struct Outcome {
    int code = 0;
    std::string out{};
};

Outcome inspect(const std::string& arguments) {
    const test::TemporaryFolder folder;
    const std::string out = (folder / "out").string();
    const int status = std::system(
        ("'" KASMINA_INSPECT_CHECKPOINT "' " + arguments + " >'" + out + "' 2>&1").c_str());
    REQUIRE(WIFEXITED(status));
    return {WEXITSTATUS(status), test::get(out)};
}

std::filesystem::path stored() {
    return std::filesystem::path(KASMINA_CHECKPOINT_DIR) / "schemas" / "schema_2.safetensors";
}

TEST_CASE("a checkpoint is told in words: parts, slots, tensors", "[C-1]") {
    const Outcome outcome = inspect("'" + stored().string() + "'");
    INFO(outcome.out);
    CHECK(outcome.code == 0);
    for (const char* words : {"written by Kasmina 0.1.0", "note: a file of schema 2",
                              "parts: model (schema 1), trainer (schema 1), diary (schema 1)",
                              "late: fossilized, noisy (id late-noisy), alpha 1.00, blended by add",
                              "early: blending, conv_light", "blended by gate", "host/conv1.weight",
                              "(4, 3, 3, 3)", "432"}) {
        CAPTURE(words);
        CHECK(test::mentions(outcome.out, words));
    }
}

TEST_CASE("and as JSON", "[C-1]") {
    const Outcome outcome = inspect("'" + stored().string() + "' --json");
    REQUIRE(outcome.code == 0);
    const auto json = nlohmann::json::parse(outcome.out);
    CHECK(json.at("whole") == true);
    CHECK(json.at("parts").at("model").at("slots").at(1).at("stage") == "fossilized");
    CHECK(json.at("tensors").size() > 20);
}

TEST_CASE("of a broken file it tells the error, and what is still whole", "[C-2]") {
    const test::TemporaryFolder folder;
    const std::string bytes = test::get(stored());
    const auto told = [&](const std::string& content, const std::string& options = "") {
        test::put(folder / "file", content);
        const Outcome outcome = inspect("'" + (folder / "file").string() + "' " + options);
        CHECK(outcome.code == 1);
        return outcome.out;
    };
    SECTION("cut in the tensors") {
        const std::string text = told(bytes.substr(0, bytes.size() - 100));
        INFO(text);
        CHECK(test::mentions(text, "broken: "));
        CHECK(test::mentions(text, "a tensor that ends behind the file"));
        CHECK(test::mentions(text, "still whole:"));
        CHECK(test::mentions(text, "record kasmina/model"));
        const auto json =
            nlohmann::json::parse(told(bytes.substr(0, bytes.size() - 100), "--json"));
        const auto whole = test::Edited(stored()).tensors.size();
        const auto left = json.at("still_whole").at("tensors").size();
        CHECK(left < whole);
        CHECK(left > whole / 2);
    }
    SECTION("a record that is not JSON") {
        test::Edited file(stored());
        file.metadata["kasmina/diary"] = "{";
        file.write(folder / "broken");
        const std::string text = told(test::get(folder / "broken"));
        INFO(text);
        CHECK(test::mentions(text, "not whole: record kasmina/diary"));
        CHECK(test::mentions(text, "record kasmina/model"));
        CHECK(test::mentions(text, "host/conv1.weight"));
    }
    SECTION("a tensor without its offsets") {
        const std::string file =
            test::file_with(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[]}})", 4);
        CHECK(test::mentions(told(file), "an offset is missing"));
        CHECK_FALSE(test::mentions(told(file), "still whole"));
    }
    SECTION("cut in the header, and no checkpoint at all") {
        CHECK(test::mentions(told(bytes.substr(0, 100)), "ends within its header"));
        CHECK_FALSE(test::mentions(told(bytes.substr(0, 100)), "still whole"));
        CHECK(test::mentions(told("nothing"), "broken: "));
    }
}

TEST_CASE(
    "what would steer a terminal is shown and not done, and JSON is UTF-8 whatever the path is",
    "[C-7]") {
    const test::TemporaryFolder folder;
    const std::string file = (folder / "\xff").string();
    test::put(file,
              test::file_with(
                  "{\"__metadata__\":{\"\\u001b[31m\":\"{}\"},"
                  "\"\\u001b[2J\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                  "\"a\\nb\xe2\x80\xae\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
                  2));
    const std::string text = inspect("'" + file + "'").out;
    INFO(text);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(test::mentions(text, R"(record "\u001b[31m")"));
    CHECK(test::mentions(text, R"("\u001b[2J")"));
    CHECK(test::mentions(text, R"("a\nb\u202e")"));
    const Outcome json = inspect("'" + file + "' --json");
    CHECK(json.code == 1);
    CHECK(nlohmann::json::parse(json.out).at("still_whole").at("tensors").size() == 2);
}

TEST_CASE("without a file there is an error and no more", "[C-2]") {
    CHECK(inspect("/nowhere/file").code == 1);
    CHECK(test::mentions(inspect("/nowhere/file").out, "cannot be opened"));
    CHECK(inspect("").code == 2);
    CHECK(test::mentions(inspect("").out, "usage:"));
}

}  // namespace
}  // namespace kasmina::inspect_test
