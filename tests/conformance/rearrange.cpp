// Conformance of copies between strided places, and of sums over axes.
#include <initializer_list>
#include <limits>
#include <vector>

#include <kasmina/backend/rearrange.hpp>

#include "conformance/support.hpp"

namespace kasmina::conformance::rearrange_test {
namespace {

/// An axis as (extent, from stride, to stride).
struct Axis {
    Index extent;
    Index from;
    Index to;
};

struct Places {
    const char* name;
    std::vector<Axis> axes;

    [[nodiscard]] StridedAxes strided() const {
        StridedAxes all;
        for (const Axis& axis : axes) all.append(axis.extent, axis.from, axis.to);
        return all;
    }
    /// Numbers that the outermost places need.
    [[nodiscard]] Index from_size() const { return size_by(&Axis::from); }
    [[nodiscard]] Index to_size() const { return size_by(&Axis::to); }

private:
    [[nodiscard]] Index size_by(Index Axis::*stride) const {
        Index last = 0;
        for (const Axis& axis : axes) last += std::max<Index>(axis.extent - 1, 0) * axis.*stride;
        return last + 1;
    }
};

/// (a, b, c, d, e, f) -> (f, e, d, c, b, a).
const std::vector<Axis> reversed{{3, 1, 120}, {5, 3, 24}, {2, 15, 12},
                                 {2, 30, 6},  {2, 60, 3}, {3, 120, 1}};

const std::vector<Places> rearrangements{
    {"one number", {}},
    {"one axis of one", {{1, 7, 7}}},
    {"a run", {{70, 1, 1}}},
    {"a run in pieces", {{20011, 1, 1}}},
    {"rows of a wider matrix", {{5, 13, 7}, {7, 1, 1}}},
    {"into rows of a wider matrix", {{5, 7, 13}, {7, 1, 1}}},
    {"rows that are a run", {{5, 7, 7}, {7, 1, 1}}},
    {"many short rows", {{1201, 3, 5}, {3, 1, 1}}},
    {"a transpose", {{33, 1, 17}, {17, 33, 1}}},
    {"a transpose of tiles", {{70, 1, 130}, {130, 70, 1}}},
    {"a transpose of one register", {{16, 1, 16}, {16, 16, 1}}},
    {"a transpose of three columns", {{211, 3, 1}, {3, 1, 211}}},
    {"transposes of a batch", {{3, 335, 335}, {5, 1, 67}, {67, 5, 1}}},
    {"heads forward", {{2, 240, 240}, {3, 80, 16}, {5, 16, 48}, {16, 1, 1}}},
    {"six axes", reversed},
    {"one number stretched", {{70, 0, 1}}},
    {"rows stretched", {{5, 1, 7}, {7, 0, 1}}},
    {"a row stretched", {{5, 0, 7}, {7, 1, 1}}},
    {"a middle axis stretched", {{3, 5, 20}, {4, 0, 5}, {5, 1, 1}}},
    {"scattered", {{7, 1, 3}}},
    {"scattered rows", {{4, 5, 11}, {5, 1, 2}}},
    {"gathered", {{4, 1, 5}, {5, 9, 1}}},
    {"nothing", {{3, 5, 5}, {0, 1, 1}}},
};

const std::vector<Places> sums{
    {"nothing is summed", {{5, 7, 7}, {7, 1, 1}}},
    {"nothing is summed, transposed", {{5, 1, 7}, {7, 5, 1}}},
    {"one number", {}},
    {"all", {{70, 1, 0}}},
    {"all, in parts", {{70003, 1, 0}}},
    {"along rows", {{100, 33, 1}, {33, 1, 0}}},
    {"along few long rows", {{3, 20000, 1}, {20000, 1, 0}}},
    {"along many short rows", {{5000, 3, 1}, {3, 1, 0}}},
    {"down narrow columns", {{1000, 3, 0}, {3, 1, 1}}},
    {"down narrow columns, in parts", {{70000, 3, 0}, {3, 1, 1}}},
    {"down columns", {{100, 70, 0}, {70, 1, 1}}},
    {"down columns in blocks", {{300, 301, 0}, {301, 1, 1}}},
    {"down the columns of a wider matrix", {{100, 90, 0}, {7, 1, 1}}},
    {"a middle axis", {{5, 1320, 33}, {40, 33, 0}, {33, 1, 1}}},
    {"two axes of four", {{3, 385, 0}, {7, 55, 11}, {5, 11, 0}, {11, 1, 1}}},
    {"the other two", {{3, 385, 5}, {7, 55, 0}, {5, 11, 1}, {11, 1, 0}}},
    {"first and last", {{4, 30, 0}, {6, 5, 1}, {5, 1, 0}}},
    {"into another order", {{4, 30, 1}, {6, 5, 4}, {5, 1, 0}}},
    {"columns into another order", {{4, 30, 1}, {6, 5, 0}, {5, 1, 4}}},
    {"every second number", {{40, 20, 1}, {10, 2, 0}}},
    {"into every second number", {{40, 10, 2}, {10, 1, 0}}},
    {"nothing to sum", {{4, 5, 1}, {0, 1, 0}}},
    {"nothing to sum, transposed", {{4, 1, 3}, {3, 4, 1}, {0, 1, 0}}},
    {"no sums", {{0, 5, 1}, {5, 1, 0}}},
};

}  // namespace

TEST_CASE("rearranging agrees with the oracle", "[B-7][E-1][N-2]") {
    for (const Places& places : rearrangements) {
        INFO(places.name);
        const Values from = normal(places.from_size(), 1);
        check_against_oracle([&]<class B>(Run<B>& run) {
            for (const double scale : {1.0, -0.5}) {
                for (const bool accumulate : {false, true}) {
                    B::rearrange(run.context, {.axes = places.strided(),
                                               .scale = scale,
                                               .accumulate = accumulate,
                                               .from = run.in(from),
                                               .to = run.inout(normal(places.to_size(), 2))});
                }
            }
        });
    }
}

TEST_CASE("sums over axes agree with the oracle", "[B-7][E-1][N-2]") {
    for (const Places& places : sums) {
        INFO(places.name);
        const Values from = normal(places.from_size(), 1);
        check_against_oracle([&]<class B>(Run<B>& run) {
            for (const double scale : {1.0, -0.125}) {
                for (const bool accumulate : {false, true}) {
                    B::sum_axes(run.context, {.axes = places.strided(),
                                              .scale = scale,
                                              .accumulate = accumulate,
                                              .from = run.in(from),
                                              .to = run.inout(normal(places.to_size(), 2))});
                }
            }
        });
    }
}

TEST_CASE("what is rearranged keeps its bits, numbers or not", "[B-7][N-2]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double infinity = std::numeric_limits<double>::infinity();
    const Values odd{0.0, -0.0, nan, infinity, -infinity, 1.0, 2.0, 3.0};
    const Places transpose{"", {{2, 1, 4}, {4, 2, 1}}};
    check_against_oracle([&]<class B>(Run<B>& run) {
        B::rearrange(run.context,
                     {.axes = transpose.strided(), .from = run.in(odd), .to = run.out(8)});
    });
}

TEST_CASE("the oracle's rearranging by hand", "[B-7]") {
    Oracle::Context context;
    const auto results = results_of<Oracle>(context, [&](Run<Oracle>& run) {
        const auto* x = run.in({1, 2, 3, 4, 5, 6});
        Oracle::rearrange(run.context, {.axes = Places{"", {{3, 1, 2}, {2, 3, 1}}}.strided(),
                                        .scale = 10.0,
                                        .from = x,
                                        .to = run.out(6)});
        Oracle::sum_axes(run.context, {.axes = Places{"", {{2, 3, 1}, {3, 1, 0}}}.strided(),
                                       .scale = 2.0,
                                       .accumulate = true,
                                       .from = x,
                                       .to = run.inout({100, 200})});
    });
    CHECK(results[0] == Values{10, 40, 20, 50, 30, 60});
    CHECK(results[1] == Values{112, 230});
}

}  // namespace kasmina::conformance::rearrange_test
