// A block of layers that is recomputed: the same bits, and its statistics move once (P-5).
#include <cstdint>
#include <vector>

#include <kasmina/autodiff/ops/reduce.hpp>
#include <kasmina/autodiff/recompute.hpp>
#include <kasmina/nn/batch_norm.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/nn/dropout.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/values.hpp"

namespace kasmina::recompute_test {
namespace {

template <class B>
struct Block : nn::Visitable<Block<B>> {
    nn::Conv2d<B> conv;
    nn::BatchNorm2d<B> norm;
    nn::Dropout<B> dropout{0.4};

    Block(typename B::Context& context, Generator& generator)
        : conv(context, 3, 4, 3, generator), norm(context, 4) {}

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& x) const {
        const auto normalised = norm.forward(pass, conv.forward(pass, x), {.relu = true});
        return dropout.forward(pass, normalised);
    }
    [[nodiscard]] static constexpr auto members() {
        return nn::members(nn::Member{"conv", &Block::conv}, nn::Member{"norm", &Block::norm});
    }
};

/// Everything that a step with one block leaves behind.
struct Step {
    std::vector<double> output;
    std::vector<std::vector<double>> gradients;
    std::vector<std::vector<double>> states;
    Generator::State random;
    bool operator==(const Step&) const = default;
};

template <class B>
Step step(bool recomputed, Mode mode) {
    typename B::Context context{};
    Generator generator(8);
    Block<B> block(context, generator);
    Tape<B> tape(context);
    Pass<B> pass(tape, mode, generator);
    const auto x = pass.constant({2, 5, 4, 3}, testing::normal_values<typename B::Scalar>(120, 3));
    const auto run = [&block](Pass<B>& inside, const Variable<B>& input) {
        return block.forward(inside, input);
    };
    const Variable<B> y = recomputed ? ops::recompute(pass, run, x) : run(pass, x);
    tape.backward(ops::sum(y));
    const auto as_doubles = [](const auto& values) {
        return std::vector<double>(values.begin(), values.end());
    };
    const nn::Contents<B> contents = nn::contents<B>(block);
    Step result{as_doubles(y.to_host()),
                {},
                test::state_values<B>(context, contents.states),
                generator.state()};
    for (const auto& named : contents.parameters) {
        result.gradients.push_back(as_doubles(named.parameter->gradient().to_host(context)));
    }
    return result;
}

TEMPLATE_TEST_CASE("a recomputed block of layers has the bits of the block itself", "[P-5][P-1]",
                   test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    using B = TestType;
    for (const Mode mode : {Mode::training, Mode::training_frozen_statistics, Mode::evaluation}) {
        CAPTURE(static_cast<int>(mode));
        const Step plain = step<B>(false, mode);
        CHECK((step<B>(true, mode) == plain));
        const bool moved = plain.states[0] != std::vector<double>(4, 0.0);
        CHECK(moved == (mode == Mode::training));
    }
}

}  // namespace
}  // namespace kasmina::recompute_test
