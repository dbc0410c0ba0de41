// Conformance of matrix products and convolutions.
#include "conformance/support.hpp"

namespace kasmina::conformance::products_test {
namespace {

constexpr std::array<std::array<Index, 3>, 7> matrix_sizes{
    {{1, 1, 1}, {3, 5, 4}, {13, 1, 70}, {1, 70, 13}, {48, 48, 48}, {130, 10, 33}, {64, 65, 257}}};

/// Convolutions that keep the size of the map; others are in convolutions.cpp.
constexpr std::array<ConvShape, 16> conv_shapes{{
    // batch, height, width, channels in and out, kernel height and width
    keeping_size({1, 1, 1, 1, 1, 3, 3}),
    keeping_size({3, 1, 1, 13, 48, 3, 3}),
    keeping_size({3, 2, 3, 3, 13, 3, 3}),
    keeping_size({1, 5, 4, 13, 3, 3, 3}),
    keeping_size({3, 5, 4, 48, 70, 3, 3}),
    keeping_size({1, 16, 16, 3, 48, 3, 3}),
    keeping_size({3, 16, 16, 48, 48, 3, 3}),
    keeping_size({1, 16, 16, 70, 13, 3, 3}),
    keeping_size({1, 1, 1, 1, 1, 1, 1}),
    keeping_size({3, 2, 3, 13, 3, 1, 1}),
    keeping_size({3, 5, 4, 48, 70, 1, 1}),
    keeping_size({1, 16, 16, 3, 13, 1, 1}),
    keeping_size({1, 5, 4, 3, 13, 5, 5}),
    keeping_size({3, 2, 3, 3, 1, 1, 3}),
    keeping_size({1, 16, 16, 13, 13, 5, 3}),
    keeping_size({3, 5, 4, 1, 3, 3, 1}),
}};

/// With operands of fewer bits - bfloat16 on a CPU, TF32 on a GPU - `call` writes nearly what the
/// oracle wrote in full.
template <class B, class Call>
void check_nearly(const std::vector<Values>& expected, const Call& call) {
    if constexpr (ComputePrecisionBackend<B>) {
        INFO(typeid(B).name());
        typename B::Context context{};
        context.set_precision(Precision::fast);
        const std::vector<Values> got = results_of<B>(context, call);
        REQUIRE(got.size() == expected.size());
        for (std::size_t i = 0; i < expected.size(); ++i) {
            INFO("output " << i);
            CHECK(difference(expected[i], got[i]) <= 2e-2);
        }
    }
}
template <class Call, class... Bs>
void check_nearly_all(const Call& call, std::type_identity<std::tuple<Bs...>>) {
    typename Oracle::Context oracle{};
    const std::vector<Values> expected = results_of<Oracle>(oracle, call);
    (check_nearly<Bs>(expected, call), ...);
}

}  // namespace

TEST_CASE("matrix products agree with the oracle", "[B-7][E-1]") {
    for (const auto& [m, n, k] : matrix_sizes) {
        const Values a = normal(m * k, 1);
        const Values b = normal(k * n, 2);
        for (const int choice : {0, 1, 2, 3, 4, 5, 6, 7}) {
            const bool trans_a = (choice & 1) != 0;
            const bool trans_b = (choice & 2) != 0;
            const bool accumulate = (choice & 4) != 0;
            INFO(m << " x " << n << " over " << k << ", transposed " << trans_a << trans_b
                   << ", accumulate " << accumulate);
            check_against_oracle([&]<class B>(Run<B>& run) {
                for (const bool biased : {false, true}) {
                    B::gemm(run.context, {.m = m,
                                          .n = n,
                                          .k = k,
                                          .transpose_a = trans_a,
                                          .transpose_b = trans_b,
                                          .a = run.in(a),
                                          .b = run.in(b),
                                          .c = run.target(m * n, accumulate).data,
                                          .bias = biased ? run.in(normal(n, 3)) : nullptr,
                                          .accumulate = accumulate});
                }
            });
        }
    }
}

TEST_CASE("a batch of matrix products is as many products", "[B-7][E-1]") {
    const Index m = 5;
    const Index n = 13;
    const Index k = 7;
    const Index batch = 3;
    check_against_oracle([&]<class B>(Run<B>& run) {
        B::gemm(run.context, {.m = m,
                              .n = n,
                              .k = k,
                              .a = run.in(normal(batch * m * k, 1)),
                              .b = run.in(normal(k * n, 2)),  // one for all
                              .c = run.out(batch * m * n),
                              .bias = run.in(normal(n, 3)),
                              .batch = batch,
                              .batch_stride_a = m * k,
                              .batch_stride_c = m * n});
        B::gemm(run.context, {.m = m,
                              .n = n,
                              .k = k,
                              .transpose_b = true,
                              .a = run.in(normal(batch * m * k, 1)),
                              .b = run.in(normal(batch * k * n, 2)),
                              .c = run.target(batch * m * n, true).data,
                              .accumulate = true,
                              .batch = batch,
                              .batch_stride_a = m * k,
                              .batch_stride_b = k * n,
                              .batch_stride_c = m * n});
    });
}

TEST_CASE("large batches, shared operands and deep products agree with the oracle",
          "[B-7][E-1][N-2]") {
    struct Batch {
        Index batch, m, n, k;
    };
    for (const auto& [batch, m, n, k] :
         {Batch{37, 9, 16, 20}, Batch{19, 40, 33, 16}, Batch{3, 130, 150, 5}, Batch{2, 3, 5, 5000},
          Batch{5, 2, 3, 0}, Batch{0, 2, 3, 4}}) {
        INFO(batch << " products " << m << "x" << n << "x" << k);
        check_against_oracle([&]<class B>(Run<B>& run) {
            const auto* a = run.in(normal(std::max<Index>(batch, 1) * m * k, 1));
            const auto* b = run.in(normal(std::max<Index>(batch, 1) * k * n, 2));
            for (const int variant : {0, 1, 2, 3, 4, 5, 6, 7}) {
                const bool shared_a = variant == 4 || variant == 5;
                const bool shared_b = variant >= 6;
                B::gemm(run.context, {.m = m,
                                      .n = n,
                                      .k = k,
                                      .transpose_a = variant % 2 == 1,
                                      .transpose_b = variant % 4 >= 2,
                                      .a = a,
                                      .b = b,
                                      .c = run.target(batch * m * n, variant == 3).data,
                                      .accumulate = variant == 3,
                                      .batch = batch,
                                      .batch_stride_a = shared_a ? 0 : m * k,
                                      .batch_stride_b = shared_b ? 0 : k * n,
                                      .batch_stride_c = m * n});
            }
        });
    }
}

TEST_CASE("convolutions agree with the oracle", "[B-7][E-1]") {
    for (const ConvShape& shape : conv_shapes) {
        INFO(describe(shape));
        const Values x = normal(input_size(shape), 1);
        const Values weight = normal(weight_size(shape), 2);
        const Values grad_y = normal(output_size(shape), 3);
        check_against_oracle([&]<class B>(Run<B>& run) {
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
                B::conv2d_pullback_weight(
                    run.context, {.shape = shape,
                                  .x = run.in(x),
                                  .grad_y = run.in(grad_y),
                                  .grad_weight = run.target(weight_size(shape), accumulate)});
            }
            B::conv2d_pullback_input(run.context, {.shape = shape,
                                                   .weight = run.in(weight),
                                                   .grad_y = run.in(grad_y),
                                                   .grad_x = run.unwanted()});
            B::conv2d_pullback_weight(run.context, {.shape = shape,
                                                    .x = run.in(x),
                                                    .grad_y = run.in(grad_y),
                                                    .grad_weight = run.unwanted()});
        });
    }
}

