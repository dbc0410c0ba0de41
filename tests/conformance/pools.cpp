// Conformance of pools of any window, stride and padding.
#include "conformance/support.hpp"

namespace kasmina::conformance::pools_test {
namespace {

std::string describe(const PoolShape& s) {
    std::ostringstream text;
    text << conformance::describe(s.map) << " to " << s.out_height << "x" << s.out_width
         << ", window " << s.kernel_height << "x" << s.kernel_width << ", stride "
         << s.stride_height << "x" << s.stride_width << ", padding " << s.pad_top << "x"
         << s.pad_left;
    return text.str();
}

constexpr PoolShape pool(const MapShape& map, std::array<Index, 2> kernel,
                         std::array<Index, 2> stride, std::array<Index, 2> padding = {0, 0}) {
    return {.map = map,
            .kernel_height = kernel[0],
            .kernel_width = kernel[1],
            .stride_height = stride[0],
            .stride_width = stride[1],
            .pad_top = padding[0],
            .pad_left = padding[1],
            .out_height = (map.height + 2 * padding[0] - kernel[0]) / stride[0] + 1,
            .out_width = (map.width + 2 * padding[1] - kernel[1]) / stride[1] + 1};
}

constexpr std::array<PoolShape, 12> pools{{
    // Overlapping windows, with and without padding; gaps between windows.
    pool({2, 8, 7, 13}, {3, 3}, {2, 2}, {1, 1}),
    pool({1, 6, 6, 48}, {3, 3}, {1, 1}, {1, 1}),
    pool({3, 7, 5, 3}, {2, 3}, {1, 2}),
    pool({2, 9, 8, 1}, {2, 2}, {3, 4}),
    pool({1, 5, 4, 70}, {4, 2}, {2, 1}, {2, 1}),
    // One window for all, windows of single places, one axis alone.
    pool({3, 5, 4, 13}, {5, 4}, {1, 1}),
    pool({3, 20, 1, 6}, {20, 1}, {20, 1}),
    pool({2, 4, 3, 5}, {1, 1}, {2, 2}),
    pool({2, 1, 9, 4}, {1, 3}, {1, 2}, {0, 1}),
    // 2x2 windows that are not those of stride 2.
    pool({2, 5, 4, 7}, {2, 2}, {1, 1}),
    pool({2, 5, 4, 7}, {2, 2}, {2, 2}, {1, 1}),
    pool({0, 4, 4, 3}, {3, 3}, {1, 1}),
}};

}  // namespace

TEST_CASE("max-pools of any window agree with the oracle", "[B-7][N-1][E-1]") {
    for (const PoolShape& shape : pools) {
        INFO(describe(shape));
        const Values x = normal(size_of(shape.map), 1);
        const Values grad_y = normal(shape.out_elements(), 2);
        check_against_oracle([&]<class B>(Run<B>& run) {
            B::max_pool(run.context,
                        {.shape = shape, .x = run.in(x), .y = run.out(shape.out_elements())});
            for (const bool accumulate : {false, true}) {
                B::max_pool_pullback(run.context,
                                     {.shape = shape,
                                      .x = run.in(x),
                                      .grad_y = run.in(grad_y),
                                      .grad_x = run.target(size_of(shape.map), accumulate)});
            }
            B::max_pool_pullback(run.context, {.shape = shape,
                                               .x = run.in(x),
                                               .grad_y = run.in(grad_y),
                                               .grad_x = run.unwanted()});
        });
    }
}

TEST_CASE("average-pools agree with the oracle", "[B-7][N-1][E-1]") {
    for (const PoolShape& shape : pools) {
        for (const bool count_padding : {false, true}) {
            INFO(describe(shape) << (count_padding ? ", padding counts" : ""));
            const Values x = normal(size_of(shape.map), 1);
            const Values grad_y = normal(shape.out_elements(), 2);
            check_against_oracle([&]<class B>(Run<B>& run) {
                B::average_pool(run.context, {.shape = shape,
                                              .count_padding = count_padding,
                                              .x = run.in(x),
                                              .y = run.out(shape.out_elements())});
                for (const bool accumulate : {false, true}) {
                    B::average_pool_pullback(
                        run.context, {.shape = shape,
                                      .count_padding = count_padding,
                                      .grad_y = run.in(grad_y),
                                      .grad_x = run.target(size_of(shape.map), accumulate)});
                }
                B::average_pool_pullback(run.context, {.shape = shape,
                                                       .count_padding = count_padding,
                                                       .grad_y = run.in(grad_y),
                                                       .grad_x = run.unwanted()});
            });
        }
    }
}

TEST_CASE("of equal values in any window the first gets the gradient, of NaNs the last",
          "[B-7][N-1]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double low = -std::numeric_limits<double>::infinity();
    // The windows begin at columns -1, 1, 3 and 5.
    const PoolShape shape = pool({1, 2, 7, 1}, {2, 3}, {1, 2}, {0, 1});
    check_against_oracle([&]<class B>(Run<B>& run) {
        const auto* x = run.in({low, low, 2, 2, 1, nan, 4,  //
                                low, low, 2, 2, nan, 5, 9});
        B::max_pool(run.context, {.shape = shape, .x = x, .y = run.out(4)});
        B::max_pool_pullback(run.context, {.shape = shape,
                                           .x = x,
                                           .grad_y = run.in({1, 2, 3, 4}),
                                           .grad_x = run.target(14, false)});
    });
}

TEST_CASE("the oracle's pools of any window by hand", "[B-7][N-1]") {
    Oracle::Context context;
    const PoolShape shape = pool({1, 3, 3, 1}, {2, 2}, {1, 2}, {1, 0});
    const auto results = results_of<Oracle>(context, [&](Run<Oracle>& run) {
        const auto* x = run.in({-1, -5, 100,  //
                                -3, -2, 100,  //
                                -8, -4, 100});
        const auto* grad_y = run.in({1, 2, 3, 4});
        Oracle::max_pool(run.context, {.shape = shape, .x = x, .y = run.out(4)});
        Oracle::max_pool_pullback(
            run.context,
            {.shape = shape, .x = x, .grad_y = grad_y, .grad_x = run.target(9, false)});
        for (const bool count_padding : {true, false}) {
            Oracle::average_pool(
                run.context,
                {.shape = shape, .count_padding = count_padding, .x = x, .y = run.out(4)});
            Oracle::average_pool_pullback(run.context, {.shape = shape,
                                                        .count_padding = count_padding,
                                                        .grad_y = grad_y,
                                                        .grad_x = run.target(9, false)});
        }
    });
    // Padding never wins, though all values are below zero.
    CHECK(results[0] == Values{-1, -1, -2, -4});
    CHECK(results[1] == Values{3, 0, 0, 0, 3, 0, 0, 4, 0});
    CHECK(results[2] == Values{-1.5, -2.75, -4.25, -3});
    CHECK(results[3] == Values{0.75, 0.75, 0, 1.25, 1.25, 0, 1.75, 1.75, 0});
    CHECK(results[4] == Values{-3, -2.75, -4.25, -6});
    CHECK(results[5] == Values{1, 1, 0, 1.25, 1.25, 0, 2.75, 2.75, 0});
}

TEST_CASE("the oracle's gradients of pools of any window are slopes", "[B-7][N-1]") {
    for (const std::size_t i : {0U, 4U}) {
        const PoolShape& shape = pools[i];
        INFO(describe(shape));
        CHECK(slope_error(
                  {normal(size_of(shape.map), 1)},
                  [&](auto& run, const auto& in) {
                      Oracle::max_pool(
                          run.context,
                          {.shape = shape, .x = run.in(in[0]), .y = run.out(shape.out_elements())});
                  },
                  [&](auto& run, const auto& in, const double* grad_y) {
                      Oracle::max_pool_pullback(run.context,
                                                {.shape = shape,
                                                 .x = run.in(in[0]),
                                                 .grad_y = grad_y,
                                                 .grad_x = run.target(size_of(shape.map), false)});
                  }) < slope_tolerance);
        CHECK(slope_error(
                  {normal(size_of(shape.map), 1)},
                  [&](auto& run, const auto& in) {
                      Oracle::average_pool(run.context, {.shape = shape,
                                                         .count_padding = false,
                                                         .x = run.in(in[0]),
                                                         .y = run.out(shape.out_elements())});
                  },
                  [&](auto& run, const auto&, const double* grad_y) {
                      Oracle::average_pool_pullback(
                          run.context, {.shape = shape,
                                        .count_padding = false,
                                        .grad_y = grad_y,
                                        .grad_x = run.target(size_of(shape.map), false)});
                  }) < slope_tolerance);
    }
}

}  // namespace kasmina::conformance::pools_test
