// The MLP host's parts: sizes, names, boundaries, and that a split forward is the whole one.
#include <kasmina/hosts/mlp.hpp>

#include <string>
#include <vector>

#include <kasmina/autodiff/ops/reduce.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::mlp_test {
namespace {

using B = test::Eigen64;
using Host = hosts::Mlp<B>;
using hosts::Activation;

static_assert(hosts::Host<Host>);
static_assert(Host::topology == Topology::features);

TEST_CASE("the MLP host has a slot behind each hidden layer, and PyTorch's names", "[N-4][H-3]") {
    B::Context context{};
    Host host(context, {.inputs = 5, .outputs = 3, .width = 8, .layers = 3});
    CHECK(nn::parameter_count(host) == 5 * 8 + 8 + 2 * (8 * 8 + 8) + 8 * 3 + 3);
    const auto points = host.injection_points();
    REQUIRE(points.size() == 3);
    for (std::size_t i = 0; i < points.size(); ++i) {
        CHECK(points[i].slot_id == "r0c" + std::to_string(i));
        CHECK(points[i].channels == 8);
        CHECK(points[i].position == static_cast<Index>(i));
        CHECK(points[i].surface == hosts::Surface::segment_end);
    }
    std::vector<std::string> names;
    for (const auto& named : nn::parameters<B>(host)) names.push_back(named.name);
    CHECK(names == std::vector<std::string>{"layers.0.weight", "layers.0.bias", "layers.1.weight",
                                            "layers.1.bias", "layers.2.weight", "layers.2.bias",
                                            "head.weight", "head.bias"});
}

TEST_CASE("sizes that make no MLP host are refused", "[N-4][B-2]") {
    B::Context context{};
    CHECK_THROWS_AS(Host(context, {.inputs = 0}), OptionError);
    CHECK_THROWS_AS(Host(context, {.outputs = 0}), OptionError);
    CHECK_THROWS_AS(Host(context, {.width = 0}), OptionError);
    CHECK_THROWS_AS(Host(context, {.layers = 0}), OptionError);
    CHECK_THROWS_AS(Host(context, {.activation = Activation{9}}), OptionError);
    CHECK_NOTHROW(Host(context, {.width = 1, .layers = 1}));
}

TEST_CASE("rows of another width, and what are no rows, are refused by shape", "[N-4][E-2]") {
    B::Context context{};
    const Host host(context, {.inputs = 5});
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::evaluation);
    for (const Shape& shape : {Shape{5}, Shape{2, 4}, Shape{2, 3, 5}}) {
        const auto rows = Tensor<B>::full(context, shape, 0.5);
        const std::string error =
            test::error_text<ShapeError>([&] { static_cast<void>(host.stem(pass, rows)); });
        CHECK(test::mentions(error, "(batch, 5)"));
        CHECK(test::mentions(error, to_string(shape)));
    }
    CHECK(hosts::forward(host, pass, Tensor<B>::full(context, {0, 5}, 0)).shape() == Shape{0, 1});
}

TEST_CASE("the MLP host runs in parts as it runs whole, and never backward", "[N-4][H-3][H-4]") {
    Generator generator(3);
    B::Context context{};
    const Host host(context, {.inputs = 4, .width = 6, .layers = 3}, generator);
    const auto rows = Tensor<B>::from_host(context, {3, 4}, testing::normal_values<double>(12, 5));
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::evaluation);
    const auto whole = hosts::forward(host, pass, rows).to_host();
    auto state = host.stem(pass, rows);
    for (std::size_t at = 0; at < 3; ++at) state = host.forward(pass, state, at, at + 1);
    CHECK(host.head(pass, state).to_host() == whole);
    CHECK_THROWS_AS(host.forward(pass, state, 2, 1), OptionError);
    CHECK_THROWS_AS(host.forward(pass, state, 0, 4), UnknownNameError);
}

TEST_CASE("the MLP host's gradient is its slope, with every activation", "[N-4][P-1]") {
    for (const Activation activation : reflect::Enumerators<Activation>::all) {
        CAPTURE(name_of(activation));
        Generator generator(4);
        B::Context context{};
        const Host host(
            context, {.inputs = 3, .outputs = 2, .width = 5, .layers = 2, .activation = activation},
            generator);
        const double error =
            testing::gradient_error<B>({Shape{4, 3}}, [&](Tape<B>& tape, const auto& x) {
                Pass<B> pass(tape, Mode::training);
                return host.head(pass, host.forward(pass, x[0], 0, 2));
            });
        CHECK(error < 1e-6);
    }
}

}  // namespace
}  // namespace kasmina::mlp_test
