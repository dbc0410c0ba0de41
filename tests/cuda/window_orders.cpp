// The kernels of convolutions and pools of any window: the same bits in any order of threads and
// blocks.
#include "cuda/orders.hpp"

#include <kasmina/backend/pooling.hpp>

namespace kasmina::conformance::window_orders_test {
namespace {

/// Such a convolution with as many outputs as have their windows' first tap on the padded map.
ConvShape with_outputs(ConvShape shape, Index pad_behind = 0) {
    const auto outputs = [&](Index extent, Index kernel, Index stride, Index dilation, Index pad) {
        return (extent + pad + pad_behind - (kernel - 1) * dilation - 1) / stride + 1;
    };
    shape.out_height = outputs(shape.height, shape.kernel_height, shape.stride_height,
                               shape.dilation_height, shape.pad_top);
    shape.out_width = outputs(shape.width, shape.kernel_width, shape.stride_width,
                              shape.dilation_width, shape.pad_left);
    return shape;
}

ConvShape shape_of(Index height, Index width, Index in, Index out, Index kernel, Index stride,
                   Index dilation, Index pad, Index groups) {
    return with_outputs({.batch = 2,
                         .height = height,
                         .width = width,
                         .in_channels = in,
                         .out_channels = out,
                         .kernel_height = kernel,
                         .kernel_width = kernel,
                         .out_height = 0,
                         .out_width = 0,
                         .stride_height = stride,
                         .stride_width = stride,
                         .dilation_height = dilation,
                         .dilation_width = dilation,
                         .pad_top = pad,
                         .pad_left = pad,
                         .groups = groups},
                        pad);
}

template <class B>
void convolve(Run<B>& run, const ConvShape& shape) {
    const auto* x = run.in(normal(input_size(shape), 1));
    const auto* weight = run.in(normal(weight_size(shape), 2));
    const auto* grad_y = run.in(normal(output_size(shape), 3));
    B::conv2d(run.context, {shape, x, weight, run.out(output_size(shape))});
    for (const bool accumulate : {false, true}) {
        B::conv2d_pullback_input(
            run.context, {shape, weight, grad_y, run.target(input_size(shape), accumulate)});
        B::conv2d_pullback_weight(run.context,
                                  {shape, x, grad_y, run.target(weight_size(shape), accumulate)});
    }
}

PoolShape pool_of(const MapShape& map, Index kernel, Index stride, Index pad) {
    return {.map = map,
            .kernel_height = kernel,
            .kernel_width = kernel,
            .stride_height = stride,
            .stride_width = stride,
            .pad_top = pad,
            .pad_left = pad,
            .out_height = (map.height + 2 * pad - kernel) / stride + 1,
            .out_width = (map.width + 2 * pad - kernel) / stride + 1};
}

}  // namespace

TEST_CASE("convolutions of any stride and dilation have the same bits in any order of threads",
          "[N-1][E-1][X-3][cuda]") {
    for (const ConvShape& shape : {
             shape_of(7, 5, 3, 5, 3, 2, 1, 1, 1),    // channels not in vectors
             shape_of(9, 8, 8, 68, 3, 2, 1, 1, 1),   // in vectors, more than one tile
             shape_of(8, 6, 4, 12, 1, 2, 1, 0, 1),   // one tap
             shape_of(9, 7, 4, 8, 3, 1, 2, 2, 1),    // dilated
             shape_of(11, 9, 2, 36, 2, 3, 2, 1, 1),  // an even kernel, gaps between windows
         }) {
        INFO(describe(shape));
        check_orders([&](auto& run) { convolve(run, shape); });
    }
}

TEST_CASE("convolutions of groups have the same bits in any order of threads",
          "[N-1][E-1][X-3][cuda]") {
    for (const ConvShape& shape : {
             shape_of(6, 5, 6, 9, 3, 1, 1, 1, 3),    // few channels in each
             shape_of(6, 5, 24, 40, 3, 2, 1, 1, 2),  // tiles of products
             shape_of(5, 6, 8, 8, 3, 2, 1, 1, 8),    // each for itself, in vectors
             shape_of(5, 6, 5, 5, 3, 1, 1, 1, 5),    // each for itself, keeping the map's size
             shape_of(5, 6, 3, 6, 3, 1, 2, 0, 3),    // two results of each
             shape_of(7, 7, 80, 8, 2, 2, 1, 0, 4),   // few results of many channels
         }) {
        INFO(describe(shape));
        check_orders([&](auto& run) { convolve(run, shape); });
    }
}

TEST_CASE("windows may reach any distance over an edge, and lines may be maps", "[N-1][cuda]") {
    ConvShape beyond = shape_of(4, 3, 4, 4, 3, 2, 1, 1, 1);
    beyond.out_height = beyond.out_height + 2;
    beyond.pad_left = 4;
    const ConvShape line = with_outputs({.batch = 3,
                                         .height = 1,
                                         .width = 19,
                                         .in_channels = 5,
                                         .out_channels = 7,
                                         .kernel_height = 1,
                                         .kernel_width = 4,
                                         .out_height = 0,
                                         .out_width = 0,
                                         .stride_width = 3,
                                         .dilation_width = 2});
    ConvShape nothing = line;
    nothing.batch = 0;
    ConvShape same_of_nothing = keeping_size({0, 4, 4, 3, 5, 3, 3});
    ConvShape depthwise_of_nothing = shape_of(5, 6, 8, 8, 3, 2, 1, 1, 8);
    depthwise_of_nothing.batch = 0;
    for (const ConvShape& shape : {beyond, line, nothing, same_of_nothing,
                                   keeping_size({0, 4, 4, 3, 5, 1, 1}), depthwise_of_nothing}) {
        INFO(describe(shape));
        check_orders([&](auto& run) { convolve(run, shape); });
    }
}

TEST_CASE("filters of each channel with strides have the same bits in any order of threads",
          "[N-1][E-1][X-3][cuda]") {
    for (const Index channels : {Index{3}, Index{8}, Index{140}}) {
        const ConvShape shape = shape_of(7, 6, channels, channels, 3, 2, 1, 1, channels);
        INFO(describe(shape));
        check_orders([&]<class B>(Run<B>& run) {
            const auto* x = run.in(normal(input_size(shape), 1));
            const auto* weight = run.in(normal(weight_size(shape), 2));
            const auto* grad_y = run.in(normal(output_size(shape), 3));
            B::depthwise_conv2d(run.context, {shape, x, weight, run.out(output_size(shape))});
            B::depthwise_conv2d_pullback_input(
                run.context, {shape, weight, grad_y, run.target(input_size(shape), true)});
            B::depthwise_conv2d_pullback_weight(
                run.context, {shape, x, grad_y, run.target(weight_size(shape), true)});
        });
    }
}

TEST_CASE("pools of any window have the same bits in any order of threads",
          "[N-1][E-1][X-3][cuda]") {
    for (const PoolShape& shape : {
             pool_of({2, 7, 5, 3}, 3, 2, 1),   // windows share places
             pool_of({2, 9, 8, 8}, 3, 1, 1),   // in vectors
             pool_of({1, 9, 8, 4}, 2, 3, 0),   // gaps between windows
             pool_of({3, 4, 4, 5}, 4, 4, 0),   // one window
             pool_of({0, 4, 4, 5}, 3, 2, 1),   // nothing
             pool_of({2, 6, 5, 70}, 5, 2, 2),  // more padding than map in corners
         }) {
        INFO(describe(shape.map) << ", kernel " << shape.kernel_height);
        check_orders([&]<class B>(Run<B>& run) {
            const auto* x = run.in(normal(shape.map.elements(), 1));
            const auto* grad_y = run.in(normal(shape.out_elements(), 2));
            B::max_pool(run.context, {shape, x, run.out(shape.out_elements())});
            for (const bool flag : {false, true}) {
                B::max_pool_pullback(run.context,
                                     {shape, x, grad_y, run.target(shape.map.elements(), flag)});
                B::average_pool(run.context, {.shape = shape,
                                              .count_padding = flag,
                                              .x = x,
                                              .y = run.out(shape.out_elements())});
                B::average_pool_pullback(run.context,
                                         {.shape = shape,
                                          .count_padding = flag,
                                          .grad_y = grad_y,
                                          .grad_x = run.target(shape.map.elements(), flag)});
            }
        });
    }
}

TEST_CASE("of equal values in any window the first is the maximum, of NaNs the last",
          "[N-1][B-7][cuda]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const PoolShape shape = pool_of({1, 3, 5, 1}, 3, 1, 0);
    check_orders([&]<class B>(Run<B>& run) {
        const auto* x = run.in({0, 1, 2, 2, 5,    //
                                1, 2, nan, 2, 6,  //
                                2, 0, 2, nan, 7});
        B::max_pool(run.context, {shape, x, run.out(3)});
        B::max_pool_pullback(run.context, {shape, x, run.in({1, 2, 3}), run.target(15, false)});
    });
}

}  // namespace kasmina::conformance::window_orders_test
