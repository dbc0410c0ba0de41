// Layers: gradients through whole layers at odd shapes, initialisation, the gate network.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <kasmina/nn/batch_norm.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/nn/dropout.hpp>
#include <kasmina/nn/embedding.hpp>
#include <kasmina/nn/gate_network.hpp>
#include <kasmina/nn/group_norm.hpp>
#include <kasmina/nn/layer_norm.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::layers_test {
namespace {

using B = test::Eigen64;

TEST_CASE("groups of a group normalisation are those of the golden table", "[B]") {
    constexpr std::pair<Index, Index> table[] = {
        {1, 1},   {2, 2},   {3, 1},    {4, 4},    {6, 2},    {7, 1},    {8, 8},
        {12, 4},  {13, 1},  {16, 1},   {17, 1},   {24, 1},   {31, 1},   {32, 2},
        {33, 1},  {48, 2},  {64, 4},   {80, 4},   {96, 4},   {112, 4},  {128, 8},
        {160, 8}, {192, 8}, {256, 16}, {384, 16}, {512, 32}, {1024, 32}};
    for (const auto& [channels, expected] : table) {
        CAPTURE(channels);
        CHECK(groups(channels) == expected);
    }
    static_assert(groups(64) == 4);
    CHECK_THROWS_AS(groups(0), OptionError);
}

TEST_CASE("layers start uniform within 1 / sqrt(fan in), and fill that range", "[B]") {
    Generator generator(1);
    B::Context context{};
    const nn::Conv2d<B> conv(context, 8, 16, 3, generator);
    const nn::Linear<B> linear(context, 50, 40, generator);
    const nn::DepthwiseConv2d<B> depthwise(context, 64, 3, generator);
    const auto largest = [&context](const Parameter<B>& parameter) {
        double bound = 0.0;
        for (const double value : parameter.value().to_host(context)) {
            bound = std::max(bound, std::abs(value));
        }
        return bound;
    };
    const auto fills = [&](const Parameter<B>& parameter, double bound, double share) {
        return largest(parameter) < bound && largest(parameter) > share * bound;
    };
    CHECK(fills(conv.weight, 1.0 / std::sqrt(72.0), 0.99));
    CHECK(fills(linear.weight, 1.0 / std::sqrt(50.0), 0.99));
    CHECK(fills(*linear.bias, 1.0 / std::sqrt(50.0), 0.8));
    CHECK(fills(depthwise.weight, 1.0 / 3.0, 0.98));
}

TEST_CASE("equal seeds give equal layers", "[E-3]") {
    Generator one(7);
    Generator two(7);
    B::Context context{};
    const nn::Conv2d<B> a(context, 3, 4, 3, one);
    const nn::Conv2d<B> b(context, 3, 4, 3, two);
    CHECK(a.weight.value().to_host(context) == b.weight.value().to_host(context));
    CHECK(one.state() == two.state());
}

TEMPLATE_TEST_CASE("a layer starts with the numbers that the generator gives one after the other",
                   "[E-3]", test::Eigen32, test::Eigen64, test::Oracle, test::Device32) {
    using Backend = TestType;
    using Scalar = typename Backend::Scalar;
    typename Backend::Context context{};
    Generator generator(9);
    Generator alone(9);
    static_cast<void>(generator());  // so that the first value's words lie in two blocks
    static_cast<void>(alone());
    const nn::Linear<Backend> linear(context, 7, 3, generator);
    const double bound = 1.0 / std::sqrt(7.0);
    const auto drawn = [&](Index count) {
        std::vector<Scalar> values;
        for (Index i = 0; i < count; ++i) {
            values.push_back(static_cast<Scalar>(alone.uniform(-bound, bound)));
        }
        return values;
    };
    CHECK(linear.weight.value().to_host(context) == drawn(21));
    CHECK(linear.bias->value().to_host(context) == drawn(3));
    CHECK(generator.state() == alone.state());
}

TEMPLATE_TEST_CASE("the gradient of every layer is its slope", "[gradient]", test::Eigen64,
                   test::Oracle, test::Device64) {
    using Backend = TestType;
    for (const Index channels : {1, 3, 13, 48, 70}) {
        CAPTURE(channels);
        Generator generator(2);
        typename Backend::Context context{};
        const nn::Conv2d<Backend> conv(context, channels, 5, 3, generator);
        const nn::DepthwiseConv2d<Backend> depthwise(context, channels, 3, generator);
        const nn::GroupNorm<Backend> group_norm(context, channels);
        const nn::LayerNorm<Backend> layer_norm(context, channels);
        const nn::BatchNorm2d<Backend> batch_norm(context, channels);
        const nn::GateNetwork<Backend> gate(context, Topology::cnn, channels, generator);
        Backend::synchronise(context);  // the layers are run on another
        const auto error = [&](const auto& module, Mode mode = Mode::training) {
            return testing::gradient_error<Backend>({Shape{2, 3, 4, channels}},
                                                    [&](Tape<Backend>& tape, const auto& x) {
                                                        Pass<Backend> pass(tape, mode);
                                                        return module.forward(pass, x[0]);
                                                    });
        };
        CHECK(error(conv) < 1e-6);
        CHECK(error(depthwise) < 1e-6);
        CHECK(error(group_norm) < 1e-6);
        CHECK(error(gate) < 1e-6);
        for (const Mode mode :
             {Mode::training, Mode::training_frozen_statistics, Mode::evaluation}) {
            CHECK(error(batch_norm, mode) < 1e-6);
        }
        // The norm of one value is a constant: nothing to compare.
        if (channels > 1) CHECK(error(layer_norm) < 1e-5);
    }
}

TEST_CASE("the gate network has the parameters of the golden table", "[A-6]") {
    Generator generator(1);
    B::Context context{};
    constexpr std::pair<Index, Index> table[] = {{1, 25},    {4, 49},      {8, 81},
                                                 {64, 1057}, {256, 16513}, {384, 37057}};
    for (const auto& [channels, expected] : table) {
        CAPTURE(channels);
        CHECK(nn::GateNetwork<B>::parameter_count(channels) == expected);
        const nn::GateNetwork<B> gate(context, Topology::cnn, channels, generator);
        CHECK(nn::parameter_count(gate) == expected);
    }
}

TEST_CASE("a gate opens between 0 and 1 per sample, and knows its topology", "[A-6]") {
    Generator generator(1);
    B::Context context{};
    const nn::GateNetwork<B> cnn(context, Topology::cnn, 6, generator);
    const nn::GateNetwork<B> transformer(context, Topology::transformer, 6, generator);
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::evaluation);
    const auto map = pass.constant({3, 2, 2, 6}, testing::normal_values<double>(72, 1));
    const auto sequence = pass.constant({3, 4, 6}, testing::normal_values<double>(72, 1));
    const auto opened = cnn.forward(pass, map);
    CHECK(opened.shape() == Shape{3, 1, 1, 1});
    for (const double value : opened.to_host()) CHECK((value > 0.0 && value < 1.0));
    CHECK(transformer.forward(pass, sequence).shape() == Shape{3, 1, 1});
    CHECK_THROWS_AS(cnn.forward(pass, sequence), ShapeError);
    CHECK_THROWS_AS(transformer.forward(pass, map), ShapeError);
}

