// After the first step, operations of any number of operands and losses allocate nothing.
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/concatenate.hpp>
#include <kasmina/autodiff/ops/losses.hpp>
#include <kasmina/autodiff/ops/matmul.hpp>
#include <kasmina/autodiff/ops/permute.hpp>
#include <kasmina/autodiff/ops/reduce_axes.hpp>
#include <kasmina/autodiff/ops/slice.hpp>
#include <kasmina/autodiff/ops/softmax.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/catch.hpp"
#include "support/counting_allocator.hpp"

namespace kasmina::tensor_allocation_test {
namespace {

TEST_CASE("after the first step, tensor operations and losses allocate nothing",
          "[allocation][N-2][N-3]") {
    using B = backends::Eigen<float>;
    B::Context context(2);
    const Parameter<B> weight(
        Tensor<B>::from_host(context, {16, 12}, testing::normal_values<float>(16 * 12, 1)));
    const auto inputs =
        Tensor<B>::from_host(context, {4, 6, 16}, testing::normal_values<float>(4 * 6 * 16, 2));
    const auto targets = Tensor<B>::from_host(context, {12, 4}, std::vector<float>(48, 0.25F));
    Tape<B> tape(context);
    float last = 0.0F;
    const auto step = [&] {
        tape.clear();
        const auto h = ops::matmul(tape.constant(inputs), tape.parameter(weight));
        const std::array parts{ops::slice(h, 2, 0, 5), ops::slice(h, 2, 5, 12),
                               ops::slice(h, 2, 0, 3), ops::slice(h, 2, 3, 12)};
        const auto both = ops::gelu(ops::concatenate(std::span<const Variable<B>>(parts), 2));
        const auto scores = ops::softmax(ops::matmul(both, both, {.transpose_b = true}));
        const auto mixed = ops::matmul(scores, ops::slice(both, 2, 0, 12));
        const auto means = ops::mean(ops::transpose(mixed, 0, 2), 1);
        const auto loss = ops::binary_cross_entropy_with_logits(means, targets);
        auto pending = loss.read();
        tape.backward(loss);
        last = pending.get();
    };
    step();
    step();
    const std::size_t before = test::allocations();
    for (int i = 0; i < 3; ++i) step();
    const std::size_t allocated = test::allocations() - before;
    REQUIRE(last > 0.0F);
    CHECK(allocated == 0);
}

}  // namespace
}  // namespace kasmina::tensor_allocation_test
