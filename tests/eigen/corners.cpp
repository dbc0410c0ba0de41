// What the CPU kernels do at the corners of their contracts.
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <kasmina/backends/eigen.hpp>

#include "support/catch.hpp"

namespace kasmina::corners_test {
namespace {

using B = backends::Eigen<float>;

struct Curve {
    template <class V>
    V operator()(const V& x, const V& y) const {
        return math::tanh(x * y) / (1 + math::exp(y)) + math::sigmoid(x) * 0.7;
    }
};

TEST_CASE("an element's value does not depend on where it is", "[eigen][E-1]") {
    B::Context context;
    constexpr std::size_t size = 37;  // several registers and a rest
    const std::vector<float> x(size, 0.37F);
    const std::vector<float> y(size, -1.21F);
    std::vector<float> out(size);
    const std::array<Operand<float>, 2> operands{{{x.data()}, {y.data()}}};
    const MapGeometry geometry{1, 1, static_cast<Index>(size)};
    B::map(context, Curve{},
           Map<float, 2>{.geometry = geometry, .operands = operands, .out = out.data()});
    for (const float value : out) CHECK(value == out[0]);

    std::vector<float> grad_x(size);
    const std::vector<float> upstream(size, 1.7F);
    B::map_pullback(context, Curve{},
                    MapPullback<float, 2>{.geometry = geometry,
                                          .operands = operands,
                                          .upstream = upstream.data(),
                                          .targets = {{{grad_x.data(), false}, {}}}});
    for (const float value : grad_x) CHECK(value == grad_x[0]);
}

TEST_CASE("a map may write over the operand it reads", "[eigen]") {
    B::Context context;
    std::vector<float> x(1000, 0.5F);
    const std::vector<float> y(1000, 2.0F);
    std::vector<float> apart(1000);
    const std::array<Operand<float>, 2> operands{{{x.data()}, {y.data()}}};
    Map<float, 2> call{.geometry = {10, 10, 10}, .operands = operands, .out = apart.data()};
    B::map(context, Curve{}, call);
    call.out = x.data();
    B::map(context, Curve{}, call);
    CHECK(x == apart);
}

TEST_CASE("a max-pool keeps a NaN and sends the gradient to the first of equals", "[eigen]") {
    B::Context context;
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> x{1, 1, 2, nan,  //
                               1, 0, 5, 3};
    std::vector<float> y(2);
    B::max_pool(context, {.shape = halving({1, 2, 4, 1}), .x = x.data(), .y = y.data()});
    CHECK(y[0] == 1.0F);
    CHECK(std::isnan(y[1]));
    const std::vector<float> upstream{10, 20};
    std::vector<float> gradient(8, -1.0F);
    B::max_pool_pullback(context, {.shape = halving({1, 2, 4, 1}),
                                   .x = x.data(),
                                   .grad_y = upstream.data(),
                                   .grad_x = {gradient.data(), false}});
    CHECK(gradient == std::vector<float>{10, 0, 0, 20, 0, 0, 0, 0});
}

TEST_CASE("a loss without a single target is 0 and moves nothing", "[eigen][H-7]") {
    B::Context context;
    const std::vector<float> logits{1, 2, 3, 4, 5, 6};
    const std::vector<std::int32_t> targets{-100, -100};
    std::vector<float> probabilities(6);
    float loss = -1.0F;
    B::cross_entropy(context, {.rows = 2,
                               .classes = 3,
                               .counted = 0,
                               .logits = logits.data(),
                               .targets = targets.data(),
                               .probabilities = probabilities.data(),
                               .loss = &loss});
    CHECK(loss == 0.0F);
    const float one = 1.0F;
    std::vector<float> gradient(6, -1.0F);
    B::cross_entropy_pullback(context, {.rows = 2,
                                        .classes = 3,
                                        .counted = 0,
                                        .probabilities = probabilities.data(),
                                        .targets = targets.data(),
                                        .grad_loss = &one,
                                        .grad_logits = {gradient.data(), false}});
    CHECK(gradient == std::vector<float>(6, 0.0F));
}

TEST_CASE("logits of any size give a finite loss", "[eigen][H-7]") {
    B::Context context;
    const std::vector<float> logits{1e30F, -1e30F, 0.0F, 800.0F, 900.0F, 1000.0F};
    const std::vector<std::int32_t> targets{0, 1};
    std::vector<float> probabilities(6);
    float loss = -1.0F;
    B::cross_entropy(context, {.rows = 2,
                               .classes = 3,
                               .counted = 2,
                               .logits = logits.data(),
                               .targets = targets.data(),
                               .probabilities = probabilities.data(),
                               .loss = &loss});
    CHECK(loss == Approx(50.0F));
}

TEST_CASE("of equal logits the first is the prediction, and a NaN is none", "[eigen]") {
    B::Context context;
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> logits{1,   1, 0,  //
                                    1,   1, 0,  //
                                    nan, 1, 0,  //
                                    0,   1, 0};
    const std::vector<std::int32_t> targets{0, 1, 1, -100};
    std::int32_t hits = -1;
    B::count_correct(context, {.rows = 4,
                               .classes = 3,
                               .logits = logits.data(),
                               .targets = targets.data(),
                               .hits = &hits});
    CHECK(hits == 1);
}

TEST_CASE("statistics survive a mean far from 0", "[eigen]") {
    B::Context context;
    const MapShape shape{4, 32, 32, 3};
    std::vector<float> x(4 * 32 * 32 * 3);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = 1000.0F + static_cast<float>(i / 3 % 2);
    std::array<float, 3> mean{};
    std::array<float, 3> inverse{};
    std::array<float, 3> running_mean{};
    std::array<float, 3> running_variance{};
    B::batch_norm_statistics(context, {.shape = shape,
                                       .epsilon = 0.0,
                                       .momentum = 1.0,
                                       .x = x.data(),
                                       .mean = mean.data(),
                                       .inverse_deviation = inverse.data(),
                                       .running_mean = running_mean.data(),
                                       .running_variance = running_variance.data()});
    for (std::size_t c = 0; c < 3; ++c) {
        CHECK(mean[c] == Approx(1000.5));
        CHECK(inverse[c] == Approx(2.0).epsilon(1e-5));
        CHECK(running_mean[c] == mean[c]);
        CHECK(running_variance[c] == Approx(0.25 * 4096 / 4095).epsilon(1e-5));
    }
}

TEST_CASE("no work is no work", "[eigen]") {
    B::Context context;
    float out = 7.0F;
    const std::array<Operand<float>, 2> operands{{{&out}, {&out, Broadcast::channel}}};
    B::map(context, Curve{},
           Map<float, 2>{.geometry = {0, 4, 3}, .operands = operands, .out = &out});
    const float* nothing = nullptr;
    B::copy(context, nothing, &out, 0);
    B::fill(context, &out, 0, 2.0F);
    B::gemm(context, {.m = 0, .n = 3, .k = 2, .bias = &out});
    B::dropout(context, {.rate = 0.5, .x = &out, .y = &out});
    B::embedding(context, {.rows = 1, .width = 1, .table = &out, .y = &out});
    B::sgd_step(context, {});
    CHECK(out == 7.0F);
}

}  // namespace
}  // namespace kasmina::corners_test