TEST_CASE("norms with frozen statistics train with the running ones and leave them alone",
          "[P-1]") {
    B::Context context{};
    nn::BatchNorm2d<B> norm(context, 3);
    norm.running_mean.value().assign(context, std::vector<double>{0.5, -1.0, 2.0});
    Tape<B> tape(context);
    const auto values = testing::normal_values<double>(2 * 4 * 5 * 3, 4);
    const auto run = [&](Mode mode) {
        Pass<B> pass(tape, mode);
        return norm.forward(pass, pass.constant({2, 4, 5, 3}, values)).to_host();
    };
    const auto evaluated = run(Mode::evaluation);
    CHECK(run(Mode::training_frozen_statistics) == evaluated);
    CHECK(norm.running_mean.value().to_host(context) == std::vector<double>{0.5, -1.0, 2.0});
    CHECK(run(Mode::training) != evaluated);
    CHECK(norm.running_mean.value().to_host(context) != std::vector<double>{0.5, -1.0, 2.0});
}

TEST_CASE("dropout drops in passes that train and leaves an evaluation alone", "[P-1][N-2]") {
    B::Context context{};
    Generator generator(3);
    const nn::Dropout<B> dropout(0.25);
    Tape<B> tape(context);
    const std::vector<double> ones(4000, 1.0);
    const auto run = [&](Mode mode) {
        Pass<B> pass(tape, mode, generator);
        return dropout.forward(pass, pass.constant({4000, 1}, ones)).to_host();
    };
    const Generator::State before = generator.state();
    CHECK(run(Mode::evaluation) == ones);
    CHECK(generator.state() == before);
    for (const Mode mode : {Mode::training, Mode::training_frozen_statistics}) {
        const auto dropped = run(mode);
        const auto gone = std::ranges::count(dropped, 0.0);
        CHECK((gone > 900 && gone < 1100));
        CHECK(std::ranges::count(dropped, 1.0 / 0.75) == 4000 - gone);
    }
    Pass<B> without_stream(tape, Mode::training);
    CHECK_THROWS_AS(dropout.forward(without_stream, without_stream.constant({4000, 1}, ones)),
                    OptionError);
    CHECK_THROWS_AS(nn::Dropout<B>(1.0), OptionError);
    CHECK_THROWS_AS(nn::Dropout<B>(-0.1), OptionError);
}

TEST_CASE("an embedding gives the rows of its tokens, and they get the gradients", "[P-2][N-2]") {
    B::Context context{};
    Generator generator(3);
    const nn::Embedding<B> embedding(context, 5, 2, generator);
    const auto ids =
        Tensor<B, std::int32_t>::from_host(context, {2, 2}, std::vector<std::int32_t>{4, 1, 1, 0});
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    const auto rows = embedding.forward(pass, ids);
    CHECK(rows.shape() == Shape{2, 2, 2});
    const auto table = embedding.weight.value().to_host(context);
    const auto seen = rows.to_host();
    for (const auto& [place, row] : {std::pair(0, 4), {1, 1}, {2, 1}, {3, 0}}) {
        for (const int k : {0, 1}) {
            CHECK(seen[static_cast<std::size_t>(2 * place + k)] ==
                  table[static_cast<std::size_t>(2 * row + k)]);
        }
    }
    tape.backward(rows, std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8});
    CHECK(embedding.weight.gradient().to_host(context) ==
          std::vector<double>{7, 8, 8, 10, 0, 0, 0, 0, 1, 2});
}

}  // namespace
}  // namespace kasmina::layers_test
