// Records: plain structs go to JSON and come back the same, and nothing else comes back at all.
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <kasmina/checkpoint/file/strict_json.hpp>
#include <kasmina/checkpoint/opened.hpp>
#include <kasmina/checkpoint/record/read.hpp>
#include <kasmina/checkpoint/record/write.hpp>
#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/random/generator.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::record_test {
namespace {

using checkpoint::record::Json;
using checkpoint::record::Place;

struct Inner {
    std::string name{};
    double number = 0.0;

    using Fields = reflect::List<&Inner::name, &Inner::number>;
    friend bool operator==(const Inner&, const Inner&) = default;
};

struct Sample {
    bool flag = false;
    int whole = 0;
    std::int64_t large = 0;
    std::uint64_t larger = 0;
    std::uint8_t small = 0;
    float single = 0.0F;
    double real = 0.0;
    double open = 0.0;
    std::string text{};
    Stage stage = Stage::dormant;
    std::optional<double> maybe{};
    std::vector<Inner> list{};
    std::vector<bool> flags{};
    std::map<std::string, int> by_name{};
    std::variant<bool, std::int64_t, double, std::string> any{};
    Inner inner{};

    using Fields = reflect::List<&Sample::flag, &Sample::whole, &Sample::large, &Sample::larger,
                                 &Sample::small, &Sample::single, &Sample::real, &Sample::open,
                                 &Sample::text, &Sample::stage, &Sample::maybe, &Sample::list,
                                 &Sample::flags, &Sample::by_name, &Sample::any, &Sample::inner>;
    using MayBeNotFinite = reflect::List<&Sample::open>;
    static constexpr int schema = 1;
    friend bool operator==(const Sample&, const Sample&) = default;
};

/// Holds structs of its own type.
struct Tree {
    int value = 0;
    std::vector<Tree> children{};

    using Fields = reflect::List<&Tree::value, &Tree::children>;
    friend bool operator==(const Tree&, const Tree&) = default;
};

struct Left {
    int left = 0;
};
struct Right {
    int right = 0;
};
/// Has fields of two bases.
struct Both : Left, Right {
    int own = 0;

