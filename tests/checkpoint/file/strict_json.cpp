// JSON is read strictly: every key once, nothing nlohmann's parser lets pass, limits, paths.
#include <string>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/file/json_path.hpp>
#include <kasmina/checkpoint/file/strict_json.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::test::strict_json_test {
namespace {

using checkpoint::file::JsonPath;
using checkpoint::file::parse_json;

/// The error without its end, or "no error".
std::string error_of(const std::string& text, const checkpoint::file::JsonLimits& limits = {}) {
    const std::string error =
        error_text<CheckpointError>([&] { static_cast<void>(parse_json(text, "f", limits)); });
    return error.empty() ? "no error" : error.substr(0, error.find("; to mend"));
}

TEST_CASE("a JSON document is read as nlohmann reads it", "[C-2]") {
    const std::string text =
        R"({"a":[1,-2,3.5,1e300,true,false,null,"\u00e4\ud83d\ude00",[],{}],"b":{"a":{"a":[[0]]}},)"
        R"("":"","c":18446744073709551615,"d":-9223372036854775808,"e":-0.0})";
    CHECK(parse_json(text, "f") == nlohmann::json::parse(text));
    CHECK(parse_json(" 7\n", "f") == 7);
    CHECK(parse_json("\"x\"", "f") == "x");
}

TEST_CASE("a key that stands twice is an error at every level, under the path of it", "[C-2]") {
    CHECK(error_of(R"({"a":1,"a":1})") ==
          "f: $.a: a key that stands twice; expected every key once; got a second \"a\"");
    CHECK(error_of(R"({"a":{"b":[0,{"c d":1,"e":2,"c d":3}]}})") ==
          "f: $.a.b[1][\"c d\"]: a key that stands twice; expected every key once; got a second "
          "\"c d\"");
    CHECK(error_of(R"([[],{"x":[{}],"\u0078":2}])") ==
          "f: $[1].x: a key that stands twice; expected every key once; got a second \"x\"");
    CHECK(error_of(R"({"a":{"a":{"a":1}},"b":{"a":1}})") == "no error");
}

TEST_CASE("what is not JSON is an error with its place", "[C-2]") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "f: $: this is not JSON; expected JSON; got"},
        {"\xEF\xBB\xBF{}",
         "f: $: a byte-order mark before the JSON; expected JSON from the first byte; got a "
         "byte-order mark"},
        {std::string("{}\0", 3),
         "f: $: a zero byte in the JSON; expected text; got a zero byte at "
         "byte 2"},
        {R"({"a":[1,)", "f: $.a: this is not JSON; expected JSON; got"},
        {"{} x", "f: $: this is not JSON; expected JSON; got"},
        {"[1,]", "f: $: this is not JSON; expected JSON; got"},
        {"[01]", "f: $: this is not JSON; expected JSON; got"},
        {"[1e999]", "f: $: this is not JSON; expected JSON; got"},
        {"[NaN]", "f: $: this is not JSON; expected JSON; got"},
        {"['a']", "f: $: this is not JSON; expected JSON; got"},
        {"[\"\\ud800\"]", "f: $: this is not JSON; expected JSON; got"},
        {"[\"\n\"]", "f: $: this is not JSON; expected JSON; got"},
        {"[// x\n]", "f: $: this is not JSON; expected JSON; got"},
    };
    for (const auto& [text, error] : cases) {
        INFO(text);
        CHECK(error_of(text).starts_with(error));  // behind `got` the words are nlohmann's
    }
}

TEST_CASE("depth, values and bytes have limits", "[C-7]") {
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };
    CHECK(error_of(nested(64)) == "no error");
    CHECK(mentions(error_of(nested(65)), "nested too deeply; expected at most 64 levels"));
    CHECK(mentions(error_of(nested(5'000'000)), "nested too deeply"));
    CHECK(error_of("[1,2]", {.values = 3}) == "no error");
    CHECK(mentions(error_of("[1,2,3]", {.values = 3}), "too many values; expected at most 3"));
    CHECK(mentions(error_of("{\"a\":[]}", {.values = 1}), "too many values"));
    CHECK(mentions(error_of("[1,2]", {.bytes = 4}),
                   "too long a JSON document; expected at most 4 bytes; got 5 bytes"));
}

TEST_CASE("a path is written so that it can be found", "[C-2]") {
    CHECK(JsonPath().text() == "$");
    CHECK((JsonPath() / "slots" / std::size_t{2} / "stage").text() == "$.slots[2].stage");
    CHECK((JsonPath() / "host/w" / "a\"b" / "").text() == R"($["host/w"]["a\"b"][""])");
}

}  // namespace
}  // namespace kasmina::test::strict_json_test
