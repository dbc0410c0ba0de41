// Wide layers: convolutions in groups of outputs, whose scratch has a limit.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <kasmina/backends/eigen/conv.hpp>
#include <kasmina/random/generator.hpp>

#include "support/catch.hpp"

namespace kasmina::wide_test {
namespace {

namespace kernels = backends::eigen_detail;

[[nodiscard]] std::vector<float> numbers(Index count, Generator& generator) {
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = static_cast<float>(generator.uniform(-1.0, 1.0));
    return values;
}

/// The largest difference, relative to the largest value.
[[nodiscard]] double difference(const std::vector<float>& a, const std::vector<float>& b) {
    double worst = 0.0;
    double largest = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        worst = std::max(worst, std::abs(double{a[i]} - double{b[i]}));
        largest = std::max(largest, std::abs(double{b[i]}));
    }
    return worst / largest;
}

TEST_CASE("a wide convolution in groups agrees with the direct one, in bounded scratch",
          "[E-1][kernels]") {
    const ConvShape shape = keeping_size({.batch = 2,
                                          .height = 4,
                                          .width = 3,
                                          .in_channels = 512,
                                          .out_channels = 1008,
                                          .kernel_height = 3,
                                          .kernel_width = 3});
    REQUIRE(kernels::winograd::suits<float>(shape));
    Generator generator(1);
    const Index pixels = shape.batch * shape.height * shape.width;
    const auto x = numbers(pixels * shape.in_channels, generator);
    const auto weight = numbers(shape.out_channels * shape.in_channels * 9, generator);
    const auto grad_y = numbers(pixels * shape.out_channels, generator);
    std::vector<float> y(grad_y.size());
    std::vector<float> grad_x(x.size());
    std::vector<float> grad_weight(weight.size());
    kernels::Context context(2);
    const Conv2d<float> forward{
        .shape = shape, .x = x.data(), .weight = weight.data(), .y = y.data()};
    const Conv2dPullbackInput<float> to_input{.shape = shape,
                                              .weight = weight.data(),
                                              .grad_y = grad_y.data(),
                                              .grad_x = {grad_x.data(), false}};
    const Conv2dPullbackWeight<float> to_weight{.shape = shape,
                                                .x = x.data(),
                                                .grad_y = grad_y.data(),
                                                .grad_weight = {grad_weight.data(), false}};
    kernels::conv2d(context, forward);
    kernels::conv2d_pullback_input(context, to_input);
    kernels::conv2d_pullback_weight(context, to_weight);
    // All transformed filters at once would be 33 MB, all sums 33 MB for each of their parts.
    CHECK(context.pool().statistics().peak_bytes < std::size_t{28} << 20);

    std::vector<float> expected(y.size());
    Conv2d<float> direct = forward;
    direct.y = expected.data();
    kernels::conv_direct<float>(context, direct);
    CHECK(difference(y, expected) < 1e-5);
    std::vector<float> expected_x(grad_x.size());
    Conv2dPullbackInput<float> direct_to_input = to_input;
    direct_to_input.grad_x.data = expected_x.data();
    kernels::conv_direct<float>(context, direct_to_input);
    CHECK(difference(grad_x, expected_x) < 1e-5);
    std::vector<float> expected_weight(grad_weight.size());
    Conv2dPullbackWeight<float> direct_to_weight = to_weight;
    direct_to_weight.grad_weight.data = expected_weight.data();
    kernels::conv_weight_gradient(context, direct_to_weight);
    CHECK(difference(grad_weight, expected_weight) < 1e-5);
}

}  // namespace
}  // namespace kasmina::wide_test
