// Recomputation: the same bits for less memory, random ops and statistics included (P-5).
#include <array>
#include <cstddef>
#include <stdexcept>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/autodiff/ops/conv2d.hpp>
#include <kasmina/autodiff/ops/dropout.hpp>
#include <kasmina/autodiff/ops/reduce.hpp>
#include <kasmina/autodiff/recompute.hpp>
#include <kasmina/nn/batch_norm.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::recompute_test {
namespace {

using B = test::Eigen64;

/// conv, batch norm, ReLU, dropout, and the input once more.
struct Block {
    nn::Conv2d<B> conv;
    nn::BatchNorm2d<B> norm;

    Block(B::Context& context, Generator& generator)
        : conv(context, 4, 4, 3, generator), norm(context, 4) {}

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& x) const {
        const Variable<B> inner = norm.forward(pass, conv.forward(pass, x), {.relu = true});
        return ops::add(x, ops::dropout(pass, inner, 0.3));
    }
};

/// All that a step leaves.
struct Left {
    std::vector<double> output;
    std::vector<double> input_gradient;
    std::vector<std::vector<double>> gradients;
    std::vector<double> running_mean;
    Generator::State random;
    std::size_t peak = 0;

    friend bool operator==(const Left& a, const Left& b) {
        return a.output == b.output && a.input_gradient == b.input_gradient &&
               a.gradients == b.gradients && a.running_mean == b.running_mean &&
               a.random == b.random;
    }
};

enum class Way { plain, recomputed, nested };

[[nodiscard]] Left step(Way way, Mode mode = Mode::training) {
    // So many that what each of them keeps outweighs what one needs in passing.
    constexpr int blocks = 48;
    Generator generator(1);
    B::Context context{};
    std::vector<Block> all;
    for (int i = 0; i < blocks; ++i) all.emplace_back(context, generator);
    const auto run_all = [&all](Pass<B>& pass, const Variable<B>& x) {
        Variable<B> y = x;
        for (const Block& block : all) y = block.forward(pass, y);
        return y;
    };
    const auto run_each = [&all](Pass<B>& pass, const Variable<B>& x) {
        Variable<B> y = x;
        for (const Block& block : all) {
            y = ops::recompute(
                pass,
                [&block](Pass<B>& inner, const Variable<B>& z) { return block.forward(inner, z); },
                y);
        }
        return y;
    };
    Generator random(2);
    Tape<B> tape(context);
    Pass<B> pass(tape, mode, random);
    const Shape shape{2, 16, 16, 4};
    const Variable<B> x = tape.leaf(shape, testing::normal_values<double>(shape.elements(), 3));
    const Variable<B> y = [&] {
        switch (way) {
            case Way::recomputed: return run_each(pass, x);
            case Way::nested: return ops::recompute(pass, run_each, x);
            case Way::plain: break;
        }
        return run_all(pass, x);
    }();
    tape.backward(y, testing::normal_values<double>(shape.elements(), 4));
    Left left;
    left.output = y.to_host();
    left.input_gradient = tape.gradient(x);
    for (const Block& block : all) {
        left.gradients.push_back(block.conv.weight.gradient().to_host(context));
        left.gradients.push_back(block.norm.weight.gradient().to_host(context));
        left.gradients.push_back(block.norm.bias.gradient().to_host(context));
    }
    left.running_mean = all.back().norm.running_mean.value().to_host(context);
    left.random = random.state();
    left.peak = context.pool().statistics().peak_bytes;
    return left;
}

TEST_CASE("recomputation gives the bits of a plain pass, for less memory", "[P-5]") {
    const Left plain = step(Way::plain);
    const Left recomputed = step(Way::recomputed);
    const Left nested = step(Way::nested);
    CHECK(plain == recomputed);
    CHECK(plain == nested);
    CHECK(recomputed.peak < plain.peak * 6 / 10);
    // Dropout acted: without it the output is another.
    CHECK(plain.output != step(Way::plain, Mode::evaluation).output);
}

TEST_CASE("a scope whose inputs need no gradient still gives its parameters theirs", "[P-5]") {
    B::Context context{};
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    Parameter<B> weight(Tensor<B>::full(context, {3}, 2.0));
    const auto scope = [&weight](Pass<B>& inner, const Variable<B>& x) {
        return ops::multiply(x, inner.parameter(weight));
    };
    const Variable<B> x = tape.constant({3}, std::array{1.0, 2.0, 3.0});
    tape.backward(ops::sum(ops::recompute(pass, scope, x)));
    CHECK(weight.gradient().to_host(context) == std::vector<double>{1.0, 2.0, 3.0});

    tape.clear();
    weight.set_trainable(false);
    const Variable<B> again = tape.constant({3}, std::array{1.0, 2.0, 3.0});
    CHECK_FALSE(ops::recompute(pass, scope, again).requires_gradient());
    CHECK(tape.operations() == 0);
}

TEST_CASE("several inputs each get their gradient, one used twice as well", "[P-5]") {
    B::Context context{};
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    const Variable<B> a = tape.leaf({2}, std::array{2.0, 3.0});
    const Variable<B> b = tape.leaf({2}, std::array{5.0, 7.0});
    const Variable<B> product = ops::recompute(
        pass,
        [](Pass<B>&, const Variable<B>& x, const Variable<B>& y) { return ops::multiply(x, y); }, a,
        b);
    tape.backward(ops::sum(ops::add(product, ops::multiply(a, a))));
    CHECK(tape.gradient(a) == std::vector<double>{9.0, 13.0});
    CHECK(tape.gradient(b) == std::vector<double>{2.0, 3.0});
}

TEST_CASE("a scope that throws leaves the tape fit for use", "[P-5][E-2]") {
    B::Context context{};
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    const Variable<B> x = tape.leaf({2}, std::array{2.0, 3.0});
    int calls = 0;
    const auto scope = [&calls](Pass<B>&, const Variable<B>& in) {
        if (++calls == 2) throw std::runtime_error("the second time");
        return ops::multiply(in, in);
    };
    const Variable<B> y = ops::sum(ops::recompute(pass, scope, x));
    CHECK_THROWS_AS(tape.backward(y), std::runtime_error);
    tape.clear();
    const Variable<B> again = tape.leaf({2}, std::array{2.0, 3.0});
    tape.backward(ops::sum(ops::recompute(pass, scope, again)));
    CHECK(tape.gradient(again) == std::vector<double>{4.0, 6.0});
}

TEST_CASE("in a pass that does not record, a scope is just a call", "[P-5]") {
    B::Context context{};
    Tape<B> tape(context, Recording::none);
    Pass<B> pass(tape, Mode::evaluation);
    const Variable<B> x = tape.constant({2}, std::array{2.0, 3.0});
    const Variable<B> y = ops::recompute(
        pass, [](Pass<B>&, const Variable<B>& in) { return ops::multiply(in, in); }, x);
    CHECK(y.to_host() == std::vector<double>{4.0, 9.0});
}

TEST_CASE("a random op in a pass without a random stream says what to pass", "[P-1][E-2]") {
    B::Context context{};
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    const Variable<B> x = tape.constant({2}, std::array{2.0, 3.0});
    CHECK_THROWS_AS(ops::dropout(pass, x, 0.5), OptionError);
}

}  // namespace
}  // namespace kasmina::recompute_test
