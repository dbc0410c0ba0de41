// Fields of plain structs: names that come from the pointers, and lists that must be whole.
#include <kasmina/reflect/fields.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <boost/pfr/core.hpp>

#include "support/catch.hpp"

namespace kasmina::fields_test {
namespace {

struct Inner {
    std::optional<double> point{};
    bool flag_2 = false;
    using Fields = reflect::List<&Inner::point, &Inner::flag_2>;
};

struct Outer {
    std::string title{"title"};
    Inner inner{};
    std::vector<int> Numbers{1, 2};
    double last = 0.5;
    using Fields = reflect::List<&Outer::title, &Outer::inner, &Outer::Numbers, &Outer::last>;
};

template <class>
struct Templated {
    struct Options {
        long hidden = 3;
        using Fields = reflect::List<&Options::hidden>;
    };
};

struct Nothing {};

template <class Struct, class List>
constexpr bool covered = List::template covers<Struct> && List::has_each_once();

/// Boost.PFR counts and finds the fields by other means: the oracle for lists.
template <class Struct>
void check_against_pfr(Struct object) {
    STATIC_REQUIRE(boost::pfr::tuple_size_v<Struct> == reflect::field_names<Struct>.size());
    std::vector<const void*> listed;
    reflect::for_each_field(object,
                            [&](std::string_view, const auto& field) { listed.push_back(&field); });
    boost::pfr::for_each_field(object, [&](const auto& field, std::size_t index) {
        REQUIRE(listed.at(index) == static_cast<const void*>(&field));
    });
}

}  // namespace

TEST_CASE("a field's name is its member's", "[T-1]") {
    STATIC_REQUIRE(reflect::name_of_field<&Inner::point> == "point");
    STATIC_REQUIRE(reflect::name_of_field<&Inner::flag_2> == "flag_2");
    STATIC_REQUIRE(reflect::name_of_field<&Outer::Numbers> == "Numbers");
    STATIC_REQUIRE(reflect::name_of_field<&Templated<std::vector<int>>::Options::hidden> ==
                   "hidden");
    STATIC_REQUIRE(
        std::ranges::equal(reflect::field_names<Outer>,
                           std::array<std::string_view, 4>{"title", "inner", "Numbers", "last"}));
}

TEST_CASE("fields are walked with their names, in the struct's order, and can be changed",
          "[T-1]") {
    Outer object;
    std::string walked;
    reflect::for_each_field(object, [&]<class Field>(std::string_view name, Field& field) {
        walked += std::string(name) + " ";
        if constexpr (std::same_as<Field, double>) field = 7.0;
    });
    CHECK(walked == "title inner Numbers last ");
    CHECK(object.last == 7.0);

    int calls = 0;
    const Nothing nothing;
    reflect::for_each_field(nothing, [&](std::string_view, const auto&) { ++calls; });
    CHECK(calls == 0);
}

TEST_CASE("two structs are walked side by side", "[T-1]") {
    const Outer left;
    Outer right;
    right.Numbers.push_back(3);
    std::string different;
    reflect::for_each_field(
        left, right, [&]<class Field>(std::string_view name, const Field& a, const Field& b) {
            if constexpr (std::equality_comparable<Field>) {
                if (!(a == b)) different += name;
            }
        });
    CHECK(different == "Numbers");
}

TEST_CASE("a list that leaves a field out, or names one twice, is not whole", "[T-1]") {
    STATIC_REQUIRE(covered<Outer, Outer::Fields>);
    STATIC_REQUIRE(covered<Inner, Inner::Fields>);
    STATIC_REQUIRE(covered<Nothing, reflect::List<>>);
    // The first, one in the middle, the last, all.
    STATIC_REQUIRE_FALSE(
        covered<Outer, reflect::List<&Outer::inner, &Outer::Numbers, &Outer::last>>);
    STATIC_REQUIRE_FALSE(covered<Outer, reflect::List<&Outer::title, &Outer::inner, &Outer::last>>);
    STATIC_REQUIRE_FALSE(
        covered<Outer, reflect::List<&Outer::title, &Outer::inner, &Outer::Numbers>>);
    STATIC_REQUIRE_FALSE(covered<Inner, reflect::List<&Inner::point>>);
    STATIC_REQUIRE_FALSE(covered<Inner, reflect::List<&Inner::flag_2>>);
    STATIC_REQUIRE_FALSE(covered<Inner, reflect::List<>>);
    STATIC_REQUIRE_FALSE(covered<Inner, reflect::List<&Inner::point, &Inner::point>>);
    STATIC_REQUIRE_FALSE(
        covered<Inner, reflect::List<&Inner::point, &Inner::flag_2, &Inner::flag_2>>);
}

TEST_CASE("lists agree with Boost.PFR about the number of fields and their places", "[T-1]") {
    check_against_pfr(Outer{});
    check_against_pfr(Inner{});
    check_against_pfr(Templated<int>::Options{});
}

}  // namespace kasmina::fields_test
