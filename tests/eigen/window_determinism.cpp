// Convolutions and pools of any shape: the same bits from 1, 2 and 3 threads, where their work is
// cut into many chunks, and nothing from the system in steady state.
#include <cstddef>
#include <cstdint>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/random/generator.hpp>

#include "support/catch.hpp"

namespace kasmina::window_determinism_test {
namespace {

using B = backends::Eigen<float>;
using Values = std::vector<float>;

Values normal(Index count, std::uint64_t seed) {
    Generator generator(seed);
    Values values(static_cast<std::size_t>(count));
    for (float& value : values) value = static_cast<float>(generator.normal());
    return values;
}

Values room(Index count) {
    return Values(static_cast<std::size_t>(count));
}

ConvShape shape_of(Index inputs, Index outputs, Index kernel, Index stride, Index dilation,
                   Index groups) {
    const Index covered = (kernel - 1) * dilation + 1;
    const Index pad = covered / 2;
    return {.batch = 9,
            .height = 33,
            .width = 31,
            .in_channels = inputs,
            .out_channels = outputs,
            .kernel_height = kernel,
            .kernel_width = kernel,
            .out_height = (33 + 2 * pad - covered) / stride + 1,
            .out_width = (31 + 2 * pad - covered) / stride + 1,
            .stride_height = stride,
            .stride_width = stride,
            .dilation_height = dilation,
            .dilation_width = dilation,
            .pad_top = pad,
            .pad_left = pad,
            .groups = groups};
}

std::vector<Values> convolutions(B::Context& context) {
    std::vector<Values> results;
    for (const ConvShape& shape :
         {shape_of(16, 40, 3, 2, 1, 1), shape_of(5, 6, 1, 2, 1, 1), shape_of(12, 10, 2, 1, 2, 2),
          shape_of(13, 13, 3, 2, 1, 13), shape_of(6, 6, 3, 3, 2, 6)}) {
        const Values x = normal(input_size(shape), 1);
        const Values weight = normal(weight_size(shape), 2);
        const Values grad_y = normal(output_size(shape), 3);
        Values y = room(output_size(shape));
        Values grad_x = room(input_size(shape));
        Values grad_weight = room(weight_size(shape));
        B::conv2d(context, {.shape = shape, .x = x.data(), .weight = weight.data(), .y = y.data()});
        B::conv2d_pullback_input(context, {.shape = shape,
                                           .weight = weight.data(),
                                           .grad_y = grad_y.data(),
                                           .grad_x = {grad_x.data(), false}});
        B::conv2d_pullback_weight(context, {.shape = shape,
                                            .x = x.data(),
                                            .grad_y = grad_y.data(),
                                            .grad_weight = {grad_weight.data(), false}});
        results.insert(results.end(), {y, grad_x, grad_weight});
    }
    return results;
}

std::vector<Values> pools(B::Context& context) {
    const PoolShape shape{.map = {9, 33, 31, 13},
                          .kernel_height = 3,
                          .kernel_width = 3,
                          .pad_top = 1,
                          .pad_left = 1,
                          .out_height = 17,
                          .out_width = 16};
    const Values x = normal(shape.map.elements(), 1);
    const Values grad_y = normal(shape.out_elements(), 2);
    std::vector<Values> results{room(shape.out_elements()), room(shape.map.elements()),
                                room(shape.out_elements()), room(shape.map.elements())};
    B::max_pool(context, {.shape = shape, .x = x.data(), .y = results[0].data()});
    B::max_pool_pullback(context, {.shape = shape,
                                   .x = x.data(),
                                   .grad_y = grad_y.data(),
                                   .grad_x = {results[1].data(), false}});
    B::average_pool(context, {.shape = shape, .x = x.data(), .y = results[2].data()});
    B::average_pool_pullback(
        context, {.shape = shape, .grad_y = grad_y.data(), .grad_x = {results[3].data(), false}});
    return results;
}

}  // namespace

TEST_CASE("convolutions and pools of any shape are the same for any number of threads",
          "[eigen][E-1][N-1]") {
    B::Context one(1);
    const std::vector<Values> of_convolutions = convolutions(one);
    const std::vector<Values> of_pools = pools(one);
    for (const int threads : {2, 3}) {
        CAPTURE(threads);
        B::Context several(threads);
        CHECK((convolutions(several) == of_convolutions));
        CHECK((pools(several) == of_pools));
        const std::size_t before = several.pool().statistics().allocations;
        static_cast<void>(convolutions(several));
        static_cast<void>(pools(several));
        CHECK(several.pool().statistics().allocations == before);
    }
}

}  // namespace kasmina::window_determinism_test
