// Conformance of convolutions of any stride, padding, dilation and number of groups.
#include "conformance/support.hpp"

namespace kasmina::conformance::convolutions_test {
namespace {

/// {batch, height, width}, {in, out, groups}, kernel, stride, dilation, padding before and after of
/// height and width.
struct Case {
    std::array<Index, 3> map;
    std::array<Index, 3> channels;
    std::array<Index, 2> kernel;
    std::array<Index, 2> stride{1, 1};
    std::array<Index, 2> dilation{1, 1};
    std::array<Index, 4> padding{0, 0, 0, 0};
};

constexpr Index extent(Index in, Index kernel, Index stride, Index dilation, Index pads) {
    return (in + pads - (kernel - 1) * dilation - 1) / stride + 1;
}

constexpr ConvShape shape_of(const Case& of) {
    return {.batch = of.map[0],
            .height = of.map[1],
            .width = of.map[2],
            .in_channels = of.channels[0],
            .out_channels = of.channels[1],
            .kernel_height = of.kernel[0],
            .kernel_width = of.kernel[1],
            .out_height = extent(of.map[1], of.kernel[0], of.stride[0], of.dilation[0],
                                 of.padding[0] + of.padding[1]),
            .out_width = extent(of.map[2], of.kernel[1], of.stride[1], of.dilation[1],
                                of.padding[2] + of.padding[3]),
            .stride_height = of.stride[0],
            .stride_width = of.stride[1],
            .dilation_height = of.dilation[0],
            .dilation_width = of.dilation[1],
            .pad_top = of.padding[0],
            .pad_left = of.padding[2],
            .groups = of.channels[2]};
}

constexpr std::array<Case, 26> cases{{
    // Strides: a residual network's, with and without a rest, and larger than the kernel.
    {{2, 8, 8}, {16, 32, 1}, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}},
    {{3, 7, 5}, {13, 6, 1}, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}},
    {{2, 6, 7}, {16, 48, 1}, {1, 1}, {2, 2}},
    {{1, 9, 8}, {3, 5, 1}, {7, 7}, {2, 2}, {1, 1}, {3, 3, 3, 3}},
    {{2, 9, 11}, {4, 3, 1}, {2, 2}, {3, 4}},
    {{1, 1, 1}, {1, 1, 1}, {1, 1}, {5, 5}},
    {{2, 5, 4}, {3, 70, 1}, {3, 2}, {2, 3}, {1, 1}, {2, 0, 1, 0}},
    // No padding, even kernels, kernels as large as the map, one axis alone.
    {{2, 6, 5}, {5, 7, 1}, {2, 4}},
    {{2, 4, 3}, {3, 4, 1}, {4, 3}},
    {{3, 1, 9}, {6, 5, 1}, {1, 3}, {1, 2}, {1, 1}, {0, 0, 1, 1}},
    {{1, 6, 1}, {3, 4, 1}, {3, 1}, {1, 1}, {2, 1}},
    // More padding than the kernel reaches, so that outputs see nothing but zeros.
    {{1, 3, 2}, {2, 3, 1}, {2, 2}, {1, 1}, {1, 1}, {4, 3, 3, 5}},
    {{2, 1, 1}, {3, 2, 1}, {1, 1}, {2, 2}, {1, 1}, {3, 3, 3, 3}},
    // "Same" for even kernels: the odd one of the padding goes after.
    {{2, 5, 6}, {7, 8, 1}, {4, 2}, {1, 1}, {1, 1}, {1, 2, 0, 1}},
    {{1, 7, 8}, {16, 16, 1}, {2, 4}, {1, 1}, {3, 2}, {1, 2, 3, 3}},
    // Dilation, alone and with strides that share a divisor with it or none.
    {{2, 9, 8}, {16, 16, 1}, {3, 3}, {1, 1}, {2, 2}, {2, 2, 2, 2}},
    {{1, 11, 10}, {3, 4, 1}, {3, 3}, {2, 2}, {2, 3}, {2, 2, 3, 3}},
    {{2, 13, 9}, {5, 3, 1}, {3, 2}, {4, 3}, {2, 6}, {1, 0, 2, 2}},
    {{1, 8, 8}, {2, 2, 1}, {3, 3}, {3, 3}, {3, 1}, {3, 3, 1, 1}},
    // Groups: few and many channels in each, as many as channels, several outputs for each input.
    {{2, 6, 5}, {8, 12, 4}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
    {{2, 7, 6}, {34, 36, 2}, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}},
    {{3, 4, 5}, {6, 9, 3}, {1, 1}},
    {{2, 6, 7}, {13, 13, 13}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
    {{2, 8, 7}, {20, 20, 20}, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}},
    {{2, 9, 10}, {5, 5, 5}, {2, 3}, {3, 2}, {1, 2}, {1, 1, 0, 2}},
    {{1, 5, 6}, {7, 21, 7}, {3, 3}, {1, 2}, {2, 1}, {2, 2, 1, 1}},
}};

