// Rearranging, products, softmax, activations and losses: gradients against finite differences, at
// odd shapes.
#include <vector>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/concatenate.hpp>
#include <kasmina/autodiff/ops/expand.hpp>
#include <kasmina/autodiff/ops/losses.hpp>
#include <kasmina/autodiff/ops/matmul.hpp>
#include <kasmina/autodiff/ops/permute.hpp>
#include <kasmina/autodiff/ops/reduce_axes.hpp>
#include <kasmina/autodiff/ops/slice.hpp>
#include <kasmina/autodiff/ops/softmax.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::tensor_gradients_test {
namespace {

#define KASMINA_BACKENDS test::Eigen64, test::Oracle, test::Device64

template <class B, class F>
double error(const std::vector<Shape>& shapes, const F& function) {
    return testing::gradient_error<B>(shapes, [&](Tape<B>&, const auto& x) { return function(x); });
}

constexpr double tolerance = 1e-6;
const std::vector<Shape> odd_shapes{{1}, {7}, {1, 1}, {5, 1, 3}, {2, 13, 1, 3}, {2, 1, 3, 2, 1, 5}};

TEMPLATE_TEST_CASE("slices, used together and once more as a whole", "[gradient][N-2]",
                   KASMINA_BACKENDS) {
    using B = TestType;
    for (const Index axis : {0, 1, 2, -1}) {
        CHECK(error<B>({{4, 5, 6}}, [&](const auto& x) {
                  const Variable<B> head = ops::slice(x[0], axis, 0, 2);
                  const Variable<B> tail = ops::slice(x[0], axis, 1, 4);
                  return ops::concatenate({tail, head, x[0]}, axis);
              }) < tolerance);
    }
    CHECK(error<B>({{4, 5}}, [](const auto& x) { return ops::slice(x[0], 1, 2, 3); }) < tolerance);
}

TEMPLATE_TEST_CASE("concatenations of any number of operands", "[gradient][N-2]",
                   KASMINA_BACKENDS) {
    using B = TestType;
    for (const Index axis : {0, 1}) {
        std::vector<Shape> shapes;
        for (Index i = 0; i < 11; ++i) {
            shapes.push_back(axis == 0 ? Shape{i % 3 + 1, 5} : Shape{5, i % 3 + 1});
        }
        CHECK(error<B>(shapes, [&](const auto& x) {
                  return ops::concatenate(std::span<const Variable<B>>(x), axis);
              }) < tolerance);
    }
}

TEMPLATE_TEST_CASE("permutations of odd shapes", "[gradient][N-2]", KASMINA_BACKENDS) {
    using B = TestType;
    for (const Shape& shape : odd_shapes) {
        CAPTURE(to_string(shape));
        CHECK(error<B>({shape}, [](const auto& x) {
                  const Index rank = x[0].shape().rank();
                  std::vector<Index> order;
                  for (Index axis = 0; axis < rank; ++axis) order.push_back(rank - 1 - axis);
                  return ops::permute(x[0], ops::Axes(order));
              }) < tolerance);
        CHECK(error<B>({shape}, [](const auto& x) { return ops::transpose(x[0], 0, -1); }) <
              tolerance);
    }
}

TEMPLATE_TEST_CASE("expansions, and sums and means over axes", "[gradient][N-2]",
                   KASMINA_BACKENDS) {
    using B = TestType;
    CHECK(error<B>({{1}}, [](const auto& x) { return ops::expand(x[0], {3, 4}); }) < tolerance);
    CHECK(error<B>({{3, 1, 5}}, [](const auto& x) {
              return ops::expand(x[0], {2, 3, 4, 5});
          }) < tolerance);
    for (const Shape& shape : odd_shapes) {
        CAPTURE(to_string(shape));
        for (const Index axis : {0, -1}) {
            CHECK(error<B>({shape}, [&](const auto& x) { return ops::sum(x[0], axis); }) <
                  tolerance);
            CHECK(error<B>({shape}, [&](const auto& x) { return ops::mean(x[0], axis, true); }) <
                  tolerance);
        }
    }
    CHECK(error<B>({{3, 4, 5, 2}}, [](const auto& x) {
              return ops::expand(ops::mean(x[0], {0, 2}, true), x[0].shape());
          }) < tolerance);
}

TEMPLATE_TEST_CASE("products of matrices, batched, stretched and transposed", "[gradient][N-2]",
                   KASMINA_BACKENDS) {
    using B = TestType;
    struct Operands {
        Shape a;
        Shape b;
    };
    // As they are read; what is transposed is stored the other way round.
    const std::vector<Operands> all{{{1, 1}, {1, 1}},          {{2, 3}, {3, 5}},
                                    {{4, 2, 3}, {4, 3, 5}},    {{4, 2, 3}, {3, 5}},
                                    {{2, 3}, {4, 3, 5}},       {{2, 1, 4, 2, 3}, {3, 1, 3, 5}},
                                    {{2, 3, 2, 3}, {3, 3, 1}}, {{3, 2, 1, 3}, {2, 3, 2}}};
    for (const Operands& operands : all) {
        for (const bool transpose_a : {false, true}) {
            for (const bool transpose_b : {false, true}) {
                const auto stored = [](const Shape& read, bool transposed) {
                    std::vector<Index> extents;
                    for (Index axis = 0; axis < read.rank(); ++axis) extents.push_back(read[axis]);
                    if (transposed) std::swap(extents.back(), extents[extents.size() - 2]);
                    return Shape(std::span<const Index>(extents));
                };
                CAPTURE(to_string(operands.a), to_string(operands.b), transpose_a, transpose_b);
                CHECK(error<B>({stored(operands.a, transpose_a), stored(operands.b, transpose_b)},
                               [&](const auto& x) {
                                   return ops::matmul(
                                       x[0], x[1],
                                       {.transpose_a = transpose_a, .transpose_b = transpose_b});
                               }) < tolerance);
            }
        }
    }
    CHECK(error<B>({{4}, {4}}, [](const auto& x) { return ops::matmul(x[0], x[1]); }) < tolerance);
    // One operand on both sides.
    CHECK(error<B>({{3, 4, 2}}, [](const auto& x) {
              return ops::matmul(x[0], x[0], {.transpose_b = true});
          }) < tolerance);
}

TEMPLATE_TEST_CASE("softmax along any axis", "[gradient][N-2]", KASMINA_BACKENDS) {
    using B = TestType;
    for (const Index axis : {0, 1, -1}) {
        CHECK(error<B>({{3, 4, 5}}, [&](const auto& x) { return ops::softmax(x[0], axis); }) <
              tolerance);
        CHECK(error<B>({{3, 4, 5}}, [&](const auto& x) { return ops::log_softmax(x[0], axis); }) <
              tolerance);
    }
}

TEMPLATE_TEST_CASE("activations", "[gradient][N-2]", KASMINA_BACKENDS) {
    using B = TestType;
    const std::vector<Shape> shapes{{3, 37}};
    CHECK(error<B>(shapes, [](const auto& x) { return ops::gelu(x[0]); }) < tolerance);
    CHECK(error<B>(shapes, [](const auto& x) { return ops::gelu_tanh(x[0]); }) < tolerance);
    CHECK(error<B>(shapes, [](const auto& x) { return ops::silu(x[0]); }) < tolerance);
    CHECK(error<B>(shapes, [](const auto& x) { return ops::leaky_relu(x[0], 0.3); }) < tolerance);
    CHECK(error<B>(shapes, [](const auto& x) { return ops::elu(x[0], 0.7); }) < tolerance);
    CHECK(error<B>(shapes, [](const auto& x) { return ops::softplus(x[0], 1.5); }) < tolerance);
}

TEMPLATE_TEST_CASE("losses, of predictions and of targets", "[gradient][N-3]", KASMINA_BACKENDS) {
    using B = TestType;
    const std::vector<Shape> shapes{{5, 7}, {5, 7}};
    CHECK(error<B>(shapes, [](const auto& x) { return ops::mean_squared_error(x[0], x[1]); }) <
          tolerance);
    CHECK(error<B>(shapes, [](const auto& x) { return ops::l1_loss(x[0], x[1]); }) < tolerance);
    CHECK(error<B>(shapes, [](const auto& x) { return ops::huber_loss(x[0], x[1], 0.7); }) <
          tolerance);
    CHECK(error<B>(shapes, [](const auto& x) {
              return ops::binary_cross_entropy_with_logits(x[0], ops::sigmoid(x[1]),
                                                           {.positive_weight = 2.5});
          }) < tolerance);
    CHECK(error<B>(shapes, [](const auto& x) {
              return ops::kl_divergence(ops::log_softmax(x[0]), ops::softmax(x[1]));
          }) < tolerance);
    CHECK(error<B>(shapes, [](const auto& x) {
              return ops::kl_divergence(ops::log_softmax(x[0]), ops::log_softmax(x[1]),
                                        {.log_target = true});
          }) < tolerance);
}

}  // namespace
}  // namespace kasmina::tensor_gradients_test
