// The kernels of convolutions, norms, pools and losses: the same bits in any order of threads and
// blocks, on addresses that no vector can be read from, and in tiles that small maps do not reach.
#include "cuda/orders.hpp"

namespace kasmina::conformance::kernel_orders_test {
namespace {

/// An address four bytes past a multiple of sixteen.
auto* beside(auto* numbers) {
    return numbers + 1;
}

Values with_one_before(Values values) {
    values.insert(values.begin(), 0.0);
    return values;
}

}  // namespace

TEST_CASE("norms have the same bits in any order of threads", "[E-1][X-3][cuda]") {
    // Channels in vectors and not, of more than one tile, positions of more than one chunk.
    for (const MapShape& shape : {MapShape{2, 7, 5, 3}, MapShape{3, 9, 8, 20},
                                  MapShape{1, 24, 24, 4}, MapShape{1, 3, 3, 140}}) {
        INFO(describe(shape));
        const Index channels = shape.channels;
        const Index size = size_of(shape);
        const Index pooled = shape.batch * (shape.height / 2) * (shape.width / 2) * channels;
        check_orders([&]<class B>(Run<B>& run) {
            const auto* x = run.in(normal(size, 1));
            const auto* scale = run.in(normal(channels, 2));
            const auto* shift = run.in(normal(channels, 3));
            auto* mean = run.out(channels);
            auto* deviation = run.out(channels);
            B::batch_norm_statistics(run.context, {.shape = shape,
                                                   .x = x,
                                                   .mean = mean,
                                                   .inverse_deviation = deviation,
                                                   .running_mean = run.inout(normal(channels, 4)),
                                                   .running_variance = nullptr});
            B::batch_norm(run.context, {.shape = shape,
                                        .epilogue = {true, true},
                                        .x = x,
                                        .mean = mean,
                                        .inverse_deviation = deviation,
                                        .scale = scale,
                                        .shift = shift,
                                        .y = run.out(pooled)});
            for (const bool pools : {false, true}) {
                B::batch_norm_pullback(run.context,
                                       {.shape = shape,
                                        .epilogue = {true, pools},
                                        .x = x,
                                        .mean = mean,
                                        .inverse_deviation = deviation,
                                        .scale = scale,
                                        .shift = shift,
                                        .grad_y = run.in(normal(pools ? pooled : size, 5)),
                                        .grad_x = run.target(size, pools),
                                        .grad_scale = run.target(channels, false),
                                        .grad_shift = run.target(channels, pools)});
            }
        });
    }
    // Groups over positions, which a block holds (one group or more, some positions of a thread or
    // many) or does not, and rows of one position.
    for (const NormGeometry& geometry :
         {NormGeometry{3, 35, 20, 5}, NormGeometry{2, 300, 6, 2}, NormGeometry{3, 5, 8, 4},
          NormGeometry{1, 2100, 4, 1}, NormGeometry{2, 9, 130, 2}, NormGeometry{40, 1, 24, 1},
          NormGeometry{9, 1, 21, 7}}) {
        const Index size = geometry.samples * geometry.positions * geometry.channels;
        const Index statistics = geometry.samples * geometry.groups;
        INFO(geometry.samples << "x" << geometry.positions << "x" << geometry.channels);
        check_orders([&]<class B>(Run<B>& run) {
            const auto* x = run.in(normal(size, 1));
            const auto* scale = run.in(normal(geometry.channels, 2));
            const auto* shift = run.in(normal(geometry.channels, 3));
            auto* mean = run.out(statistics);
            auto* deviation = run.out(statistics);
            B::group_norm(run.context, {.geometry = geometry,
                                        .relu = true,
                                        .x = x,
                                        .scale = scale,
                                        .shift = shift,
                                        .residual = run.in(normal(size, 6)),
                                        .y = run.out(size),
                                        .mean = mean,
                                        .inverse_deviation = deviation});
            B::group_norm_pullback(run.context,
                                   {.geometry = geometry,
                                    .relu = true,
                                    .x = x,
                                    .scale = scale,
                                    .shift = shift,
                                    .mean = mean,
                                    .inverse_deviation = deviation,
                                    .grad_y = run.in(normal(size, 5)),
                                    .grad_x = run.target(size, true),
                                    .grad_scale = run.target(geometry.channels, true),
                                    .grad_shift = run.target(geometry.channels, false)});
        });
    }
}

TEST_CASE("a group norm may write over what it reads", "[B-7][cuda]") {
    // Held in registers, and not; a group on a warp.
    for (const NormGeometry& geometry :
         {NormGeometry{3, 35, 20, 5}, NormGeometry{2, 9, 130, 2}, NormGeometry{9, 1, 24, 2}}) {
        const Index size = geometry.samples * geometry.positions * geometry.channels;
        INFO(geometry.samples << "x" << geometry.positions << "x" << geometry.channels);
        check_orders([&]<class B>(Run<B>& run) {
            const auto norm = [&](auto* x, auto* residual, auto* y) {
                B::group_norm(run.context,
                              {.geometry = geometry,
                               .relu = true,
                               .x = x,
                               .scale = run.in(normal(geometry.channels, 2)),
                               .shift = run.in(normal(geometry.channels, 3)),
                               .residual = residual,
                               .y = y,
                               .mean = run.out(geometry.samples * geometry.groups),
                               .inverse_deviation = run.out(geometry.samples * geometry.groups)});
            };
            auto* x = run.inout(normal(size, 1));
            norm(x, run.in(normal(size, 4)), x);
            auto* residual = run.inout(normal(size, 5));
            norm(run.in(normal(size, 1)), residual, residual);
        });
    }
}

// A seed in front of a pool parts what is one pass without it.
TEST_CASE("a norm's way back through a pool has the same bits in one pass and in two",
          "[I-1][B-7][cuda]") {
    for (const MapShape& shape :
         {MapShape{2, 8, 8, 8}, MapShape{3, 7, 5, 29}, MapShape{4, 33, 32, 4}}) {
        INFO(describe(shape));
        const Index channels = shape.channels;
        const Index size = size_of(shape);
        const Index pooled = shape.batch * (shape.height / 2) * (shape.width / 2) * channels;
        const auto back = [&](bool parted) {
            return in_order(1, [&]<class B>(Run<B>& run) {
                const auto* x = run.in(normal(size, 1));
                const auto* scale = run.in(normal(channels, 2));
                const auto* shift = run.in(normal(channels, 3));
                const auto* grad_pooled = run.in(normal(pooled, 5));
                auto* mean = run.out(channels);
                auto* deviation = run.out(channels);
                auto* y = run.out(size);
                auto* grad_y = run.target(size, false).data;
                B::batch_norm_statistics(run.context, {.shape = shape,
                                                       .x = x,
                                                       .mean = mean,
                                                       .inverse_deviation = deviation,
                                                       .running_mean = nullptr,
                                                       .running_variance = nullptr});
                B::batch_norm(run.context, {.shape = shape,
                                            .epilogue = {true, false},
                                            .x = x,
                                            .mean = mean,
                                            .inverse_deviation = deviation,
                                            .scale = scale,
                                            .shift = shift,
                                            .y = y});
                B::max_pool_pullback(run.context, {.shape = halving(shape),
                                                   .x = y,
                                                   .grad_y = grad_pooled,
                                                   .grad_x = {grad_y, false}});
                B::batch_norm_pullback(run.context, {.shape = shape,
                                                     .epilogue = {true, !parted},
                                                     .x = x,
                                                     .mean = mean,
                                                     .inverse_deviation = deviation,
                                                     .scale = scale,
                                                     .shift = shift,
                                                     .grad_y = parted ? grad_y : grad_pooled,
                                                     .grad_x = run.target(size, false),
                                                     .grad_scale = run.target(channels, false),
                                                     .grad_shift = run.target(channels, false)});
            });
        };
        CHECK(identical(back(false), back(true)));
    }
}

TEST_CASE("statistics of values far from 0 lose no digits", "[B-7][cuda]") {
    const MapShape shape{4, 16, 16, 5};
    for (const double first : {3000.0, -1e6}) {
        INFO("first value " << first);
        Values x = normal(size_of(shape), 1);
        for (double& value : x) value = static_cast<double>(static_cast<float>(value + 3000.0));
        for (std::size_t c = 0; c < 5; ++c) x[c] = first;
        check_orders([&]<class B>(Run<B>& run) {
            // With momentum 1 the running variance is the batch's.
            B::batch_norm_statistics(run.context, {.shape = shape,
                                                   .momentum = 1.0,
                                                   .x = run.in(x),
                                                   .mean = run.out(5),
                                                   .inverse_deviation = run.out(5),
                                                   .running_mean = run.inout(Values(5, 7.0)),
                                                   .running_variance = run.inout(Values(5, 7.0))});
        });
    }
}

TEST_CASE("convolutions have the same bits in any order of threads", "[E-1][X-3][cuda]") {
    const std::array<SameConvolution, 5> shapes{{{2, 7, 5, 3, 5, 3, 3},
                                                 {1, 7, 5, 1, 1, 5, 3},
                                                 {3, 6, 6, 8, 68, 3, 3},
                                                 {2, 9, 8, 20, 12, 1, 1},
                                                 {2, 16, 20, 4, 4, 3, 3}}};
    for (const SameConvolution& extents : shapes) {
        const ConvShape shape = keeping_size(extents);
        const Index pixels = shape.batch * shape.height * shape.width;
        const Index weights =
            shape.out_channels * shape.in_channels * shape.kernel_height * shape.kernel_width;
        INFO(shape.in_channels << " to " << shape.out_channels << " channels");
        check_orders([&]<class B>(Run<B>& run) {
            const auto* x = run.in(normal(pixels * shape.in_channels, 1));
            const auto* weight = run.in(normal(weights, 2));
            const auto* grad_y = run.in(normal(pixels * shape.out_channels, 3));
            B::conv2d(run.context, {shape, x, weight, run.out(pixels * shape.out_channels)});
            B::conv2d_pullback_input(
                run.context, {shape, weight, grad_y, run.target(pixels * shape.in_channels, true)});
            B::conv2d_pullback_weight(run.context, {shape, x, grad_y, run.target(weights, true)});
        });
    }
    for (const Index channels : {Index{3}, Index{8}, Index{140}}) {
        for (const Index kernel : {Index{3}, Index{7}}) {
            const ConvShape shape = keeping_size({.batch = 2,
                                                  .height = 9,
                                                  .width = 6,
                                                  .in_channels = channels,
                                                  .out_channels = channels,
                                                  .kernel_height = 3,
                                                  .kernel_width = kernel,
                                                  .groups = channels});
            const Index size = 2 * 9 * 6 * channels;
            INFO(channels << " channels, each for itself");
            check_orders([&]<class B>(Run<B>& run) {
                const auto* x = run.in(normal(size, 1));
                const auto* weight = run.in(normal(channels * 3 * kernel, 2));
                const auto* grad_y = run.in(normal(size, 3));
                B::depthwise_conv2d(run.context, {shape, x, weight, run.out(size)});
                B::depthwise_conv2d_pullback_input(run.context,
                                                   {shape, weight, grad_y, run.target(size, true)});
                B::depthwise_conv2d_pullback_weight(
                    run.context, {shape, x, grad_y, run.target(channels * 3 * kernel, false)});
            });
        }
    }
}

TEST_CASE("large maps are convolved in large tiles", "[B-7][cuda]") {
    for (const ConvShape& shape :
         {keeping_size({33, 32, 32, 1, 3, 1, 3}), keeping_size({33, 32, 32, 4, 68, 1, 3})}) {
        const Index pixels = shape.batch * shape.height * shape.width;
        const Index weights = shape.out_channels * shape.in_channels * shape.kernel_width;
        const auto call = [&]<class B>(Run<B>& run) {
            const auto* x = run.in(normal(pixels * shape.in_channels, 1));
            B::conv2d(run.context,
                      {shape, x, run.in(normal(weights, 2)), run.out(pixels * shape.out_channels)});
        };
        Oracle::Context context;
        const auto expected = results_of<Oracle>(context, call);
        CHECK(difference(expected[0], in_order(1, call)[0]) <= tolerance<float>);
    }
}

TEST_CASE("pools have the same bits in any order of threads", "[E-1][X-3][cuda]") {
    for (const MapShape& shape : {MapShape{2, 7, 5, 3}, MapShape{3, 9, 8, 20}}) {
        const Index channels = shape.channels;
        const Index size = size_of(shape);
        const Index pooled = shape.batch * (shape.height / 2) * (shape.width / 2) * channels;
        INFO(describe(shape));
        check_orders([&]<class B>(Run<B>& run) {
            const auto* x = run.in(normal(size, 1));
            const MapGeometry geometry{shape.batch, shape.height * shape.width, channels};
            B::max_pool(run.context, {halving(shape), x, run.out(pooled)});
            B::max_pool_pullback(run.context, {halving(shape), x, run.in(normal(pooled, 2)),
                                               run.target(size, true)});
            B::mean_positions(run.context, {geometry, x, run.out(shape.batch * channels)});
            B::mean_positions_pullback(
                run.context,
                {geometry, run.in(normal(shape.batch * channels, 3)), run.target(size, true)});
        });
    }
}

TEST_CASE("losses have the same bits in any order of threads", "[E-1][X-3][H-7][cuda]") {
    // One block and more; a row on a thread, in a warp's registers, and in neither, in vectors and
    // not.
    for (const auto& [rows, classes] :
         {std::array<Index, 2>{300, 36}, std::array<Index, 2>{90, 37},
          std::array<Index, 2>{600, 10}, std::array<Index, 2>{7, 16}, std::array<Index, 2>{5, 200},
          std::array<Index, 2>{3, 301}, std::array<Index, 2>{40, 1032}}) {
        INFO(rows << " rows of " << classes << " classes");
        std::vector<std::int32_t> targets;
        for (Index row = 0; row < rows; ++row) {
            targets.push_back(row % 7 == 3 ? -100 : static_cast<std::int32_t>(row % classes));
        }
        const Index counted = rows - std::count(targets.begin(), targets.end(), -100);
        check_orders([&]<class B>(Run<B>& run) {
            using T = typename B::Scalar;
            const auto* labels = run.integers(targets);
            const T* logits = run.in(normal(rows * classes, 1));
            T* probabilities = run.out(rows * classes);
            B::cross_entropy(run.context, {.rows = rows,
                                           .classes = classes,
                                           .counted = counted,
                                           .label_smoothing = 0.125,
                                           .logits = logits,
                                           .targets = labels,
                                           .probabilities = probabilities,
                                           .loss = run.out(1)});
            for (const bool accumulate : {false, true}) {
                B::cross_entropy_pullback(run.context,
                                          {.rows = rows,
                                           .classes = classes,
                                           .counted = counted,
                                           .label_smoothing = 0.125,
                                           .probabilities = probabilities,
                                           .targets = labels,
                                           .grad_loss = run.in({1.5}),
                                           .grad_logits = run.target(rows * classes, accumulate)});
            }
            B::count_correct(run.context, {.rows = rows,
                                           .classes = classes,
                                           .logits = logits,
                                           .targets = labels,
                                           .hits = run.integers_out(1)});
        });
    }
}

TEST_CASE("classes that are ruled out have no probability and no loss", "[H-7][cuda]") {
    const double never = -std::numeric_limits<double>::infinity();
    for (const Index classes : {Index{6}, Index{80}, Index{1100}}) {
        Values logits(static_cast<std::size_t>(2 * classes), never);
        logits[static_cast<std::size_t>(classes - 1)] = 3.0;
        logits[static_cast<std::size_t>(classes - 2)] = 1.0;
        logits[static_cast<std::size_t>(classes)] = -2.0;
        const std::vector<std::int32_t> targets{static_cast<std::int32_t>(classes - 2), 0};
        check_orders([&]<class B>(Run<B>& run) {
            B::cross_entropy(run.context, {.rows = 2,
                                           .classes = classes,
                                           .counted = 2,
                                           .logits = run.in(logits),
                                           .targets = run.integers(targets),
                                           .probabilities = run.out(2 * classes),
                                           .loss = run.out(1)});
        });
    }
}

TEST_CASE("a NaN is the best class only where it is the first", "[H-7][cuda]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    check_orders([&]<class B>(Run<B>& run) {
        const auto* logits = run.in({nan, 5, 9,  //
                                     1, nan, 0,  //
                                     0, nan, 1,  //
                                     -5, -5, nan});
        const std::vector<std::int32_t> targets{0, 0, 2, 0};
        B::count_correct(run.context, {.rows = 4,
                                       .classes = 3,
                                       .logits = logits,
                                       .targets = run.integers(targets),
                                       .hits = run.integers_out(1)});
    });
}