template <class B>
void run_all(Run<B>& run, const ConvShape& shape, const Values& x, const Values& weight,
             const Values& grad_y) {
    B::conv2d(run.context, {.shape = shape,
                            .x = run.in(x),
                            .weight = run.in(weight),
                            .y = run.out(output_size(shape))});
    for (const bool accumulate : {false, true}) {
        B::conv2d_pullback_input(run.context,
                                 {.shape = shape,
                                  .weight = run.in(weight),
                                  .grad_y = run.in(grad_y),
                                  .grad_x = run.target(input_size(shape), accumulate)});
        B::conv2d_pullback_weight(run.context,
                                  {.shape = shape,
                                   .x = run.in(x),
                                   .grad_y = run.in(grad_y),
                                   .grad_weight = run.target(weight_size(shape), accumulate)});
    }
    B::conv2d_pullback_input(run.context, {.shape = shape,
                                           .weight = run.in(weight),
                                           .grad_y = run.in(grad_y),
                                           .grad_x = run.unwanted()});
    B::conv2d_pullback_weight(
        run.context,
        {.shape = shape, .x = run.in(x), .grad_y = run.in(grad_y), .grad_weight = run.unwanted()});
}

/// The same by the capability for channels that are filtered by themselves.
template <class B>
void run_depthwise(Run<B>& run, const ConvShape& shape, const Values& x, const Values& weight,
                   const Values& grad_y) {
    B::depthwise_conv2d(run.context, {.shape = shape,
                                      .x = run.in(x),
                                      .weight = run.in(weight),
                                      .y = run.out(output_size(shape))});
    for (const bool accumulate : {false, true}) {
        B::depthwise_conv2d_pullback_input(run.context,
                                           {.shape = shape,
                                            .weight = run.in(weight),
                                            .grad_y = run.in(grad_y),
                                            .grad_x = run.target(input_size(shape), accumulate)});
        B::depthwise_conv2d_pullback_weight(
            run.context, {.shape = shape,
                          .x = run.in(x),
                          .grad_y = run.in(grad_y),
                          .grad_weight = run.target(weight_size(shape), accumulate)});
    }
}

}  // namespace

TEST_CASE("convolutions of any shape agree with the oracle", "[B-7][N-1][E-1]") {
    for (const Case& of : cases) {
        const ConvShape shape = shape_of(of);
        INFO(describe(shape));
        const Values x = normal(input_size(shape), 1);
        const Values weight = normal(weight_size(shape), 2);
        const Values grad_y = normal(output_size(shape), 3);
        check_against_oracle([&]<class B>(Run<B>& run) { run_all(run, shape, x, weight, grad_y); });
        if (shape.groups == 1 || shape.groups != shape.out_channels) continue;
        if (shape.in_channels != shape.out_channels) continue;
        check_against_oracle(
            [&]<class B>(Run<B>& run) { run_depthwise(run, shape, x, weight, grad_y); });
    }
}