TEST_CASE("fast products are as near as their operands' bits", "[B-7][P-8]") {
    for (const ConvShape& shape : {conv_shapes[4], conv_shapes[5], conv_shapes[6], conv_shapes[10],
                                   keeping_size({32, 8, 8, 16, 32, 3, 3})}) {
        INFO(describe(shape));
        const Values x = normal(input_size(shape), 1);
        const Values weight = normal(weight_size(shape), 2);
        const Values grad_y = normal(output_size(shape), 3);
        const auto call = [&]<class B>(Run<B>& run) {
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
                B::conv2d_pullback_weight(
                    run.context, {.shape = shape,
                                  .x = run.in(x),
                                  .grad_y = run.in(grad_y),
                                  .grad_weight = run.target(weight_size(shape), accumulate)});
            }
        };
        check_nearly_all(call, std::type_identity<Backends>{});
    }
    const auto product = [&]<class B>(Run<B>& run) {
        B::gemm(run.context, {.m = 65,
                              .n = 48,
                              .k = 130,
                              .transpose_b = true,
                              .a = run.in(normal(65 * 130, 1)),
                              .b = run.in(normal(48 * 130, 2)),
                              .c = run.out(65 * 48),
                              .bias = run.in(normal(48, 3))});
    };
    check_nearly_all(product, std::type_identity<Backends>{});
}

