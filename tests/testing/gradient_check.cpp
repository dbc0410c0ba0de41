// The gradient checker: what is right passes, and what is wrong is named: tensor, element, numbers.
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/autodiff/ops/concatenate.hpp>
#include <kasmina/autodiff/ops/dropout.hpp>
#include <kasmina/autodiff/ops/pointwise.hpp>
#include <kasmina/autodiff/ops/slice.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/nn/batch_norm.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::gradient_check_test {
namespace {

using B = backends::Eigen<double>;
using Inputs = std::vector<Variable<B>>;

TEST_CASE("an operation whose gradient is right passes", "[N-8]") {
    CHECK_NOTHROW(testing::check_gradients<B>({{3, 4}, {3, 4}}, [](Tape<B>&, const Inputs& x) {
        return ops::multiply(x[0], ops::relu(x[1]));
    }));
    CHECK_NOTHROW(testing::check_gradients<B>(
        {{1}}, [](Tape<B>&, const Inputs& x) { return ops::multiply(x[0], x[0]); }));
}

TEST_CASE("a wrong gradient is named: input, element, what was expected and what came", "[N-8]") {
    // x * x, of which one x is kept out of the way back: half of the slope.
    const auto half = [](Tape<B>& tape, const Inputs& x) {
        return ops::add(x[0], ops::multiply(x[1], tape.detach(x[1])));
    };
    const auto found = testing::gradient_difference<B>({{2, 3}, {2, 3}}, half);
    CHECK(found.tensor == "input 1");
    CHECK(found.slope == Approx(2.0 * found.gradient).epsilon(1e-6));
    CHECK(found.error == Approx(1.0).epsilon(1e-6));
    const std::string text = test::error_text<NumericError>([&] {
        testing::check_gradients<B>({{2, 3}, {2, 3}}, half);
    });
    CHECK(test::mentions(text, "input 1, element " + std::to_string(found.element)));
    CHECK(test::mentions(text, "to mend"));
}

TEST_CASE("an input without a gradient is an error", "[N-8]") {
    const auto none = [](Tape<B>& tape, const Inputs& x) {
        return ops::add(x[0], tape.detach(x[1]));
    };
    CHECK(testing::gradient_error<B>({{2}, {2}}, none) == std::numeric_limits<double>::infinity());
    const std::string text = test::error_text<NumericError>([&] {
        testing::check_gradients<B>({{2}, {2}}, none);
    });
    CHECK(test::mentions(text, "input 1"));
}

/// Linear, batch norm and dropout; the way back of its bias is cut off where it is `broken`.
struct Block : nn::Visitable<Block> {
    explicit Block(B::Context& context)
        : linear(context, 3, 4), norm(context, 4), shift(Tensor<B>::full(context, {4}, 0.5)) {}

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& x) const {
        const Variable<B> own = pass.parameter(shift);
        const Variable<B> moved =
            ops::add(norm.forward(pass, linear.forward(pass, x)), broken ? pass.detach(own) : own);
        return ops::dropout(pass, moved, 0.4);
    }
    [[nodiscard]] static constexpr auto members() {
        return nn::members(nn::Member{"linear", &Block::linear}, nn::Member{"norm", &Block::norm},
                           nn::Member{"shift", &Block::shift});
    }

    nn::Linear<B> linear;
    nn::BatchNorm2d<B> norm;
    Parameter<B> shift;
    bool broken = false;
};

TEST_CASE("a module is checked with its parameters, and left as it was", "[N-8]") {
    B::Context context;
    Block block(context);
    Generator generator(3);
    block.linear.initialise(context, generator);
    const auto forward = [&](Pass<B>& pass, std::span<const Variable<B>> x) {
        return block.forward(pass, x[0]);
    };
    const auto values = [&] {
        std::vector<std::vector<double>> all;
        const auto contents = nn::contents<B>(block);
        for (const auto& named : contents.parameters) {
            all.push_back(named.parameter->value().to_host(context));
        }
        for (const auto& named : contents.states) {
            named.state.visit([&](const auto& tensor) {
                const auto host = tensor.to_host(context);
                all.emplace_back(host.begin(), host.end());
            });
        }
        return all;
    };
    const auto before = values();
    const std::vector<Shape> shapes{{5, 1, 1, 3}};
    CHECK_NOTHROW(testing::check_gradients<B>(context, block, shapes, forward));
    CHECK(values() == before);
    block.broken = true;
    const std::string text = test::error_text<NumericError>(
        [&] { testing::check_gradients<B>(context, block, shapes, forward); });
    CHECK(test::mentions(text, "parameter shift"));
    CHECK(values() == before);
    block.shift.set_trainable(false);
    CHECK_NOTHROW(testing::check_gradients<B>(context, block, shapes, forward));
}

TEST_CASE("a check that cannot be is an error", "[N-8][E-2]") {
    const auto same = [](Tape<B>&, const Inputs& x) { return x[0]; };
    CHECK_THROWS_AS(testing::check_gradients<B>({{2}}, same, {.tolerance = 0.0}), OptionError);
    CHECK_THROWS_AS(testing::check_gradients<B>({{2}}, same, {.step = 0.0}), OptionError);
    CHECK_THROWS_AS(testing::check_gradients<B>({{2}}, same, {.most_elements = 0}), OptionError);
}

TEST_CASE("a check of nothing is an error, and no pass", "[N-8][E-2]") {
    const auto same = [](Tape<B>&, const Inputs& x) { return x[0]; };
    CHECK_THROWS_AS(testing::check_gradients<B>({{0, 3}}, same), ShapeError);
    const auto constant = [](Tape<B>& tape, const Inputs&) {
        return tape.leaf({2}, std::vector<double>{1.0, 2.0});
    };
    CHECK_THROWS_AS(testing::check_gradients<B>({}, constant), ShapeError);
    const auto none_of_it = [](Tape<B>&, const Inputs& x) { return ops::slice(x[0], 0, 0, 0); };
    CHECK_THROWS_AS(testing::check_gradients<B>({{4, 3}}, none_of_it), ShapeError);
    // No samples beside something that has values are a case like any other.
    CHECK_NOTHROW(testing::check_gradients<B>({{0, 3}, {2, 3}}, [](Tape<B>&, const Inputs& x) {
        return ops::concatenate({x[0], x[1]}, 0);
    }));
}

struct RootOfSquare {
    template <class V>
    constexpr V operator()(const V& x, const V& factor) const {
        return math::sqrt(x * x * factor);
    }
};

TEST_CASE("a gradient that is no number is found where no element is probed", "[N-8]") {
    // Roots of 1000 numbers of which the second is 0.
    const auto roots = [](Tape<B>& tape, const Inputs& x) {
        std::vector<double> factors(1000, 1.0);
        factors[1] = 0.0;
        return ops::pointwise(RootOfSquare{}, x[0], tape.leaf({1000}, factors));
    };
    const auto found = testing::gradient_difference<B>({{1000}}, roots);
    CHECK(found.element == 1);
    CHECK(found.error == std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace kasmina::gradient_check_test
