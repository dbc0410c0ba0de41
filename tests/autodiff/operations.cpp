// What operations promise besides gradients: exact bits at the ends, and typed refusals.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
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
#include <kasmina/autodiff/ops/group_norm.hpp>
#include <kasmina/autodiff/ops/linear.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/gradient_check.hpp"

namespace kasmina {
namespace {

using B = test::Eigen64;

struct Bench {
    B::Context context{};
    Tape<B> tape{context};

    Variable<B> leaf(const Shape& shape, std::uint64_t seed = 1) {
        return tape.leaf(shape, test::normal_values<double>(shape.elements(), seed));
    }
};

TEST_CASE("at amplitude 0 every blend is the host itself, at 1 add is the seed itself", "[A-5]") {
    Bench bench;
    const auto h = bench.leaf({2, 3, 3, 5}, 1);
    const auto s = bench.leaf({2, 3, 3, 5}, 2);
    const auto g = bench.leaf({2, 1, 1, 1}, 3);
    CHECK(ops::blend_add(h, s, 0.0) == h);
    CHECK(ops::blend_add(h, s, -3.0) == h);
    CHECK(ops::blend_add(h, s, 1.0) == s);
    CHECK(ops::blend_add(h, s, 7.0) == s);
    CHECK(ops::blend_multiply(h, s, h, 0.0) == h);
    CHECK(ops::blend_gate(h, s, g, 0.0) == h);
    CHECK_THROWS_AS(ops::blend_add(h, s, std::numeric_limits<double>::quiet_NaN()), NumericError);
}

TEMPLATE_TEST_CASE("per sample, amplitude 0 has the host's bits though the seed is NaN",
                   "[A-5][A-8]", test::Eigen32, test::Eigen64, test::Oracle) {
    using Backend = TestType;
    using Scalar = typename Backend::Scalar;
    constexpr Index size = 2 * 3 * 7;
    const Shape shape{3, 2, 3, 7};
    auto host_values = test::normal_values<Scalar>(3 * size, 1);
    host_values[0] = Scalar(-0.0);
    auto seed_values = test::normal_values<Scalar>(3 * size, 2);
    for (std::size_t i = 0; i < size; ++i) {
        seed_values[i] = std::numeric_limits<Scalar>::quiet_NaN();
    }
    typename Backend::Context context{};
    Tape<Backend> tape(context);
    const auto h = tape.leaf(shape, host_values);
    const auto s = tape.leaf(shape, seed_values);
    const auto g = tape.leaf({3, 1, 1, 1}, test::normal_values<Scalar>(3, 3));
    const std::vector<Scalar> alphas{Scalar(-2), Scalar(2), Scalar(0.5)};  // clamped to 0, 1
    const std::span<const Scalar> per_sample(alphas);
    const auto bits_of = [](const std::vector<Scalar>& values, std::size_t sample) {
        std::vector<std::uint8_t> bits(size * sizeof(Scalar));
        std::memcpy(bits.data(), values.data() + sample * size, bits.size());
        return bits;
    };
    const auto added = ops::blend_add(h, s, per_sample);
    CHECK(bits_of(added.to_host(), 0) == bits_of(host_values, 0));
    CHECK(bits_of(added.to_host(), 1) == bits_of(seed_values, 1));
    CHECK(bits_of(ops::blend_multiply(h, s, h, per_sample).to_host(), 0) ==
          bits_of(host_values, 0));
    CHECK(bits_of(ops::blend_gate(h, s, g, per_sample).to_host(), 0) == bits_of(host_values, 0));
}

TEST_CASE("a gate is clamped and works per sample", "[A-5]") {
    Bench bench;
    const auto h = bench.leaf({2, 1, 1, 3}, 1);
    const auto s = bench.leaf({2, 1, 1, 3}, 2);
    const auto gate = bench.tape.constant({2, 1, 1, 1}, std::array{-1.0, 0.5});
    const auto y = ops::blend_gate(h, s, gate, 1.0).to_host();
    const auto hs = h.to_host();
    const auto ss = s.to_host();
    for (std::size_t i = 0; i < 3; ++i) CHECK(y[i] == hs[i]);
    for (std::size_t i = 3; i < 6; ++i) CHECK(y[i] == Approx((hs[i] + ss[i]) / 2));
}

TEST_CASE("operands that do not fit are refused with both shapes", "[E-2]") {
    Bench bench;
    const auto map = bench.leaf({2, 3, 3, 4});
    const auto row = bench.leaf({2, 4});
    const auto vector = bench.leaf({4});
    CHECK_THROWS_AS(ops::conv2d(row, bench.leaf({4, 4, 3, 3})), ShapeError);
    CHECK_THROWS_AS(ops::conv2d(map, bench.leaf({4, 5, 3, 3})), ShapeError);
    CHECK_THROWS_AS(ops::conv2d(map, bench.leaf({4, 4, 2, 2})), ShapeError);
    CHECK_THROWS_AS(ops::depthwise_conv2d(map, bench.leaf({4, 4, 3, 3})), ShapeError);
    CHECK_THROWS_AS(ops::linear(row, bench.leaf({3, 5})), ShapeError);
    CHECK_THROWS_AS(ops::linear(row, bench.leaf({3, 4}), bench.leaf({4})), ShapeError);
    CHECK_THROWS_AS(ops::linear(row, vector), ShapeError);
    CHECK_THROWS_AS(ops::group_norm(map, vector, vector, 3), OptionError);
    CHECK_THROWS_AS(ops::group_norm(map, bench.leaf({3}), vector, 2), ShapeError);
    CHECK_THROWS_AS(ops::group_norm(map, vector, vector, 2, {.residual = row}), ShapeError);
    CHECK_THROWS_AS(ops::max_pool(bench.leaf({2, 1, 5, 4})), ShapeError);
    CHECK_THROWS_AS(ops::mean_positions(row), ShapeError);
    CHECK_THROWS_AS(ops::reshape(map, {2, 3, 3, 5}), ShapeError);
    CHECK_THROWS_AS(ops::straight_through(map, row), ShapeError);
    CHECK_THROWS_AS(ops::add(map, bench.leaf({3})), ShapeError);
    CHECK_THROWS_AS(ops::add(map, bench.leaf({3, 1, 1, 1})), ShapeError);
    CHECK_THROWS_AS(ops::add(map, row), ShapeError);
    CHECK_THROWS_AS(ops::blend_add(map, row, 0.5), ShapeError);
    CHECK_THROWS_AS(ops::blend_gate(map, map, vector, 0.5), ShapeError);
    CHECK_THROWS_AS(ops::blend_add(map, map, std::vector<double>{0.5}), ShapeError);
    try {
        static_cast<void>(ops::conv2d(map, bench.leaf({4, 5, 3, 3})));
    } catch (const ShapeError& error) {
        CHECK(error.where() == "ops::conv2d");
        CHECK(error.expected() == "(4, 4, 3, 3)");
        CHECK(error.got() == "(4, 5, 3, 3)");
    }
}

TEST_CASE("batch statistics of a single value are refused", "[E-2]") {
    Bench bench;
    auto mean = Tensor<B>::full({4}, 0.0);
    auto variance = Tensor<B>::full({4}, 1.0);
    const auto one = bench.leaf({4});
    CHECK_THROWS_AS(ops::batch_norm_training(bench.leaf({1, 1, 1, 4}), one, one, mean, variance),
                    ShapeError);
    CHECK(mean.to_host() == std::vector<double>(4, 0.0));
    CHECK_NOTHROW(ops::batch_norm_evaluation(bench.leaf({1, 1, 1, 4}), one, one, mean, variance));
}

TEST_CASE("targets that are no classes are refused", "[H-7][E-2]") {
    Bench bench;
    const auto logits = bench.leaf({2, 3});
    const auto loss = [&](std::vector<std::int32_t> targets, CrossEntropyOptions options = {}) {
        return ops::cross_entropy(logits, targets, options).item();
    };
    CHECK_NOTHROW(loss({0, 2}));
    CHECK_NOTHROW(loss({0, -100}));
    CHECK_THROWS_AS(loss({0}), ShapeError);
    CHECK_THROWS_AS(loss({0, 3}), NumericError);
    CHECK_THROWS_AS(loss({0, -1}), NumericError);
    CHECK_THROWS_AS(loss({-100, -100}), NumericError);
    CHECK_THROWS_AS(loss({0, 1}, {.label_smoothing = 1.5}), OptionError);
}

}  // namespace
}  // namespace kasmina
