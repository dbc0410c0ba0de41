// A tape lets go: values live while somebody holds or will read them, and no longer (P-4).
#include <array>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/alias.hpp>
#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/autodiff/ops/reduce.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::letting_go_test {
namespace {

using B = test::Eigen64;

constexpr Index elements = 4096;
constexpr std::size_t bytes = elements * sizeof(double);

[[nodiscard]] Parameter<B> ones(B::Context& context, const Shape& shape) {
    return Parameter<B>(Tensor<B>::full(context, shape, 1.0));
}

/// Values' worth of memory that the context has handed out, rounded.
[[nodiscard]] std::size_t values_in_use(const B::Context& context) {
    return (context.pool().statistics().bytes_in_use + bytes / 2) / bytes;
}

/// Breaks off the way back.
struct Throws {
    Edge<B> input;

    void pullback(Tape<B>&, Upstream<B>&) { throw std::runtime_error("broken"); }
};

[[nodiscard]] Variable<B> throws_on_the_way_back(const Variable<B>& input) {
    return input.tape().record_alias(input, {input}, Throws{input});
}

TEST_CASE("a pass that does not record keeps what is held and nothing else", "[P-4]") {
    B::Context context{};
    Tape<B> tape(context, Recording::none);
    const auto values = testing::normal_values<double>(elements, 1);
    Variable<B> x = tape.constant({elements}, values);
    for (int i = 0; i < 10; ++i) x = ops::relu(ops::add(x, x));
    CHECK(values_in_use(context) == 1);
    const Variable<B> second = ops::add(x, x);
    const Variable<B> same = second;
    x = second;
    CHECK(values_in_use(context) == 1);
    CHECK(same.to_host() == second.to_host());
}

TEST_CASE("an alias holds the value that it shows", "[P-4]") {
    B::Context context{};
    Tape<B> tape(context, Recording::none);
    const auto values = testing::normal_values<double>(elements, 1);
    std::optional<Variable<B>> x = tape.constant({elements}, values);
    std::optional<Variable<B>> seen = ops::reshape(tape.detach(*x), {elements / 2, 2});
    x.reset();
    CHECK(values_in_use(context) == 1);
    CHECK(seen->to_host() == values);
    seen.reset();
    CHECK(values_in_use(context) == 0);
}

TEST_CASE("backward frees what it has read for the last time, and keeps what is held", "[P-4]") {
    B::Context context{};
    Tape<B> tape(context);
    Parameter<B> weight = ones(context, {elements});
    const auto values = testing::normal_values<double>(elements, 1);
    std::optional<Variable<B>> held;
    Variable<B> loss = [&] {
        Variable<B> x = ops::multiply(tape.constant({elements}, values), tape.parameter(weight));
        for (int i = 0; i < 6; ++i) {
            x = ops::multiply(x, x);
            if (i == 2) held = x;
        }
        return ops::mean(x);
    }();
    const std::vector<double> before = held->to_host();
    CHECK(values_in_use(context) >= 7);
    context.pool().reset_peak();
    tape.backward(loss);
    CHECK(values_in_use(context) == 1);  // `held`
    CHECK(held->to_host() == before);
    CHECK(weight.has_gradient());
}

TEST_CASE("gradients take the place of the values that they come after", "[P-4]") {
    B::Context context{};
    Tape<B> tape(context);
    Parameter<B> weight = ones(context, {elements});
    const auto values = testing::normal_values<double>(elements, 1);
    const Variable<B> loss = [&] {
        Variable<B> x = ops::multiply(tape.constant({elements}, values), tape.parameter(weight));
        for (int i = 0; i < 20; ++i) x = ops::multiply(x, x);
        return ops::mean(x);
    }();
    const std::size_t forward = context.pool().statistics().bytes_in_use;
    context.pool().reset_peak();
    tape.backward(loss);
    // Values and gradients together: never more than a few above the values alone.
    CHECK(context.pool().statistics().peak_bytes < forward + 5 * bytes);
}

TEST_CASE("a variable that outlives its step or its tape is an error to touch, and no harm",
          "[E-4][P-4]") {
    B::Context context{};
    std::optional<Variable<B>> outlives;
    {
        Tape<B> tape(context);
        const Variable<B> x = tape.leaf({1}, std::array{2.0});
        tape.clear();
        CHECK_THROWS_AS(x.item(), TapeError);
        CHECK_THROWS_AS(x.shape(), TapeError);
        CHECK_THROWS_AS(tape.detach(x), TapeError);
        outlives = tape.leaf({1}, std::array{3.0});
        CHECK(outlives->item() == 3.0);
    }
    CHECK_THROWS_AS(outlives->item(), TapeError);
    const Variable<B> copy = *outlives;
    CHECK_THROWS_AS(copy.tape(), TapeError);
    Tape<B> other(context);
    CHECK_THROWS_AS(ops::relu(copy), TapeError);
    Variable<B> source = other.leaf({1}, std::array{4.0});
    const Variable<B> target = std::move(source);
    CHECK_THROWS_AS(source.item(), TapeError);  // NOLINT(bugprone-use-after-move)
    CHECK(target.item() == 4.0);
}

TEST_CASE("a parameter whose owner goes between forward and backward is harmless", "[E-4]") {
    B::Context context{};
    Tape<B> tape(context);
    Parameter<B> stays = ones(context, {3});
    std::optional<Parameter<B>> goes = ones(context, {3});
    const Variable<B> loss = ops::sum(ops::multiply(tape.parameter(stays), tape.parameter(*goes)));
    goes.reset();
    tape.backward(loss);
    CHECK(stays.gradient().to_host(context) == std::vector<double>{1.0, 1.0, 1.0});
}

TEST_CASE("after a pullback that throws, no parameter claims a gradient", "[P-4][E-2]") {
    B::Context context{};
    Tape<B> tape(context);
    Parameter<B> reached = ones(context, {3});
    Parameter<B> not_reached = ones(context, {3});
    Parameter<B> elsewhere = ones(context, {3});
    tape.backward(ops::sum(tape.parameter(elsewhere)));
    tape.clear();
    const Variable<B> early = throws_on_the_way_back(tape.parameter(not_reached));
    const Variable<B> loss = ops::sum(ops::multiply(early, tape.parameter(reached)));
    CHECK_THROWS_AS(tape.backward(loss), std::runtime_error);
    CHECK_FALSE(reached.has_gradient());
    CHECK_FALSE(not_reached.has_gradient());
    CHECK(elsewhere.has_gradient());
    CHECK_THROWS_AS(tape.backward(loss), TapeError);
    tape.clear();
    tape.backward(ops::sum(tape.parameter(reached)));
    CHECK(reached.gradient().to_host(context) == std::vector<double>{1.0, 1.0, 1.0});
}

TEST_CASE("the upstream gradient may be given by the host, as a variable or as a tensor", "[P-4]") {
    B::Context context{};
    const std::vector<double> x{1.0, 2.0, 3.0};
    const std::vector<double> upstream{0.5, -1.0, 2.0};
    const Tensor<B> tensor = Tensor<B>::from_host(context, {3}, upstream);
    const auto gradient = [&](auto&& run) {
        Tape<B> tape(context);
        const Variable<B> leaf = tape.leaf({3}, x);
        run(tape, ops::multiply(leaf, leaf));
        return tape.gradient(leaf);
    };
    const std::vector<double> expected{1.0, -4.0, 12.0};
    CHECK(gradient([&](auto& tape, const auto& y) { tape.backward(y, upstream); }) == expected);
    CHECK(gradient([&](auto& tape, const auto& y) { tape.backward(y, tensor); }) == expected);
    CHECK(gradient([&](auto& tape, const auto& y) { tape.backward(y, tape.constant(tensor)); }) ==
          expected);
    Tape<B> tape(context);
    const Variable<B> leaf = tape.leaf({3}, x);
    const Variable<B> wrong = tape.constant({2}, std::array{1.0, 1.0});
    CHECK_THROWS_AS(tape.backward(ops::multiply(leaf, leaf), wrong), ShapeError);
}

TEST_CASE("a tensor that is handed over lives as long as the tape needs it", "[E-4]") {
    B::Context context{};
    Tape<B> tape(context);
    const Variable<B> x = tape.constant(Tensor<B>::full(context, {3}, 2.0));
    CHECK(x.to_host() == std::vector<double>{2.0, 2.0, 2.0});
}

TEST_CASE("a value can be read later than it was asked for", "[P-3]") {
    B::Context context{};
    Tape<B> tape(context);
    Pending<B> pending = [&] { return ops::sum(tape.leaf({2}, std::array{1.0, 2.0})).read(); }();
    tape.clear();
    CHECK(pending.get() == 3.0);
    Pending<B> two = tape.leaf({2}, std::array{1.0, 2.0}).read();
    CHECK_THROWS_AS(two.get(), ShapeError);
    CHECK(two.values()[1] == 2.0);
}

TEST_CASE("what a recorded operation refers to can be kept until the tape is cleared", "[E-4]") {
    B::Context context{};
    Tape<B> tape(context);
    auto owner = std::make_shared<int>(1);
    const std::weak_ptr<int> watch = owner;
    tape.keep(std::move(owner));
    CHECK_FALSE(watch.expired());
    tape.clear();
    CHECK(watch.expired());
}

}  // namespace
}  // namespace kasmina::letting_go_test