    using Fields = reflect::List<&Both::left, &Both::right, &Both::own>;
};

template <class T>
Json written(const T& value) {
    checkpoint::record::NoTensors none;
    return checkpoint::record::write(value, Place("sample", "sample"), none);
}

template <class T>
T read(const Json& json) {
    checkpoint::NoTensorsToRead none;
    T value{};
    checkpoint::record::read(checkpoint::file::parse_json(json.dump(), "sample"), value,
                             Place("sample", "sample"), none);
    return value;
}

Sample full() {
    return {.flag = true,
            .whole = -7,
            .large = std::numeric_limits<std::int64_t>::min(),
            .larger = std::numeric_limits<std::uint64_t>::max(),
            .small = 255,
            .single = 0.1F,
            .real = 0.1,
            .open = std::numeric_limits<double>::infinity(),
            .text = "a \"b\"\n\xC3\xA9",
            .stage = Stage::holding,
            .maybe = 3.0,
            .list = {{"first", 1e-300}, {"second", -0.0}},
            .flags = {true, false, true},
            .by_name = {{"one", 1}, {"two", 2}},
            .any = 2.0,
            .inner = {"inner", 5e-324}};
}

TEST_CASE("a struct with every kind of field comes back the same", "[C-1][C-2]") {
    CHECK(read<Sample>(written(full())) == full());
    Sample sample = full();
    sample.maybe.reset();
    sample.list.clear();
    sample.large = std::numeric_limits<std::int64_t>::max();
    sample.larger = (std::uint64_t{1} << 53) + 1;
    for (const decltype(sample.any)& any :
         {decltype(sample.any)(true), decltype(sample.any)(std::int64_t{7}),
          decltype(sample.any)(std::string("7"))}) {
        sample.any = any;
        CHECK(read<Sample>(written(sample)) == sample);
    }
    CHECK(std::signbit(read<Sample>(written(full())).list[1].number));
}

TEST_CASE("a struct with fields of its bases comes back the same", "[C-1]") {
    Both both;
    both.left = 1;
    both.right = 2;
    both.own = 3;
    const Both back = read<Both>(written(both));
    CHECK(back.left == 1);
    CHECK(back.right == 2);
    CHECK(back.own == 3);
    CHECK(written(both) == Json{{"left", 1}, {"right", 2}, {"own", 3}});
}

TEST_CASE("a struct that holds its like comes back the same, and is refused by its path",
          "[C-1][C-2]") {
    const Tree tree{.value = 1,
                    .children = {{.value = 2}, {.value = 3, .children = {{.value = 4}}}}};
    CHECK(read<Tree>(written(tree)) == tree);
    Json json = written(tree);
    json["children"][1]["children"][0]["value"] = "four";
    CHECK(test::mentions(test::error_text<CheckpointError>([&] { read<Tree>(json); }),
                         "$.children[1].children[0].value"));
    json = written(full());
    json["flags"][2] = 1;
    CHECK(test::mentions(test::error_text<CheckpointError>([&] { read<Sample>(json); }),
                         "$.flags[2]"));
}

TEST_CASE("every double comes back with all its bits", "[C-1][C-6]") {
    Generator generator(3);
    for (int i = 0; i < 2000; ++i) {
        const std::uint64_t high = generator();
        const auto value = std::bit_cast<double>(high << 32U | generator());
        if (!std::isfinite(value)) continue;
        const double back = read<double>(written(value));
        CHECK(std::bit_cast<std::uint64_t>(back) == std::bit_cast<std::uint64_t>(value));
    }
}

TEST_CASE("what is no finite number is stored where it may be, and nowhere else", "[C-2]") {
    Sample sample = full();
    sample.open = -std::numeric_limits<double>::infinity();
    CHECK(read<Sample>(written(sample)).open == sample.open);
    sample.open = std::numeric_limits<double>::quiet_NaN();
    CHECK(std::isnan(read<Sample>(written(sample)).open));
    sample.list[1].number = std::numeric_limits<double>::quiet_NaN();
    const std::string text = test::error_text<NumericError>([&] { written(sample); });
    CHECK(test::mentions(text, "$.list[1].number"));
    Json json = written(full());
    json["real"] = "infinity";
    CHECK(test::mentions(test::error_text<CheckpointError>([&] { read<Sample>(json); }), "$.real"));
}

TEST_CASE("what is not UTF-8 is not written, and told by its path", "[C-2][E-2]") {
    const auto refusal = [](const Sample& sample) {
        return test::error_text<CheckpointError>([&] { written(sample); });
    };
    Sample sample = full();
    sample.text = "\xC3";
    CHECK(test::mentions(refusal(sample), "sample: $.text: a text that is not UTF-8"));
    sample = full();
    sample.list[1].name = "\xff";
    CHECK(test::mentions(refusal(sample), "$.list[1].name: a text that is not UTF-8"));
    sample = full();
    sample.by_name["\xff"] = 1;
    CHECK(test::mentions(refusal(sample), "a text that is not UTF-8"));
    sample = full();
    sample.any = std::string("\xff");
    CHECK(test::mentions(refusal(sample), "a text that is not UTF-8"));
}

TEST_CASE("each broken field is refused by its path, with what was expected and what is there",
          "[C-2]") {
    struct Broken {
        std::string_view pointer;
        Json value;  // discarded: the field is removed
        std::string_view path;
        std::string_view expected;
        std::string_view got;
    };
    const Json gone(Json::value_t::discarded);
    for (const Broken& broken : std::vector<Broken>{
             {"/flag", 1, "$.flag", "true or false", "1"},
             {"/flag", gone, "$", "the field flag", "none"},
             {"/whole", 1.0, "$.whole", "a whole number", "1.0"},
             {"/whole", "7", "$.whole", "a whole number", "\"7\""},
             {"/whole", 2147483648, "$.whole", "to 2147483647", "2147483648"},
             {"/whole", -2147483649, "$.whole", "from -2147483648", "-2147483649"},
             {"/large", std::uint64_t{1} << 63U, "$.large", "to 9223372036854775807",
              "9223372036854775808"},
             {"/larger", -1, "$.larger", "from 0", "-1"},
             {"/small", 256, "$.small", "to 255", "256"},
             {"/single", 0.1, "$.single", "single precision", "0.1"},
             {"/real", 1, "$.real", "a number with a point", "1"},
             {"/real", nullptr, "$.real", "a number", "null"},
             {"/open", "infinite", "$.open", "\"infinity\"", "\"infinite\""},
             {"/text", 7, "$.text", "a text", "7"},
             {"/stage", "shadowing", "$.stage", "one of unknown, dormant", "\"shadowing\""},
             {"/stage", "(retired)", "$.stage", "one of", "(retired)"},
             {"/stage", 5, "$.stage", "a text", "5"},
             {"/maybe", "none", "$.maybe", "a number", "\"none\""},
             {"/maybe", gone, "$", "the field maybe", "none"},
             {"/list", Json::object(), "$.list", "a list", "an object of 0 fields"},
             {"/list/1/number", gone, "$.list[1]", "the field number", "none"},
             {"/list/1/more", 1, "$.list[1]", "only name, number", "\"more\""},
             {"/by_name", Json::array(), "$.by_name", "an object", "a list of 0"},
             {"/by_name/one", 1.5, "$.by_name.one", "a whole number", "1.5"},
             {"/any", 2.0, "$.any", "an object", "2.0"},
             {"/any", Json{{"double", 2.0}}, "$.any", "one of flag, whole, number, text", "object"},
             {"/any", Json{{"number", 2.0}, {"text", ""}}, "$.any", "one of", "2 fields"},
             {"/any/number", "2", "$.any.number", "a number", "\"2\""},
             {"/inner", nullptr, "$.inner", "an object", "null"},
             {"/inner/extra", nullptr, "$.inner", "only name, number", "\"extra\""},
             {"/more", 1, "$", "only flag, whole", "\"more\""},
             {"/schema", gone, "$", "the field schema", "none"},
             {"/schema", 0, "$.schema", "from 1", "0"},
             {"/schema", 2, "$.schema", "schema 1 or older", "schema 2"},
             {"/schema", "1", "$.schema", "a whole number", "\"1\""},
         }) {
        CAPTURE(broken.pointer, broken.value.dump());
        Json json = written(full());
        const Json::json_pointer place{std::string(broken.pointer)};
        if (broken.value.is_discarded()) {
            json[place.parent_pointer()].erase(place.back());
        } else {
            json[place] = broken.value;
        }
        const std::string text = test::error_text<CheckpointError>([&] { read<Sample>(json); });
        INFO(text);
        CHECK(test::mentions(text, "sample: " + std::string(broken.path) + ": "));
        CHECK(test::mentions(text, std::string(broken.expected)));
        CHECK(test::mentions(text, std::string(broken.got)));
    }
}

// ---- versions ---------------------------------------------------------------------------------

struct CityBefore2 {
    std::string name{};
    using Fields = reflect::List<&CityBefore2::name>;
    static constexpr int schema = 1;
};

struct CityBefore3 {
    std::string name{};
    int people = 0;
    using Fields = reflect::List<&CityBefore3::name, &CityBefore3::people>;
    static constexpr int schema = 2;
    using Before = CityBefore2;
    static CityBefore3 migrated(CityBefore2&& before) { return {std::move(before.name), 1}; }
};

struct City {
    std::string title{};
    std::int64_t people = 0;
    using Fields = reflect::List<&City::title, &City::people>;
    static constexpr int schema = 3;
    using Before = CityBefore3;
    static City migrated(CityBefore3&& before) { return {"city of " + before.name, before.people}; }
};

TEST_CASE("an older form goes step by step through typed migrations", "[C-4]") {
    CHECK(read<City>({{"schema", 3}, {"title", "new"}, {"people", 4}}).title == "new");
    const City second = read<City>({{"schema", 2}, {"name", "old"}, {"people", 4}});
    CHECK(second.title == "city of old");
    CHECK(second.people == 4);
    const City first = read<City>({{"schema", 1}, {"name", "oldest"}});
    CHECK(first.title == "city of oldest");
    CHECK(first.people == 1);
}

TEST_CASE("an older form is read as strictly as a new one", "[C-4][C-2]") {
    const std::string text = test::error_text<CheckpointError>([] {
        read<City>({{"schema", 1}, {"name", "oldest"}, {"people", 3}});
    });
    CHECK(test::mentions(text, "only name"));
}

TEST_CASE("a newer form is refused with both numbers", "[C-4]") {
    const std::string text = test::error_text<CheckpointError>([] {
        read<City>({{"schema", 4}, {"mayor", "somebody"}});
    });
    CHECK(test::mentions(text, "schema 3 or older"));
    CHECK(test::mentions(text, "got schema 4"));
}

}  // namespace
}  // namespace kasmina::record_test
