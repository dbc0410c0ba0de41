// Shape: extents, counts, and what it refuses.
#include <array>

#include <kasmina/tensor/shape.hpp>

#include "support/catch.hpp"

namespace kasmina::shape_test {
namespace {

static_assert(Shape{2, 3, 4}.elements() == 24);
static_assert(Shape{}.elements() == 1);
static_assert(Shape{2, 0, 4}.elements() == 0);
static_assert(Shape{2, 3} != Shape{3, 2});
static_assert(Shape{2, 3} != Shape{2, 3, 1});

TEST_CASE("a shape knows its extents, innermost last", "[E-2]") {
    const Shape shape{2, 5, 4, 13};
    CHECK(shape.rank() == 4);
    CHECK(shape[0] == 2);
    CHECK(shape.back() == 13);
    CHECK(shape.with_last(7) == Shape{2, 5, 4, 7});
    CHECK(to_string(shape) == "(2, 5, 4, 13)");
    CHECK(Shape{}.back() == 1);
    CHECK(Shape{}.with_last(3) == Shape{3});
    CHECK(to_string(Shape{}) == "()");
}

TEST_CASE("a shape can be made of extents known at run time", "[E-2]") {
    const std::array<Index, 3> extents{3, 1, 2};
    CHECK(Shape(extents) == Shape{3, 1, 2});
}

TEST_CASE("a shape refuses negative extents and a seventh dimension", "[E-2]") {
    CHECK_NOTHROW(Shape{1, 1, 1, 1, 1, 1});
    CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1, 1, 1}), ShapeError);
    CHECK_THROWS_WITH((Shape{2, -3}), Catch::Contains("-3"));
}

}  // namespace
}  // namespace kasmina::shape_test
