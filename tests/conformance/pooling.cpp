// Conformance of max-pool and of the mean over positions.
#include "conformance/support.hpp"

namespace kasmina::conformance::pooling_test {
namespace {

MapGeometry geometry_of(const MapShape& shape) {
    return {shape.batch, shape.height * shape.width, shape.channels};
}

}  // namespace

TEST_CASE("max-pool agrees with the oracle", "[B-7][E-1]") {
    for (const MapShape& shape : map_shapes) {
        INFO(describe(shape));
        const Values x = normal(size_of(shape), 1);
        const Values grad_y = normal(halving(shape).out_elements(), 2);
        check_against_oracle([&]<class B>(Run<B>& run) {
            B::max_pool(run.context, {.shape = halving(shape),
                                      .x = run.in(x),
                                      .y = run.out(halving(shape).out_elements())});
            for (const bool accumulate : {false, true}) {
                B::max_pool_pullback(run.context,
                                     {.shape = halving(shape),
                                      .x = run.in(x),
                                      .grad_y = run.in(grad_y),
                                      .grad_x = run.target(size_of(shape), accumulate)});
            }
            B::max_pool_pullback(run.context, {.shape = halving(shape),
                                               .x = run.in(x),
                                               .grad_y = run.in(grad_y),
                                               .grad_x = run.unwanted()});
        });
    }
}

TEST_CASE("of equal values in a window the first gets the gradient", "[B-7]") {
    const MapShape shape{1, 2, 6, 1};
    const double nan = std::numeric_limits<double>::quiet_NaN();
    check_against_oracle([&]<class B>(Run<B>& run) {
        const auto* x = run.in({0, 1, 2, 2, 5, nan,  //
                                1, 1, 2, 2, 6, 7});
        B::max_pool(run.context, {.shape = halving(shape), .x = x, .y = run.out(3)});
        B::max_pool_pullback(run.context, {.shape = halving(shape),
                                           .x = x,
                                           .grad_y = run.in({1, 2, 3}),
                                           .grad_x = run.target(12, false)});
    });
}

TEST_CASE("means over positions agree with the oracle", "[B-7][E-1]") {
    for (const MapShape& shape : map_shapes) {
        INFO(describe(shape));
        const Index pooled = shape.batch * shape.channels;
        const Values x = normal(size_of(shape), 1);
        const Values grad_y = normal(pooled, 2);
        check_against_oracle([&]<class B>(Run<B>& run) {
            const MapGeometry geometry = geometry_of(shape);
            B::mean_positions(run.context,
                              {.geometry = geometry, .x = run.in(x), .y = run.out(pooled)});
            for (const bool accumulate : {false, true}) {
                B::mean_positions_pullback(run.context,
                                           {.geometry = geometry,
                                            .grad_y = run.in(grad_y),
                                            .grad_x = run.target(size_of(shape), accumulate)});
            }
            B::mean_positions_pullback(
                run.context,
                {.geometry = geometry, .grad_y = run.in(grad_y), .grad_x = run.unwanted()});
        });
    }
}

TEST_CASE("the oracle's pools by hand", "[B-7]") {
    Oracle::Context context;
    const auto results = results_of<Oracle>(context, [&](Run<Oracle>& run) {
        // Odd ends are dropped.
        const auto* x = run.in({1, 5, 100,  //
                                5, 2, 100,  //
                                100, 100, 100});
        Oracle::max_pool(run.context, {.shape = halving({1, 3, 3, 1}), .x = x, .y = run.out(1)});
        Oracle::max_pool_pullback(run.context, {.shape = halving({1, 3, 3, 1}),
                                                .x = x,
                                                .grad_y = run.in({4}),
                                                .grad_x = run.target(9, false)});
        Oracle::mean_positions(
            run.context,
            {.geometry = {2, 2, 2}, .x = run.in({1, 2, 3, 4, 5, 6, 7, 8}), .y = run.out(4)});
    });
    CHECK(results[0] == Values{5});
    CHECK(results[1] == Values{0, 4, 0, 0, 0, 0, 0, 0, 0});
    CHECK(results[2] == Values{2, 3, 6, 7});
}

TEST_CASE("the oracle's pooling gradients are slopes", "[B-7]") {
    const MapShape shape{3, 5, 4, 7};
    CHECK(slope_error(
              {normal(size_of(shape), 1)},
              [&](auto& run, const auto& in) {
                  Oracle::max_pool(run.context, {.shape = halving(shape),
                                                 .x = run.in(in[0]),
                                                 .y = run.out(halving(shape).out_elements())});
              },
              [&](auto& run, const auto& in, const double* grad_y) {
                  Oracle::max_pool_pullback(run.context,
                                            {.shape = halving(shape),
                                             .x = run.in(in[0]),
                                             .grad_y = grad_y,
                                             .grad_x = run.target(size_of(shape), false)});
              }) < slope_tolerance);
    CHECK(slope_error(
              {normal(size_of(shape), 1)},
              [&](auto& run, const auto& in) {
                  Oracle::mean_positions(
                      run.context,
                      {.geometry = geometry_of(shape), .x = run.in(in[0]), .y = run.out(21)});
              },
              [&](auto& run, const auto&, const double* grad_y) {
                  Oracle::mean_positions_pullback(run.context,
                                                  {.geometry = geometry_of(shape),
                                                   .grad_y = grad_y,
                                                   .grad_x = run.target(size_of(shape), false)});
              }) < slope_tolerance);
}

}  // namespace kasmina::conformance::pooling_test