TEST_CASE("addresses need not be those of vectors", "[B-7][cuda]") {
    const MapShape map{2, 6, 4, 8};
    const ConvShape shape = keeping_size({2, 6, 4, 8, 8, 3, 3});
    ConvShape each = shape;
    each.groups = 8;
    const Index size = size_of(map);
    const Values x = with_one_before(normal(size, 1));
    const Values grad_y = with_one_before(normal(size, 3));
    check_orders([&]<class B>(Run<B>& run) {
        const auto* in = beside(run.in(x));
        const auto* upstream = beside(run.in(grad_y));
        const auto* weight = beside(run.in(with_one_before(normal(8 * 8 * 9, 2))));
        const auto* parameters = beside(run.in(with_one_before(normal(8, 4))));
        const auto place = [&](Index count) { return beside(run.out(count + 1)); };
        auto* mean = place(8);
        auto* deviation = place(8);
        B::conv2d(run.context, {shape, in, weight, place(size)});
        B::conv2d_pullback_input(run.context, {shape, weight, upstream, {place(size), false}});
        B::conv2d_pullback_weight(run.context, {shape, in, upstream, {place(8 * 8 * 9), false}});
        B::depthwise_conv2d(run.context, {each, in, weight, place(size)});
        B::depthwise_conv2d_pullback_weight(run.context, {each, in, upstream, {place(72), false}});
        B::batch_norm_statistics(
            run.context, {.shape = map, .x = in, .mean = mean, .inverse_deviation = deviation});
        B::batch_norm(run.context, {.shape = map,
                                    .x = in,
                                    .mean = mean,
                                    .inverse_deviation = deviation,
                                    .scale = parameters,
                                    .shift = parameters,
                                    .y = place(size)});
        B::batch_norm_pullback(run.context, {.shape = map,
                                             .x = in,
                                             .mean = mean,
                                             .inverse_deviation = deviation,
                                             .scale = parameters,
                                             .shift = parameters,
                                             .grad_y = upstream,
                                             .grad_x = {place(size), false},
                                             .grad_scale = {place(8), false},
                                             .grad_shift = {place(8), false}});
        B::max_pool(run.context, {halving(map), in, place(size / 4)});
        B::max_pool_pullback(run.context, {halving(map), in, upstream, {place(size), false}});
    });
}

}  // namespace kasmina::conformance::kernel_orders_test