TEST_CASE("a convolution of nothing writes zeros and adds nothing", "[B-7][N-1]") {
    // Of each kernel there is: strided and plain ones, products, groups, filters for each channel.
    std::vector<ConvShape> shapes{
        keeping_size({2, 5, 4, 3, 4, 3, 3}), keeping_size({2, 8, 8, 16, 16, 3, 3}),
        keeping_size({2, 5, 4, 3, 4, 1, 1}), keeping_size({2, 5, 4, 16, 16, 3, 3, 16})};
    for (const std::size_t i : {0U, 2U, 20U, 23U, 25U}) shapes.push_back(shape_of(cases[i]));
    const auto check = [](const ConvShape& shape) {
        INFO(describe(shape));
        const Values x = normal(input_size(shape), 1);
        const Values weight = normal(weight_size(shape), 2);
        const Values grad_y = normal(output_size(shape), 3);
        check_against_oracle([&]<class B>(Run<B>& run) { run_all(run, shape, x, weight, grad_y); });
        if (shape.groups == 1 || shape.groups != shape.in_channels) return;
        if (shape.in_channels != shape.out_channels) return;
        check_against_oracle(
            [&]<class B>(Run<B>& run) { run_depthwise(run, shape, x, weight, grad_y); });
    };
    for (const ConvShape& whole : shapes) {
        ConvShape shape = whole;
        for (Index ConvShape::*extent : {&ConvShape::batch, &ConvShape::height, &ConvShape::width,
                                         &ConvShape::kernel_height, &ConvShape::kernel_width}) {
            shape = whole;
            shape.*extent = 0;
            check(shape);
        }
        for (OutputExtent ConvShape::*extent : {&ConvShape::out_height, &ConvShape::out_width}) {
            shape = whole;
            shape.*extent = 0;
            check(shape);
        }
        // A map of the same size that has no rows keeps it.
        shape = whole;
        shape.height = shape.out_height = 0;
        check(shape);
        if (whole.groups != 1) continue;
        for (Index ConvShape::*channels : {&ConvShape::in_channels, &ConvShape::out_channels}) {
            shape = whole;
            shape.*channels = 0;
            check(shape);
        }
    }
}

TEST_CASE("the oracle's convolution of any shape by hand", "[B-7][N-1]") {
    // A row of five, kernel of two with its taps two apart, stride two, one zero before.
    ConvShape shape{.batch = 1,
                    .height = 1,
                    .width = 5,
                    .in_channels = 1,
                    .out_channels = 1,
                    .kernel_height = 1,
                    .kernel_width = 2,
                    .out_height = 1,
                    .out_width = 3,
                    .stride_width = 2,
                    .dilation_width = 2,
                    .pad_left = 1};
    Oracle::Context context;
    const auto results = results_of<Oracle>(context, [&](Run<Oracle>& run) {
        const auto* weight = run.in({10, 100});
        const auto* x = run.in({1, 2, 3, 4, 5});
        const auto* grad_y = run.in({1, 2, 3});
        Oracle::conv2d(run.context, {.shape = shape, .x = x, .weight = weight, .y = run.out(3)});
        Oracle::conv2d_pullback_input(
            run.context,
            {.shape = shape, .weight = weight, .grad_y = grad_y, .grad_x = run.target(5, false)});
        Oracle::conv2d_pullback_weight(
            run.context,
            {.shape = shape, .x = x, .grad_y = grad_y, .grad_weight = run.target(2, false)});
        // Two channels in two groups: what is of the other one is not read.
        shape.in_channels = shape.out_channels = shape.groups = 2;
        shape.width = 1;
        shape.out_width = shape.stride_width = shape.dilation_width = 1;
        shape.kernel_width = 1;
        shape.pad_left = 0;
        Oracle::conv2d(
            run.context,
            {.shape = shape, .x = run.in({3, 5}), .weight = run.in({10, 100}), .y = run.out(2)});
    });
    CHECK(results[0] == Values{200, 20 + 400, 40});
    CHECK(results[1] == Values{0, 100 + 20, 0, 200 + 30, 0});
    CHECK(results[2] == Values{2 * 2 + 4 * 3, 2 * 1 + 4 * 2});
    CHECK(results[3] == Values{30, 500});
}

TEST_CASE("the oracle's gradients of convolutions of any shape are slopes", "[B-7][N-1]") {
    for (const std::size_t i : {1U, 6U, 16U, 17U, 19U, 25U}) {
        const ConvShape shape = shape_of(cases[i]);
        INFO(describe(shape));
        CHECK(slope_error(
                  {normal(input_size(shape), 1), normal(weight_size(shape), 2)},
                  [&](auto& run, const auto& in) {
                      Oracle::conv2d(run.context, {.shape = shape,
                                                   .x = run.in(in[0]),
                                                   .weight = run.in(in[1]),
                                                   .y = run.out(output_size(shape))});
                  },
                  [&](auto& run, const auto& in, const double* grad_y) {
                      Oracle::conv2d_pullback_input(
                          run.context, {.shape = shape,
                                        .weight = run.in(in[1]),
                                        .grad_y = grad_y,
                                        .grad_x = run.target(input_size(shape), false)});
                      Oracle::conv2d_pullback_weight(
                          run.context, {.shape = shape,
                                        .x = run.in(in[0]),
                                        .grad_y = grad_y,
                                        .grad_weight = run.target(weight_size(shape), false)});
                  }) < slope_tolerance);
    }
}

}  // namespace kasmina::conformance::convolutions_test