TEST_CASE("depthwise convolutions agree with the oracle", "[B-7][E-1]") {
    for (const MapShape& map : map_shapes) {
        for (const Index kernel : {Index{3}, Index{5}}) {
            const ConvShape shape = keeping_size({.batch = map.batch,
                                                  .height = map.height,
                                                  .width = map.width,
                                                  .in_channels = map.channels,
                                                  .out_channels = map.channels,
                                                  .kernel_height = kernel,
                                                  .kernel_width = kernel,
                                                  .groups = map.channels});
            INFO(describe(shape) << " depthwise");
            const Values x = normal(size_of(map), 1);
            const Values weight = normal(weight_size(shape), 2);
            const Values grad_y = normal(size_of(map), 3);
            check_against_oracle([&]<class B>(Run<B>& run) {
                B::depthwise_conv2d(run.context, {.shape = shape,
                                                  .x = run.in(x),
                                                  .weight = run.in(weight),
                                                  .y = run.out(size_of(map))});
                for (const bool accumulate : {false, true}) {
                    B::depthwise_conv2d_pullback_input(
                        run.context, {.shape = shape,
                                      .weight = run.in(weight),
                                      .grad_y = run.in(grad_y),
                                      .grad_x = run.target(size_of(map), accumulate)});
                    B::depthwise_conv2d_pullback_weight(
                        run.context, {.shape = shape,
                                      .x = run.in(x),
                                      .grad_y = run.in(grad_y),
                                      .grad_weight = run.target(weight_size(shape), accumulate)});
                }
                B::depthwise_conv2d_pullback_input(run.context, {.shape = shape,
                                                                 .weight = run.in(weight),
                                                                 .grad_y = run.in(grad_y),
                                                                 .grad_x = run.unwanted()});
                B::depthwise_conv2d_pullback_weight(run.context, {.shape = shape,
                                                                  .x = run.in(x),
                                                                  .grad_y = run.in(grad_y),
                                                                  .grad_weight = run.unwanted()});
            });
        }
    }
}

TEST_CASE("the oracle's convolution of a map by hand", "[B-7]") {
    // One 2x2 map with one channel; the kernel's entries say where they are.
    const ConvShape shape = keeping_size({1, 2, 2, 1, 1, 3, 3});
    Oracle::Context context;
    const auto results = results_of<Oracle>(context, [&](Run<Oracle>& run) {
        Oracle::conv2d(run.context, {.shape = shape,
                                     .x = run.in({1, 2, 3, 4}),
                                     .weight = run.in({11, 12, 13, 21, 22, 23, 31, 32, 33}),
                                     .y = run.out(4)});
    });
    // y(0,0) = 1*w22 + 2*w23 + 3*w32 + 4*w33, and so on.
    CHECK(results[0] ==
          Values{22 + 46 + 96 + 132, 21 + 44 + 93 + 128, 12 + 26 + 66 + 92, 11 + 24 + 63 + 88});
}

TEST_CASE("the oracle's matrix product by hand", "[B-7]") {
    Oracle::Context context;
    const auto results = results_of<Oracle>(context, [&](Run<Oracle>& run) {
        const auto* a = run.in({1, 2, 3, 4});
        const auto* b = run.in({5, 6, 7, 8});
        Gemm<double> product{.m = 2, .n = 2, .k = 2, .a = a, .b = b, .c = run.out(4)};
        Oracle::gemm(run.context, product);
        product.transpose_a = true;
        product.c = run.out(4);
        Oracle::gemm(run.context, product);
        product.transpose_a = false;
        product.transpose_b = true;
        product.accumulate = true;
        product.c = run.inout({1, 1, 1, 1});
        Oracle::gemm(run.context, product);
        product.bias = run.in({100, 200});
        product.c = run.inout({1, 1, 1, 1});
        Oracle::gemm(run.context, product);
    });
    CHECK(results[0] == Values{19, 22, 43, 50});
    CHECK(results[1] == Values{26, 30, 38, 44});
    CHECK(results[2] == Values{18, 24, 40, 54});
    CHECK(results[3] == Values{118, 224, 140, 254});
}

TEST_CASE("the oracle's convolution gradients are slopes", "[B-7]") {
    for (const ConvShape& shape : {conv_shapes[1], conv_shapes[3], conv_shapes[12]}) {
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

TEST_CASE("the oracle's depthwise convolution gradients are slopes", "[B-7]") {
    ConvShape shape = keeping_size({3, 5, 4, 13, 13, 3, 3});
    shape.groups = 13;
    CHECK(slope_error(
              {normal(input_size(shape), 1), normal(weight_size(shape), 2)},
              [&](auto& run, const auto& in) {
                  Oracle::depthwise_conv2d(run.context, {.shape = shape,
                                                         .x = run.in(in[0]),
                                                         .weight = run.in(in[1]),
                                                         .y = run.out(output_size(shape))});
              },
              [&](auto& run, const auto& in, const double* grad_y) {
                  Oracle::depthwise_conv2d_pullback_input(
                      run.context, {.shape = shape,
                                    .weight = run.in(in[1]),
                                    .grad_y = grad_y,
                                    .grad_x = run.target(input_size(shape), false)});
                  Oracle::depthwise_conv2d_pullback_weight(
                      run.context, {.shape = shape,
                                    .x = run.in(in[0]),
                                    .grad_y = grad_y,
                                    .grad_weight = run.target(weight_size(shape), false)});
              }) < slope_tolerance);
}

}  // namespace kasmina::conformance::products_test
