// After its first step, training with strided convolutions and pools of any window allocates
// nothing.
#include <cstddef>
#include <vector>

#include <kasmina/autodiff/ops/average_pool.hpp>
#include <kasmina/autodiff/ops/conv_transpose2d.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/autodiff/ops/reduce.hpp>
#include <kasmina/autodiff/ops/upsample_nearest.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/nn/conv1d.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/catch.hpp"
#include "support/counting_allocator.hpp"

namespace kasmina::convolution_allocation_test {
namespace {

using B = backends::Eigen<float>;

std::size_t allocations_of_a_later_step(int threads) {
    Generator generator(1);
    B::Context context(threads);
    const nn::Conv2d<B> strided(context, 3, 8, 3, generator, {.stride = 2, .padding = 1},
                                nn::Bias::present);
    const nn::Conv2d<B> grouped(context, 8, 8, 3, generator, {.dilation = 2, .groups = 2});
    const nn::Conv2d<B> each(context, 8, 8, 3, generator, {.stride = 2, .padding = 1, .groups = 8});
    const nn::Conv1d<B> over_rows(context, 8, 4, 3, generator, {}, nn::Bias::present);
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training, generator);
    const auto images = testing::normal_values<float>(4 * 16 * 16 * 3, 2);
    const auto transposed = testing::normal_values<float>(8 * 8 * 2 * 2, 3);
    float last = 0.0F;
    const auto step = [&] {
        tape.clear();
        auto x = strided.forward(pass, tape.leaf({4, 16, 16, 3}, images));
        x = each.forward(pass, grouped.forward(pass, x));
        x = ops::conv_transpose2d(x, tape.leaf({8, 8, 2, 2}, transposed), {.stride = 2});
        x = ops::max_pool(x, {.window = 3, .stride = 2, .padding = 1});
        x = ops::upsample_nearest(x, 2);
        x = ops::average_pool(x, {.window = 3, .stride = 1, .padding = 1});
        x = over_rows.forward(pass, ops::reshape(x, {4, 64, 8}));
        const auto loss = ops::mean(ops::max_positions(x));
        auto pending = loss.read();
        tape.backward(loss);
        last = pending.get();
    };
    step();
    step();
    const std::size_t before = test::allocations();
    for (int i = 0; i < 3; ++i) step();
    const std::size_t allocated = test::allocations() - before;
    REQUIRE(last != 0.0F);
    return allocated;
}

}  // namespace

TEST_CASE("after the first step, convolutions and pools with options allocate nothing",
          "[allocation][N-1]") {
    for (const int threads : {1, 2}) {
        CAPTURE(threads);
        CHECK(allocations_of_a_later_step(threads) == 0);
    }
}

}  // namespace kasmina::convolution_allocation_test
