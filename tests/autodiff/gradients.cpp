// Every operation's gradient against finite differences in double, at odd shapes.
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/alias.hpp>
#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/autodiff/ops/batch_norm.hpp>
#include <kasmina/autodiff/ops/blend.hpp>
#include <kasmina/autodiff/ops/conv2d.hpp>
#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/autodiff/ops/depthwise_conv2d.hpp>
#include <kasmina/autodiff/ops/dropout.hpp>
#include <kasmina/autodiff/ops/embedding.hpp>
#include <kasmina/autodiff/ops/group_norm.hpp>
#include <kasmina/autodiff/ops/linear.hpp>
#include <kasmina/autodiff/ops/linear_gelu.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/autodiff/ops/reduce.hpp>
#include <kasmina/nn/groups.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::gradients_test {
namespace {

constexpr double tolerance = 1e-6;
constexpr std::array<Index, 5> odd_channels{1, 3, 13, 48, 70};

/// Maps of batch 1 and 3, of one position and of a few.
std::vector<Shape> odd_maps(Index channels) {
    return {{1, 1, 1, channels}, {3, 1, 1, channels}, {1, 3, 5, channels}, {3, 4, 3, channels}};
}

#define KASMINA_BACKENDS test::Eigen64, test::Oracle, test::Device64

TEMPLATE_TEST_CASE("convolution", "[gradient][N-1]", KASMINA_BACKENDS) {
    using B = TestType;
    for (const Index inputs : odd_channels) {
        for (const Index kernel : {1, 3, 5}) {
            const Index outputs = inputs == 70 ? 3 : inputs + 4;
            const Shape map = kernel == 5 ? Shape{1, 3, 4, inputs}
                                          : odd_maps(inputs)[static_cast<std::size_t>(inputs % 4)];
            CAPTURE(to_string(map), kernel);
            CHECK(testing::gradient_error<B>(
                      {map, {outputs, inputs, kernel, kernel}},
                      [](Tape<B>&, const auto& x) { return ops::conv2d(x[0], x[1]); }) < tolerance);
            CHECK(testing::gradient_error<B>({map, {inputs, 1, kernel, kernel}},
                                             [](Tape<B>&, const auto& x) {
                                                 return ops::depthwise_conv2d(x[0], x[1]);
                                             }) < tolerance);
        }
    }
}

TEMPLATE_TEST_CASE("linear on the last dimension, with and without a bias", "[gradient]",
                   KASMINA_BACKENDS) {
    using B = TestType;
    for (const Shape& shape : {Shape{1, 1}, Shape{3, 13}, Shape{2, 5, 7}, Shape{4}}) {
        CAPTURE(to_string(shape));
        const Index inputs = shape.back();
        CHECK(testing::gradient_error<B>({shape, {6, inputs}, {6}}, [](Tape<B>&, const auto& x) {
                  return ops::linear(x[0], x[1], x[2]);
              }) < tolerance);
        CHECK(testing::gradient_error<B>({shape, {1, inputs}}, [](Tape<B>&, const auto& x) {
                  return ops::linear(x[0], x[1]);
              }) < tolerance);
        CHECK(testing::gradient_error<B>({shape, {6, inputs}, {6}}, [](Tape<B>&, const auto& x) {
                  return ops::linear_gelu(x[0], x[1], x[2]);
              }) < tolerance);
    }
}

TEMPLATE_TEST_CASE("group norm, plain and with ReLU and a residual", "[gradient]",
                   KASMINA_BACKENDS) {
    using B = TestType;
    for (const Index channels : odd_channels) {
        for (const Shape& map : odd_maps(channels)) {
            // A group of one value is a constant: its gradient is 0 and its slope is noise.
            if (map[1] * map[2] * channels / groups(channels) < 3) continue;
            CAPTURE(to_string(map));
            const std::vector<Shape> shapes{map, {channels}, {channels}, map};
            CHECK(testing::gradient_error<B>(
                      {map, {channels}, {channels}}, [channels](Tape<B>&, const auto& x) {
                          return ops::group_norm(x[0], x[1], x[2], groups(channels));
                      }) < tolerance);
            CHECK(testing::gradient_error<B>(shapes, [channels](Tape<B>&, const auto& x) {
                      return ops::group_norm(x[0], x[1], x[2], groups(channels),
                                             {.relu = true, .residual = x[3]});
                  }) < 1e-5);
            CHECK(testing::gradient_error<B>(
                      {map, {channels}, {channels}}, [channels](Tape<B>&, const auto& x) {
                          return ops::group_norm(x[0], x[1], x[2], groups(channels),
                                                 {.residual = x[0]});
                      }) < tolerance);
        }
    }
}

TEMPLATE_TEST_CASE("layer norm", "[gradient]", KASMINA_BACKENDS) {
    using B = TestType;
    for (const Shape& shape : {Shape{3, 13}, Shape{2, 4, 7}, Shape{5}}) {
        CAPTURE(to_string(shape));
        CHECK(testing::gradient_error<B>({shape, {shape.back()}, {shape.back()}},
                                         [](Tape<B>&, const auto& x) {
                                             return ops::layer_norm(x[0], x[1], x[2]);
                                         }) < tolerance);
    }
}

TEMPLATE_TEST_CASE("batch norm in training and evaluation, with every epilogue", "[gradient]",
                   KASMINA_BACKENDS) {
    using B = TestType;
    for (const Index channels : odd_channels) {
        for (const Shape& map :
             {Shape{4, 1, 1, channels}, Shape{1, 3, 5, channels}, Shape{3, 5, 4, channels}}) {
            for (const NormEpilogue epilogue :
                 {NormEpilogue{}, NormEpilogue{true, false}, NormEpilogue{true, true},
                  NormEpilogue{false, true}}) {
                if (epilogue.max_pool && map[1] < 2) continue;
                CAPTURE(to_string(map), epilogue.relu, epilogue.max_pool);
                const auto normalised = [&](Mode mode) {
                    return [&, mode](Tape<B>& tape, const auto& x) {
                        auto mean = Tensor<B>::full(tape.context(), {channels}, 0.1);
                        auto variance = Tensor<B>::full(tape.context(), {channels}, 1.3);
                        return ops::batch_norm(Pass<B>(tape, mode), x[0], x[1], x[2], mean,
                                               variance, epilogue);
                    };
                };
                const std::vector<Shape> shapes{map, {channels}, {channels}};
                CHECK(testing::gradient_error<B>(shapes, normalised(Mode::training)) < 1e-5);
                for (const Mode mode : {Mode::evaluation, Mode::training_frozen_statistics}) {
                    CHECK(testing::gradient_error<B>(shapes, normalised(mode)) < tolerance);
                }
            }
        }
    }
}

TEMPLATE_TEST_CASE("pools, sums and means", "[gradient][N-1][N-2]", KASMINA_BACKENDS) {
    using B = TestType;
    for (const Index channels : odd_channels) {
        for (const Shape& map : {Shape{1, 2, 2, channels}, Shape{3, 5, 4, channels}}) {
            CAPTURE(to_string(map));
            CHECK(testing::gradient_error<B>({map}, [](Tape<B>&, const auto& x) {
                      return ops::max_pool(x[0]);
                  }) < tolerance);
        }
        for (const Shape& map : odd_maps(channels)) {
            CAPTURE(to_string(map));
            CHECK(testing::gradient_error<B>({map}, [](Tape<B>&, const auto& x) {
                      return ops::mean_positions(x[0]);
                  }) < tolerance);
            CHECK(testing::gradient_error<B>({map}, [](Tape<B>&, const auto& x) {
                      return ops::add(ops::sum(x[0]), ops::mean(ops::multiply(x[0], x[0])));
                  }) < tolerance);
        }
    }
}

TEMPLATE_TEST_CASE("pointwise functions with every stretched operand", "[gradient]",
                   KASMINA_BACKENDS) {
    using B = TestType;
    for (const Index channels : odd_channels) {
        for (const Shape& map : odd_maps(channels)) {
            CAPTURE(to_string(map));
            const Index samples = map[0];
            for (const Shape& other :
                 {map, Shape{channels}, Shape{1, 1, 1, channels}, Shape{samples, 1, 1, 1},
                  Shape{samples, 1, 1, channels}, Shape{1}, Shape{}}) {
                CAPTURE(to_string(other));
                CHECK(testing::gradient_error<B>({map, other}, [](Tape<B>&, const auto& x) {
                          return ops::multiply(ops::tanh(x[0]), x[1]);
                      }) < tolerance);
                CHECK(testing::gradient_error<B>({other, map}, [](Tape<B>&, const auto& x) {
                          return ops::add_scaled(x[1], x[0], ops::sigmoid(x[1]));
                      }) < tolerance);
            }
        }
    }
}

TEMPLATE_TEST_CASE("one variable as both operands", "[gradient]", KASMINA_BACKENDS) {
    using B = TestType;
    CHECK(testing::gradient_error<B>({Shape{3, 7}}, [](Tape<B>&, const auto& x) {
              return ops::add_scaled(x[0], x[0], x[0]);
          }) < tolerance);
}

TEMPLATE_TEST_CASE("blends by a number, by one on the tape and per sample", "[gradient][A-5]",
                   KASMINA_BACKENDS) {
    using B = TestType;
    const Shape map{3, 2, 3, 5};
    const std::vector<double> alphas{0.0, 0.4, 1.0};
    const std::span<const double> per_sample(alphas);
    const auto one = [](Tape<B>& tape) { return tape.constant({1}, std::array{0.3}); };
    CHECK(testing::gradient_error<B>({map, map}, [&](Tape<B>& tape, const auto& x) {
              return ops::blend_add(x[0], x[1], one(tape));
          }) < tolerance);
    CHECK(testing::gradient_error<B>({map, map, map}, [&](Tape<B>& tape, const auto& x) {
              return ops::blend_multiply(x[0], x[1], x[2], one(tape));
          }) < tolerance);
    CHECK(testing::gradient_error<B>({map, map, {3, 1, 1, 1}}, [&](Tape<B>& tape, const auto& x) {
              return ops::blend_gate(x[0], x[1], ops::sigmoid(x[2]), one(tape));
          }) < tolerance);
    CHECK(testing::gradient_error<B>({map, map}, [](Tape<B>&, const auto& x) {
              return ops::blend_add(x[0], x[1], 0.3);
          }) < tolerance);
    CHECK(testing::gradient_error<B>({map, map}, [&](Tape<B>&, const auto& x) {
              return ops::blend_add(x[0], x[1], per_sample);
          }) < tolerance);
    CHECK(testing::gradient_error<B>({map, map, map}, [](Tape<B>&, const auto& x) {
              return ops::blend_multiply(x[0], x[1], x[2], 0.3);
          }) < tolerance);
    CHECK(testing::gradient_error<B>({map, map, map}, [&](Tape<B>&, const auto& x) {
              return ops::blend_multiply(x[0], x[1], x[2], per_sample);
          }) < tolerance);
    CHECK(testing::gradient_error<B>({map, map, {3, 1, 1, 1}}, [](Tape<B>&, const auto& x) {
              return ops::blend_gate(x[0], x[1], ops::sigmoid(x[2]), 0.3);
          }) < tolerance);
    CHECK(testing::gradient_error<B>({map, map, {3, 1, 1, 1}}, [&](Tape<B>&, const auto& x) {
              return ops::blend_gate(x[0], x[1], ops::sigmoid(x[2]), per_sample);
          }) < tolerance);
}

TEMPLATE_TEST_CASE("cross-entropy, smoothed and ignoring", "[gradient][H-7][N-3]",
                   KASMINA_BACKENDS) {
    using B = TestType;
    const std::vector<std::int32_t> targets{2, 0, -100, 4};
    for (const double smoothing : {0.0, 0.2}) {
        const CrossEntropyOptions options{.label_smoothing = smoothing};
        CHECK(testing::gradient_error<B>({Shape{4, 5}}, [&](Tape<B>&, const auto& x) {
                  return ops::cross_entropy(x[0], targets, options);
              }) < tolerance);
        CHECK(testing::gradient_error<B>({Shape{4, 5}}, [&](Tape<B>& tape, const auto& x) {
                  // Goes before backward: the operation shares what it needs.
                  const ClassLabels<B> labels(tape.context(), targets, 5);
                  return ops::cross_entropy(x[0], labels, options);
              }) < tolerance);
    }
}

TEMPLATE_TEST_CASE("dropout, whose mask is the same on the way back", "[gradient][N-2]",
                   KASMINA_BACKENDS) {
    using B = TestType;
    for (const Shape& shape : {Shape{1}, Shape{3, 7}, Shape{2, 3, 5, 4}}) {
        for (const double rate : {0.0, 0.4}) {
            CAPTURE(to_string(shape), rate);
            // What is dropped altogether has gradient 0, and slope 0.
            CHECK(testing::gradient_error<B>({shape}, [&](Tape<B>& tape, const auto& x) {
                      Generator generator(3);
                      static_cast<void>(generator());
                      const Pass<B> pass(tape, Mode::training, generator);
                      return ops::multiply(ops::dropout(pass, x[0], rate), x[0]);
                  }) < tolerance);
        }
    }
}

TEMPLATE_TEST_CASE("embedding, rows named once, often and never", "[gradient][N-2]",
                   KASMINA_BACKENDS) {
    using B = TestType;
    const std::vector<std::int32_t> values{2, 0, 2, 2, 4, 0};
    for (const Index width : {1, 3, 70}) {
        CAPTURE(width);
        CHECK(testing::gradient_error<B>({Shape{5, width}}, [&](Tape<B>& tape, const auto& x) {
                  const TokenIds<B> ids(tape.context(), {2, 3}, values, 5);
                  return ops::embedding(x[0], ids);
              }) < tolerance);
        // Twice into one table: the second gradient is added.
        CHECK(testing::gradient_error<B>({Shape{5, width}}, [&](Tape<B>& tape, const auto& x) {
                  const TokenIds<B> ids(tape.context(), {6}, values, 5);
                  const TokenIds<B> others(tape.context(), {6}, std::vector{1, 1, 1, 0, 0, 3}, 4);
                  return ops::multiply(ops::embedding(x[0], ids), ops::embedding(x[0], others));
              }) < tolerance);
    }
}

TEMPLATE_TEST_CASE("one parameter used by two operations", "[gradient]", KASMINA_BACKENDS) {
    using B = TestType;
    CHECK(testing::gradient_error<B>({Shape{3, 4}, Shape{4, 4}, Shape{4}},
                                     [](Tape<B>&, const auto& x) {
                                         const auto hidden = ops::linear(x[0], x[1], x[2]);
                                         return ops::linear(ops::tanh(hidden), x[1], x[2]);
                                     }) < tolerance);
}

TEMPLATE_TEST_CASE("reshape", "[gradient]", KASMINA_BACKENDS) {
    using B = TestType;
    CHECK(testing::gradient_error<B>({Shape{2, 3, 4}}, [](Tape<B>&, const auto& x) {
              return ops::relu(ops::reshape(x[0], {6, 4}));
          }) < tolerance);
}

}  // namespace
}  // namespace kasmina::gradients_test
