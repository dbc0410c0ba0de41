// Values of plain structs: the way there and back, and what does not fit.
#include <kasmina/reflect/values.hpp>

#include <array>
#include <cstdint>
#include <string>

#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace {

using namespace kasmina;
using reflect::NamedValue;
using reflect::Values;

enum class Colour : std::uint8_t { red = 1, green = 2 };

constexpr std::string_view name_of(Colour colour) noexcept {
    return colour == Colour::red ? "red" : "green";
}

}  // namespace

template <>
struct kasmina::reflect::Enumerators<Colour> {
    static constexpr std::array all{Colour::red, Colour::green};
};

namespace {

struct Options {
    bool bias = true;
    std::int8_t groups = 4;
    double rate = 0.1;
    std::string label{"a"};
    Colour colour = Colour::green;
    using Fields = reflect::List<&Options::bias, &Options::groups, &Options::rate, &Options::label,
                                 &Options::colour>;

    friend bool operator==(const Options&, const Options&) = default;
};

struct Nothing {};

struct WithAPointer {
    int* pointer = nullptr;
    using Fields = reflect::List<&WithAPointer::pointer>;
};

struct WithoutAList {
    int hidden = 1;
};

Values with(std::string name, reflect::Value value) {
    Values values = reflect::values_of(Options{});
    for (NamedValue& named : values) {
        if (named.name == name) named.value = std::move(value);
    }
    return values;
}

Options read(const Values& values) {
    return reflect::from_values<Options>(values, "here");
}

}  // namespace

TEST_CASE("options become values and back", "[E-2]") {
    const Options options{
        .bias = false, .groups = -3, .rate = 0.25, .label = "b", .colour = Colour::red};
    const Values values = reflect::values_of(options);
    CHECK(values == Values{{"bias", false},
                           {"groups", std::int64_t{-3}},
                           {"rate", 0.25},
                           {"label", std::string("b")},
                           {"colour", std::string("red")}});
    CHECK(read(values) == options);
    CHECK(read(with("rate", std::int64_t{2})).rate == 2.0);
    CHECK(reflect::values_of(Nothing{}).empty());
    CHECK_NOTHROW(reflect::from_values<Nothing>({}, "here"));
}

TEST_CASE("what does not fit is an error that names the option", "[E-2]") {
    using test::error_text;
    const auto text = [](const Values& values) {
        return error_text<OptionError>([&] { read(values); });
    };
    CHECK(text(with("groups", std::int64_t{128})) ==
          "here: the option groups does not fit; expected a whole number that fits; got 128; "
          "to mend: give it a value of its kind");
    CHECK(text(with("groups", 1.0)).find("groups") != std::string::npos);
    CHECK(text(with("bias", std::int64_t{1})).find("true or false; got 1") != std::string::npos);
    CHECK(text(with("label", true)).find("a text; got true") != std::string::npos);
    CHECK(text(with("rate", std::string("x"))).find("a number; got \"x\"") != std::string::npos);
    CHECK(text(with("colour", std::string("blue"))).find("one of red, green; got \"blue\"") !=
          std::string::npos);

    Values missing = reflect::values_of(Options{});
    missing.erase(missing.begin() + 2);
    CHECK(text(missing).find("the option rate is missing") != std::string::npos);
    Values unknown = reflect::values_of(Options{});
    unknown.push_back({"width", std::int64_t{1}});
    CHECK(text(unknown).find("an option of no use; expected each once of bias, groups, rate, "
                             "label, colour; got width") != std::string::npos);
    Values twice = reflect::values_of(Options{});
    twice.push_back({"bias", true});
    CHECK(text(twice).find("got bias") != std::string::npos);
}

TEST_CASE("options are of plain values alone", "[E-2]") {
    STATIC_REQUIRE(reflect::PlainStruct<Options>);
    STATIC_REQUIRE(reflect::PlainStruct<Nothing>);
    STATIC_REQUIRE_FALSE(reflect::PlainStruct<WithAPointer>);
    STATIC_REQUIRE_FALSE(reflect::PlainStruct<WithoutAList>);
    STATIC_REQUIRE_FALSE(reflect::PlainValue<std::uint64_t>);
}
