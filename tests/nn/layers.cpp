// Layers: gradients through whole layers at odd shapes, initialisation, the gate network.
#include <algorithm>
#include <cmath>
#include <utility>

#include <kasmina/nn/batch_norm.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/nn/gate_network.hpp>
#include <kasmina/nn/group_norm.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/nn/parameters.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/gradient_check.hpp"

namespace kasmina {
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
    const nn::Conv2d<B> conv(8, 16, 3, generator);
    const nn::Linear<B> linear(50, 40, generator);
    const nn::DepthwiseConv2d<B> depthwise(64, 3, generator);
    const auto largest = [](const Parameter<B>& parameter) {
        double bound = 0.0;
        for (const double value : parameter.value().to_host()) {
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
    const nn::Conv2d<B> a(3, 4, 3, one);
    const nn::Conv2d<B> b(3, 4, 3, two);
    CHECK(a.weight.value().to_host() == b.weight.value().to_host());
    CHECK(one.state() == two.state());
}

TEMPLATE_TEST_CASE("the gradient of every layer is its slope", "[gradient]", test::Eigen64,
                   test::Oracle) {
    using Backend = TestType;
    for (const Index channels : {1, 3, 13, 48, 70}) {
        CAPTURE(channels);
        Generator generator(2);
        const nn::Conv2d<Backend> conv(channels, 5, 3, generator);
        const nn::DepthwiseConv2d<Backend> depthwise(channels, 3, generator);
        const nn::GroupNorm<Backend> group_norm(channels);
        const nn::LayerNorm<Backend> layer_norm(channels);
        const nn::BatchNorm2d<Backend> batch_norm(channels);
        const nn::GateNetwork<Backend> gate(Topology::cnn, channels, generator);
        const auto error = [&](const auto& forward) {
            return test::gradient_error<Backend>(
                {Shape{2, 3, 4, channels}},
                [&](Tape<Backend>& tape, const auto& x) { return forward(tape, x[0]); });
        };
        using V = Variable<Backend>;
        using T = Tape<Backend>;
        CHECK(error([&](T& t, const V& x) { return conv.forward(t, x); }) < 1e-6);
        CHECK(error([&](T& t, const V& x) { return depthwise.forward(t, x); }) < 1e-6);
        CHECK(error([&](T& t, const V& x) { return group_norm.forward(t, x); }) < 1e-6);
        CHECK(error([&](T& t, const V& x) { return gate.forward(t, x); }) < 1e-6);
        for (const Mode mode : {Mode::training, Mode::evaluation}) {
            CHECK(error([&](T& t, const V& x) { return batch_norm.forward(t, x, mode); }) < 1e-6);
        }
        // The norm of one value is a constant: nothing to compare.
        if (channels > 1) {
            CHECK(error([&](T& t, const V& x) { return layer_norm.forward(t, x); }) < 1e-5);
        }
    }
}

TEST_CASE("the gate network has the parameters of the golden table", "[A-6]") {
    Generator generator(1);
    constexpr std::pair<Index, Index> table[] = {{1, 25},    {4, 49},      {8, 81},
                                                 {64, 1057}, {256, 16513}, {384, 37057}};
    for (const auto& [channels, expected] : table) {
        CAPTURE(channels);
        CHECK(nn::GateNetwork<B>::parameter_count(channels) == expected);
        const nn::GateNetwork<B> gate(Topology::cnn, channels, generator);
        CHECK(nn::parameter_count(gate) == expected);
    }
}

TEST_CASE("a gate opens between 0 and 1 per sample, and knows its topology", "[A-6]") {
    Generator generator(1);
    const nn::GateNetwork<B> cnn(Topology::cnn, 6, generator);
    const nn::GateNetwork<B> transformer(Topology::transformer, 6, generator);
    B::Context context{};
    Tape<B> tape(context);
    const auto map = tape.constant({3, 2, 2, 6}, test::normal_values<double>(72, 1));
    const auto sequence = tape.constant({3, 4, 6}, test::normal_values<double>(72, 1));
    const auto opened = cnn.forward(tape, map);
    CHECK(opened.shape() == Shape{3, 1, 1, 1});
    for (const double value : opened.to_host()) CHECK((value > 0.0 && value < 1.0));
    CHECK(transformer.forward(tape, sequence).shape() == Shape{3, 1, 1});
    CHECK_THROWS_AS(cnn.forward(tape, sequence), ShapeError);
    CHECK_THROWS_AS(transformer.forward(tape, map), ShapeError);
}

}  // namespace
}  // namespace kasmina
