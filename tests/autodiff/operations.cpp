// What operations promise besides gradients: exact bits at the ends, and typed refusals.
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
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
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::operations_test {
namespace {

using B = test::Eigen64;

struct Bench {
    B::Context context{};
    Tape<B> tape{context};

    Variable<B> leaf(const Shape& shape, std::uint64_t seed = 1) {
        return tape.leaf(shape, testing::normal_values<double>(shape.elements(), seed));
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
                   "[A-5][A-8]", test::Eigen32, test::Eigen64, test::Oracle, test::Device32) {
    using Backend = TestType;
    using Scalar = typename Backend::Scalar;
    constexpr Index size = 2 * 3 * 7;
    const Shape shape{3, 2, 3, 7};
    auto host_values = testing::normal_values<Scalar>(3 * size, 1);
    host_values[0] = Scalar(-0.0);
    auto seed_values = testing::normal_values<Scalar>(3 * size, 2);
    for (std::size_t i = 0; i < size; ++i) {
        seed_values[i] = std::numeric_limits<Scalar>::quiet_NaN();
    }
    typename Backend::Context context{};
    Tape<Backend> tape(context);
    const auto h = tape.leaf(shape, host_values);
    const auto s = tape.leaf(shape, seed_values);
    const auto g = tape.leaf({3, 1, 1, 1}, testing::normal_values<Scalar>(3, 3));
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

TEST_CASE("an amplitude on the tape blends as the same number does", "[A-5][A-7]") {
    Bench bench;
    const auto h = bench.leaf({3, 2, 3, 7}, 1);
    const auto s = bench.leaf({3, 2, 3, 7}, 2);
    const auto g = bench.leaf({3, 1, 1, 1}, 3);
    const auto close = [](const auto& by_number, const auto& on_tape) {
        const auto expected = by_number.to_host();
        const auto got = on_tape.to_host();
        for (std::size_t i = 0; i < expected.size(); ++i) {
            REQUIRE(got[i] == Approx(expected[i]).epsilon(1e-14));
        }
    };
    for (const double alpha : {0.0, 0.3, 1.0}) {
        const auto one = bench.tape.constant({1}, std::array{alpha});
        close(ops::blend_add(h, s, alpha), ops::blend_add(h, s, one));
        close(ops::blend_multiply(h, s, s, alpha), ops::blend_multiply(h, s, s, one));
        close(ops::blend_gate(h, s, g, alpha), ops::blend_gate(h, s, g, one));
    }
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
    CHECK_THROWS_AS(ops::depthwise_conv2d(map, bench.leaf({4, 4, 3, 3})), ShapeError);
    CHECK_THROWS_AS(ops::linear(row, bench.leaf({3, 5})), ShapeError);
    CHECK_THROWS_AS(ops::linear(row, bench.leaf({3, 4}), bench.leaf({4})), ShapeError);
    CHECK_THROWS_AS(ops::linear(row, vector), ShapeError);
    CHECK_THROWS_AS(ops::linear_gelu(row, bench.leaf({3, 4}), bench.leaf({1})), ShapeError);
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
    CHECK_THROWS_AS(ops::blend_add(map, map, vector), ShapeError);
    CHECK_THROWS_AS(ops::blend_multiply(map, map, map, bench.leaf({3, 1, 1, 1})), ShapeError);
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
    auto mean = Tensor<B>::full(bench.context, {4}, 0.0);
    auto variance = Tensor<B>::full(bench.context, {4}, 1.0);
    const auto one = bench.leaf({4});
    const auto normalised = [&](Mode mode) {
        return ops::batch_norm(Pass<B>(bench.tape, mode), bench.leaf({1, 1, 1, 4}), one, one, mean,
                               variance);
    };
    CHECK_THROWS_AS(normalised(Mode::training), ShapeError);
    CHECK(mean.to_host(bench.context) == std::vector<double>(4, 0.0));
    CHECK_NOTHROW(normalised(Mode::evaluation));
    CHECK_NOTHROW(normalised(Mode::training_frozen_statistics));
}

TEST_CASE("the pass says by which statistics a batch norm goes and whether it moves them",
          "[H-6]") {
    Bench bench;
    const auto x = bench.leaf({2, 3, 3, 4});
    const auto one = bench.tape.constant({4}, std::vector<double>(4, 1.0));
    const auto zero = bench.tape.constant({4}, std::vector<double>(4, 0.0));
    const std::vector<double> start(4, 0.5);
    auto mean = Tensor<B>::from_host(bench.context, {4}, start);
    auto variance = Tensor<B>::from_host(bench.context, {4}, start);
    const auto normalised = [&](const Pass<B>& pass) {
        return ops::batch_norm(pass, x, one, zero, mean, variance).to_host();
    };
    const auto moved = [&] {
        return mean.to_host(bench.context) != start && variance.to_host(bench.context) != start;
    };
    const Pass<B> training(bench.tape, Mode::training);
    const auto running = normalised({bench.tape, Mode::evaluation});
    CHECK(normalised({bench.tape, Mode::training_frozen_statistics}) == running);
    CHECK_FALSE(moved());
    const auto own = normalised(training.again_on(bench.tape, nullptr));
    CHECK_FALSE(moved());
    CHECK(own != running);
    CHECK(normalised(training) == own);
    CHECK(moved());
}

TEST_CASE("a batch norm's way back does not see what becomes of the running mean", "[H-6]") {
    const auto gradient = [](bool disturbed) {
        Bench bench;
        auto mean = Tensor<B>::full(bench.context, {4}, 0.5);
        auto variance = Tensor<B>::full(bench.context, {4}, 2.0);
        const auto x = bench.leaf({2, 3, 3, 4});
        const auto scale = bench.leaf({4}, 2);
        const auto y = ops::batch_norm(Pass<B>(bench.tape, Mode::evaluation), x, scale,
                                       bench.leaf({4}, 3), mean, variance, {.relu = true});
        if (disturbed) {
            mean = {};
            variance.fill(bench.context, -7.0);
        }
        bench.tape.backward(y, testing::normal_values<double>(y.shape().elements(), 4));
        return std::pair(bench.tape.gradient(x), bench.tape.gradient(scale));
    };
    CHECK(gradient(true) == gradient(false));
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
    CHECK_NOTHROW(loss({0, 7}, {.ignore_index = 7}));
}

TEST_CASE("class labels are checked where they are made", "[H-7][E-2]") {
    Bench bench;
    const auto labels = [&](std::vector<std::int32_t> values, Index classes,
                            std::int32_t ignore_index = -100) {
        return ClassLabels<B>(bench.context, values, classes, ignore_index);
    };
    const auto known = labels({0, -100, 2}, 3);
    CHECK(known.size() == 3);
    CHECK(known.classes() == 3);
    CHECK(known.counted() == 2);
    CHECK(known.tensor().to_host(bench.context) == std::vector<std::int32_t>{0, -100, 2});
    CHECK_THROWS_AS(labels({0, 3}, 3), NumericError);
    CHECK_THROWS_AS(labels({0, -1}, 3), NumericError);
    CHECK_NOTHROW(labels({0, -1}, 3, -1));
    const auto logits = bench.leaf({3, 3});
    CHECK_THROWS_AS(ops::cross_entropy(logits, labels({0, 1}, 3)), ShapeError);
    CHECK_THROWS_AS(ops::cross_entropy(logits, labels({0, 1, 1}, 2)), ShapeError);
    CHECK_THROWS_AS(ops::cross_entropy(logits, labels({-1, -1, -1}, 3, -1)), NumericError);
    CHECK_THROWS_AS(ops::cross_entropy(logits, known, {.ignore_index = 5}), OptionError);
    CHECK_THROWS_AS(ops::count_correct(logits, labels({0, 1}, 3)), ShapeError);
}

TEMPLATE_TEST_CASE("labels on the backend give the loss of labels on the host", "[H-7]",
                   test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    using Backend = TestType;
    using Scalar = typename Backend::Scalar;
    typename Backend::Context context{};
    Tape<Backend> tape(context);
    const auto values = testing::normal_values<Scalar>(20, 1);
    const std::vector<std::int32_t> targets{2, 4, -1, 0};
    const CrossEntropyOptions options{.label_smoothing = 0.1, .ignore_index = -1};
    const auto run = [&](const auto& labels) {
        tape.clear();
        const auto logits = tape.leaf({4, 5}, values);
        const auto loss = ops::cross_entropy(logits, labels, options);
        tape.backward(loss);
        return std::pair(loss.item(), tape.gradient(logits));
    };
    const ClassLabels<Backend> on_backend(context, targets, 5, -1);
    CHECK(run(on_backend) == run(targets));
}

TEMPLATE_TEST_CASE("hits are counted where the logits are", "[H-7]", test::Eigen32, test::Oracle,
                   test::Device64) {
    using Backend = TestType;
    using Scalar = typename Backend::Scalar;
    typename Backend::Context context{};
    Tape<Backend> tape(context, Recording::none);
    const std::vector<Scalar> values{1, 2, 0,  //
                                     5, 5, 0,  //
                                     0, 0, 9,  //
                                     7, 0, 0};
    const std::vector<std::int32_t> targets{1, 0, 0, -100};
    const ClassLabels<Backend> labels(context, targets, 3);
    auto hits = ops::count_correct(tape.constant({4, 3}, values), labels);
    CHECK(hits.get() == 2);
}

TEST_CASE("dropout acts while a pass trains, and says what it needs", "[E-2]") {
    Bench bench;
    Generator generator(3);
    const auto x = bench.leaf({100, 10});
    const auto dropped = [&](const Pass<B>& pass, double rate) {
        return ops::dropout(pass, x, rate);
    };
    const Generator::State before = generator.state();
    CHECK(dropped({bench.tape, Mode::evaluation, generator}, 0.5) == x);
    CHECK(dropped({bench.tape, Mode::training, generator}, 0.0) == x);
    CHECK(dropped({bench.tape, Mode::evaluation}, 0.5) == x);
    CHECK(generator.state() == before);
    CHECK_THROWS_AS(dropped({bench.tape, Mode::training}, 0.5), OptionError);
    for (const double rate : {-0.1, 1.0, std::numeric_limits<double>::quiet_NaN()}) {
        CHECK_THROWS_AS(dropped({bench.tape, Mode::training, generator}, rate), OptionError);
        CHECK_THROWS_AS(dropped({bench.tape, Mode::evaluation, generator}, rate), OptionError);
    }
    CHECK(generator.state() == before);

    for (const Mode mode : {Mode::training, Mode::training_frozen_statistics}) {
        Generator twin = generator;
        const RandomRange range = twin.reserve(1000);
        const auto y = dropped({bench.tape, mode, generator}, 0.25).to_host();
        CHECK(generator.state() == twin.state());
        const auto values = x.to_host();
        std::vector<double> expected;
        for (std::size_t i = 0; i < 1000; ++i) {
            expected.push_back(random_word(range, i) < 0x40000000U ? 0.0
                                                                   : values[i] * (1.0 / 0.75));
        }
        CHECK(y == expected);
    }
}

TEST_CASE("dropout drops with the same bits on every backend", "[E-1][E-3]") {
    const auto run = []<class Backend>(std::type_identity<Backend>) {
        typename Backend::Context context{};
        Tape<Backend> tape(context);
        Generator generator(9);
        const auto x = tape.leaf({1000}, testing::normal_values<double>(1000, 1));
        const auto y = ops::dropout(Pass<Backend>(tape, Mode::training, generator), x, 0.3);
        tape.backward(y, testing::normal_values<double>(1000, 2));
        return std::pair(y.to_host(), tape.gradient(x));
    };
    const auto expected = run(std::type_identity<test::Oracle>{});
    CHECK(run(std::type_identity<test::Eigen64>{}) == expected);
    CHECK(run(std::type_identity<test::Device64>{}) == expected);
}

TEST_CASE("embeddings refuse ids and tables that do not fit", "[E-2]") {
    Bench bench;
    const auto table = bench.leaf({5, 3});
    const auto ids = [&](const Shape& shape, std::vector<std::int32_t> values, Index vocabulary) {
        return TokenIds<B>(bench.context, shape, values, vocabulary);
    };
    CHECK(ops::embedding(table, ids({2, 2}, {0, 4, 1, 1}, 5)).shape() == Shape{2, 2, 3});
    CHECK(ops::embedding(table, ids({}, {3}, 4)).shape() == Shape{3});
    CHECK_THROWS_AS(ids({2}, {0, 5}, 5), NumericError);
    CHECK_THROWS_AS(ids({2}, {-1, 0}, 5), NumericError);
    CHECK_THROWS_AS(ids({3}, {0, 0}, 5), ShapeError);
    CHECK_THROWS_AS(ops::embedding(table, ids({1}, {0}, 6)), ShapeError);
    CHECK_THROWS_AS(ops::embedding(bench.leaf({5}), ids({1}, {0}, 5)), ShapeError);
}

TEST_CASE("ids that nobody has checked show and do no harm", "[E-2]") {
    Bench bench;
    const auto table = bench.leaf({2, 2});
    const auto ids = Tensor<B, std::int32_t>::from_host(bench.context, {3}, std::vector{1, 2, -1});
    const auto y = ops::embedding(table, ids);
    const auto values = y.to_host();
    const auto rows = table.to_host();
    CHECK(values[0] == rows[2]);
    CHECK(values[1] == rows[3]);
    for (std::size_t i = 2; i < 6; ++i) CHECK(std::isnan(values[i]));
    bench.tape.backward(y, std::vector<double>{1, 2, 3, 4, 5, 6});
    CHECK(bench.tape.gradient(table) == std::vector<double>{0, 0, 1, 2});
}

/// Values' worth of memory that the context has handed out, rounded.
std::size_t maps_in_use(const B::Context& context) {
    constexpr std::size_t bytes = 4 * 16 * 16 * 8 * sizeof(double);
    return (context.pool().statistics().bytes_in_use + bytes / 2) / bytes;
}

TEST_CASE("operations keep the values that their way back reads, and no others", "[P-4]") {
    const Shape map{4, 16, 16, 8};
    // How many maps are held, the leaf among them, when nobody holds the operands any more.
    const auto held = [&](const auto& f) {
        Bench bench;
        const auto leaf = bench.leaf(map);
        const auto y = f(bench, ops::add(leaf, leaf), ops::add(leaf, leaf));
        return maps_in_use(bench.context);
    };
    using V = Variable<B>;
    constexpr std::size_t leaf_and_result = 2;
    CHECK(held([](Bench&, V a, V b) { return ops::add(a, b); }) == leaf_and_result);
    CHECK(held([](Bench&, V a, V b) { return ops::subtract(a, b); }) == leaf_and_result);
    CHECK(held([](Bench&, V a, V b) { return ops::blend_add(a, b, 0.5); }) == leaf_and_result);
    CHECK(held([](Bench&, V a, V b) {
              return ops::blend_add(a, b, std::vector<double>{0.0, 0.5, 0.25, 1.0});
          }) == leaf_and_result);
    CHECK(held([](Bench&, V a, V b) { return ops::straight_through(a, b); }) == leaf_and_result);
    CHECK(held([](Bench&, V a, V b) { return ops::multiply(a, b); }) == leaf_and_result + 2);
    CHECK(held([](Bench& bench, V a, V b) { return ops::add_scaled(a, bench.leaf({}), b); }) ==
          leaf_and_result + 1);
    CHECK(held([](Bench& bench, V a, V b) {
              return ops::group_norm(a, bench.leaf({8}), bench.leaf({8}), 2, {.residual = b});
          }) == leaf_and_result + 1);
    CHECK(held([](Bench& bench, V a, V) {
              const auto frozen = bench.tape.constant({8, 8, 1, 1}, std::vector<double>(64, 1.0));
              return ops::conv2d(a, frozen);
          }) == leaf_and_result);
    CHECK(held([](Bench& bench, V a, V) {
              return ops::linear(a, bench.leaf({8, 8}));
          }) == leaf_and_result + 1);
    CHECK(held([](Bench& bench, V a, V) {
              Generator generator(1);
              return ops::dropout(Pass<B>(bench.tape, Mode::training, generator), a, 0.5);
          }) == leaf_and_result);
    CHECK(held([](Bench&, V a, V) { return ops::mean_positions(a); }) == 1);
    CHECK(held([](Bench&, V a, V) { return ops::sum(a); }) == 1);
}

}  // namespace
}  // namespace kasmina::operations_test
