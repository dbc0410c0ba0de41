// The tape: depth, diamonds, what records nothing, order of use, and its extension point.
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/alias.hpp>
#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/autodiff/ops/conv2d.hpp>
#include <kasmina/autodiff/ops/reduce.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::tape_test {
namespace {

using B = test::Eigen64;

Parameter<B> ones(B::Context& context, const Shape& shape) {
    return Parameter<B>(Tensor<B>::full(context, shape, 1.0));
}

TEST_CASE("a chain of 100,000 nodes is swept by a loop", "[tape]") {
    B::Context context{};
    Tape<B> tape(context);
    const std::array<double, 1> start{2.0};
    const std::array<double, 1> step{0.5};
    const auto x = tape.leaf({1}, start);
    const auto half = tape.constant({1}, step);
    auto y = x;
    for (int i = 0; i < 100'000; ++i) y = ops::add(y, half);
    CHECK(y.item() == 50'002.0);
    tape.backward(y);
    CHECK(tape.gradient(x) == std::vector<double>{1.0});
}

TEST_CASE("a diamond ladder of depth 1,000 visits every node once", "[tape]") {
    B::Context context{};
    Tape<B> tape(context);
    const std::array<double, 1> start{1.0};
    const auto x = tape.leaf({1}, start);
    auto y = x;
    for (int i = 0; i < 1'000; ++i) y = ops::add(y, y);  // 2^1000 paths
    tape.backward(y);
    CHECK(tape.gradient(x) == std::vector<double>{std::ldexp(1.0, 1000)});
    CHECK(tape.operations() == 1'000);
}

TEST_CASE("branches that need no gradient record nothing", "[tape]") {
    B::Context context{};
    Tape<B> tape(context);
    const auto values = testing::normal_values<double>(4, 1);
    const auto frozen = tape.constant({4}, values);
    static_cast<void>(ops::relu(ops::add(frozen, frozen)));
    CHECK(tape.operations() == 0);

    Parameter<B> parameter = ones(context, {4});
    parameter.set_trainable(false);
    static_cast<void>(ops::relu(tape.parameter(parameter)));
    CHECK(tape.operations() == 0);

    const auto leaf = tape.leaf({4}, values);
    static_cast<void>(ops::relu(tape.detach(leaf)));
    CHECK(tape.operations() == 0);

    Tape<B> silent(context, Recording::none);
    static_cast<void>(ops::relu(silent.leaf({4}, values)));
    static_cast<void>(ops::relu(silent.parameter(ones(context, {4}))));
    CHECK(silent.operations() == 0);
}

TEST_CASE("a frozen weight gets no gradient and a constant input needs none", "[tape]") {
    B::Context context{};
    Tape<B> tape(context);
    const auto values = testing::normal_values<double>(2 * 3 * 3 * 4, 1);
    Parameter<B> first = ones(context, {4, 4, 3, 3});
    Parameter<B> second = ones(context, {4, 4, 3, 3});
    first.set_trainable(false);
    const auto x = tape.constant({2, 3, 3, 4}, values);
    const auto hidden = ops::conv2d(x, tape.parameter(first));
    CHECK_FALSE(hidden.requires_gradient());
    tape.backward(ops::sum(ops::conv2d(hidden, tape.parameter(second))));
    CHECK_FALSE(first.has_gradient());
    CHECK(first.gradient().empty());
    CHECK(second.has_gradient());
}

TEST_CASE("a detached value is the same value with no way back", "[I-1]") {
    B::Context context{};
    Tape<B> tape(context);
    const auto values = testing::normal_values<double>(4, 1);
    const auto x = tape.leaf({4}, values);
    const auto cut = tape.detach(x);
    CHECK(cut.data() == x.data());
    CHECK_FALSE(cut.requires_gradient());
    tape.backward(ops::sum(ops::multiply(x, cut)));  // d(x * c)/dx = c
    CHECK(tape.gradient(x) == values);
}

TEST_CASE("straight-through has the host's bits and sends its gradient to both", "[I-2]") {
    B::Context context{};
    Tape<B> tape(context);
    const auto host = tape.leaf({4}, testing::normal_values<double>(4, 1));
    const auto seed = tape.leaf({4}, testing::normal_values<double>(4, 2));
    const auto y = ops::straight_through(host, seed);
    CHECK(y.data() == host.data());
    const auto upstream = testing::normal_values<double>(4, 3);
    tape.backward(y, upstream);
    CHECK(tape.gradient(host) == upstream);
    CHECK(tape.gradient(seed) == upstream);
}

TEST_CASE("parameters add up gradients until they are zeroed", "[tape]") {
    B::Context context{};
    Tape<B> tape(context);
    Parameter<B> parameter = ones(context, {2});
    for (int pass = 1; pass <= 2; ++pass) {
        tape.clear();
        const auto p = tape.parameter(parameter);
        tape.backward(ops::sum(ops::add(p, p)));
        CHECK(parameter.gradient().to_host(context) == std::vector<double>(2, 2.0 * pass));
    }
    parameter.zero_gradient();
    tape.clear();
    tape.backward(ops::sum(tape.parameter(parameter)));
    CHECK(parameter.gradient().to_host(context) == std::vector<double>(2, 1.0));
}

TEST_CASE("a tape used out of order is an error that says how to go on", "[tape][E-2]") {
    B::Context context{};
    Tape<B> tape(context);
    const auto x = tape.leaf({4}, testing::normal_values<double>(4, 1));
    const auto loss = ops::sum(x);
    const auto constant = tape.constant({1}, std::array{1.0});
    CHECK_THROWS_AS(tape.backward(x), ShapeError);
    CHECK_THROWS_AS(tape.backward(constant), TapeError);
    tape.backward(loss);
    CHECK_THROWS_AS(tape.backward(loss), TapeError);

    Tape<B> other(context);
    CHECK_THROWS_AS(static_cast<void>(other.detach(x)), TapeError);
    tape.clear();
    CHECK_THROWS_AS(static_cast<void>(x.shape()), TapeError);
    CHECK_THROWS_AS(static_cast<void>(ops::sum(x)), TapeError);
    CHECK_THROWS_AS(static_cast<void>(tape.leaf({3}, std::array{1.0})), ShapeError);
}

/// A user's own operation: y = 3x, with its way back.
struct Tripled {
    Edge<B> input;  // its value is not read on the way back

    static Variable<B> apply(const Variable<B>& x) {
        Tape<B>& tape = x.tape();
        const Index elements = x.shape().elements();
        auto output = tape.acquire(elements);
        B::copy(tape.context(), x.data(), output.data(), elements);
        B::add(tape.context(), x.data(), output.data(), elements);
        B::add(tape.context(), x.data(), output.data(), elements);
        return tape.record(Shape(x.shape()), std::move(output), {x}, Tripled{x});
    }

    void pullback(Tape<B>&, Upstream<B>& upstream) {
        upstream.add_to(input);
        upstream.add_to(input);
        upstream.pass_to(input);
    }
};

TEST_CASE("a user's own operation is recorded like any other", "[tape]") {
    static_assert(DifferentiableOperation<Tripled, B>);
    const double error = testing::gradient_error<B>(
        {Shape{5}}, [](Tape<B>&, const auto& x) { return Tripled::apply(ops::relu(x[0])); });
    CHECK(error < 1e-8);
}

}  // namespace
}  // namespace kasmina::tape_test
