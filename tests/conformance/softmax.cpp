// Conformance of softmax over rows, of its logarithm and of the way back.
#include <limits>

#include <kasmina/backend/softmax.hpp>

#include "conformance/support.hpp"

namespace kasmina::conformance::softmax_test {
namespace {

struct Rows {
    Index rows;
    Index columns;
};

constexpr std::array<Rows, 7> row_shapes{
    {{1, 1}, {3, 2}, {5, 13}, {70, 64}, {2, 1030}, {40, 300}, {0, 4}}};

template <class B>
void both_ways(Run<B>& run, const Rows& shape, const Values& x) {
    const Index size = shape.rows * shape.columns;
    const Values grad_y = normal(size, 2);
    for (const bool log : {false, true}) {
        auto* y = run.out(size);
        B::softmax(
            run.context,
            {.rows = shape.rows, .columns = shape.columns, .log = log, .x = run.in(x), .y = y});
        for (const bool accumulate : {false, true}) {
            B::softmax_pullback(run.context, {.rows = shape.rows,
                                              .columns = shape.columns,
                                              .log = log,
                                              .y = y,
                                              .grad_y = run.in(grad_y),
                                              .grad_x = run.target(size, accumulate)});
        }
        B::softmax_pullback(run.context, {.rows = shape.rows,
                                          .columns = shape.columns,
                                          .log = log,
                                          .y = y,
                                          .grad_y = run.in(grad_y),
                                          .grad_x = run.unwanted()});
    }
}

}  // namespace

TEST_CASE("softmax agrees with the oracle", "[B-7][E-1][N-2]") {
    for (const Rows& shape : row_shapes) {
        INFO(shape.rows << " rows of " << shape.columns);
        const Values x = normal(shape.rows * shape.columns, 1);
        check_against_oracle([&]<class B>(Run<B>& run) { both_ways(run, shape, x); });
    }
}

TEST_CASE("softmax of huge, infinite and missing numbers agrees with the oracle", "[B-7][N-2]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double infinity = std::numeric_limits<double>::infinity();
    const Values x{1000,      0,         -1000,     3e38,       //
                   -infinity, 1,         2,         -infinity,  //
                   -infinity, -infinity, -infinity, -infinity,  //
                   nan,       1,         2,         3,          //
                   1,         2,         nan,       3,          //
                   infinity,  0,         0,         0};
    check_against_oracle([&]<class B>(Run<B>& run) { both_ways(run, {6, 4}, x); });
}

TEST_CASE("softmax may be done in place", "[B-7]") {
    const Values x = normal(3 * 70, 1);
    check_against_oracle([&]<class B>(Run<B>& run) {
        for (const bool log : {false, true}) {
            auto* y = run.inout(x);
            B::softmax(run.context, {.rows = 3, .columns = 70, .log = log, .x = y, .y = y});
            auto* gradient = run.inout(normal(3 * 70, 2));
            B::softmax_pullback(run.context, {.rows = 3,
                                              .columns = 70,
                                              .log = log,
                                              .y = y,
                                              .grad_y = gradient,
                                              .grad_x = {gradient, false}});
        }
    });
}

TEST_CASE("the oracle's softmax gradients are slopes", "[B-7]") {
    for (const bool log : {false, true}) {
        CHECK(slope_error(
                  {normal(5 * 7, 1)},
                  [&](auto& run, const auto& in) {
                      Oracle::softmax(run.context, {.rows = 5,
                                                    .columns = 7,
                                                    .log = log,
                                                    .x = run.in(in[0]),
                                                    .y = run.out(35)});
                  },
                  [&](auto& run, const auto& in, const double* grad_y) {
                      typename Oracle::Context context{};
                      const auto y = results_of<Oracle>(context, [&](auto& inner) {
                          Oracle::softmax(inner.context, {.rows = 5,
                                                          .columns = 7,
                                                          .log = log,
                                                          .x = inner.in(in[0]),
                                                          .y = inner.out(35)});
                      });
                      Oracle::softmax_pullback(run.context, {.rows = 5,
                                                             .columns = 7,
                                                             .log = log,
                                                             .y = run.in(y[0]),
                                                             .grad_y = grad_y,
                                                             .grad_x = run.target(35, false)});
                  }) < slope_tolerance);
    }
}

}  // namespace kasmina::conformance::softmax_test
