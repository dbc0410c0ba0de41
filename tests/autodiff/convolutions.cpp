// Convolutions and pools with options: slopes, the shapes they make, and what they refuse.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/average_pool.hpp>
#include <kasmina/autodiff/ops/conv1d.hpp>
#include <kasmina/autodiff/ops/conv2d.hpp>
#include <kasmina/autodiff/ops/conv_transpose2d.hpp>
#include <kasmina/autodiff/ops/depthwise_conv2d.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/autodiff/ops/upsample_nearest.hpp>
#include <kasmina/nn/conv1d.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/nn/conv_transpose2d.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::convolutions_test {
namespace {

using B = test::Eigen64;
using V = Variable<B>;

constexpr double tolerance = 1e-6;

/// A tape of its own, with leaves of ones.
struct Bench {
    B::Context context{};
    Tape<B> tape{context};

    V leaf(const Shape& shape) {
        return tape.leaf(shape,
                         std::vector<double>(static_cast<std::size_t>(shape.elements()), 1.0));
    }
};

/// Whether the call is refused by an error of that kind which names the operation and says all of
/// these.
template <class ErrorKind, class Call>
bool refuses(const std::string& where, const std::vector<std::string>& words, Call&& call) {
    try {
        static_cast<void>(call());
    } catch (const ErrorKind& error) {
        const std::string text = error.what();
        INFO(text);
        bool all = error.where() == where;
        for (const std::string& word : words) all = all && test::mentions(text, word);
        return all;
    }
    return false;
}

template <class Backend, class F>
double slope_error(const std::vector<Shape>& shapes, const F& function) {
    return testing::gradient_error<Backend>(
        shapes, [&](Tape<Backend>&, const auto& x) { return function(x); });
}

}  // namespace

TEMPLATE_TEST_CASE("convolutions with options have the slopes they say", "[gradient][N-1]",
                   test::Eigen64, test::Oracle, test::Device64) {
    struct Options {
        Shape map;
        Shape weight;
        ops::ConvOptions options;
    };
    const std::vector<Options> cases{
        {{2, 5, 6, 4}, {3, 4, 3, 3}, {.stride = 2, .padding = 1}},
        {{1, 7, 4, 3}, {5, 3, 2, 3}, {.stride = {3, 1}, .padding = {0, 2}, .dilation = {2, 1}}},
        {{2, 4, 5, 6}, {4, 3, 2, 2}, {.groups = 2}},
        {{2, 5, 5, 5}, {5, 1, 3, 2}, {.stride = {1, 2}, .padding = {1, 0}, .groups = 5}},
        {{3, 1, 1, 2}, {1, 2, 1, 1}, {.stride = 4, .padding = ops::Padding::valid()}},
    };
    for (const Options& of : cases) {
        CAPTURE(to_string(of.map), to_string(of.weight));
        const Shape bias{of.weight[0]};
        CHECK(slope_error<TestType>({of.map, of.weight, bias}, [&](const auto& x) {
                  return ops::conv2d(x[0], x[1], of.options, x[2]);
              }) < tolerance);
        CHECK(slope_error<TestType>({of.map, of.weight}, [&](const auto& x) {
                  return ops::conv2d(x[0], x[1], of.options);
              }) < tolerance);
    }
}

TEMPLATE_TEST_CASE(
    "sequences, transposed convolutions, pools and upsampling have the slopes they say",
    "[gradient][N-1]", test::Eigen64, test::Oracle, test::Device64) {
    CHECK(slope_error<TestType>({{2, 6, 4}, {6, 2, 3}, {6}}, [](const auto& x) {
              return ops::conv1d(x[0], x[1], {.stride = 2, .padding = 1, .groups = 2}, x[2]);
          }) < tolerance);
    CHECK(slope_error<TestType>({{2, 3, 4, 4}, {4, 3, 3, 2}, {6}}, [](const auto& x) {
              return ops::conv_transpose2d(
                  x[0], x[1],
                  {.stride = 2, .padding = {1, 0}, .output_padding = {1, 0}, .groups = 2}, x[2]);
          }) < tolerance);
    // Its input is used once more, so that a gradient is added to one that is there.
    CHECK(slope_error<TestType>({{1, 2, 3, 2}, {2, 2, 1, 1}}, [](const auto& x) {
              return ops::add(ops::conv_transpose2d(x[0], x[1]), x[0]);
          }) < tolerance);
    CHECK(slope_error<TestType>({{2, 5, 6, 3}}, [](const auto& x) {
              return ops::max_pool(x[0], {.window = 3, .stride = 2, .padding = 1});
          }) < tolerance);
    for (const bool count : {true, false}) {
        CHECK(slope_error<TestType>({{2, 5, 6, 3}}, [count](const auto& x) {
                  return ops::average_pool(
                      x[0],
                      {.window = {3, 2}, .stride = {2, 1}, .padding = 1, .count_padding = count});
              }) < tolerance);
    }
    for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{3, 7, 2}, Shape{1, 2, 2, 2, 3}}) {
        CHECK(slope_error<TestType>(
                  {shape}, [](const auto& x) { return ops::max_positions(x[0]); }) < tolerance);
    }
    CHECK(slope_error<TestType>({{2, 3, 2, 3}}, [](const auto& x) {
              return ops::upsample_nearest(x[0], {2, 3});
          }) < tolerance);
}

TEST_CASE("convolutions and pools have PyTorch's extents", "[N-1]") {
    Bench bench;
    const V map = bench.leaf({2, 32, 31, 4});
    const V weight = bench.leaf({8, 4, 3, 3});
    CHECK(ops::conv2d(map, weight).shape() == Shape{2, 32, 31, 8});
    CHECK(ops::conv2d(map, weight, {.stride = 2, .padding = 1}).shape() == Shape{2, 16, 16, 8});
    CHECK(ops::conv2d(map, weight, {.padding = ops::Padding::valid()}).shape() ==
          Shape{2, 30, 29, 8});
    CHECK(ops::conv2d(map, weight, {.padding = {2, 0}, .dilation = 2}).shape() ==
          Shape{2, 32, 27, 8});
    // Even and dilated kernels keep the size, too.
    CHECK(ops::conv2d(map, bench.leaf({8, 4, 2, 4}), {.dilation = 3}).shape() ==
          Shape{2, 32, 31, 8});
    CHECK(ops::depthwise_conv2d(map, bench.leaf({4, 1, 2, 2})).shape() == map.shape());
    CHECK(ops::conv1d(bench.leaf({2, 9, 3}), bench.leaf({5, 3, 4})).shape() == Shape{2, 9, 5});
    CHECK(ops::conv1d(bench.leaf({2, 9, 3}), bench.leaf({5, 3, 4}), {.stride = 2, .padding = 1})
              .shape() == Shape{2, 4, 5});
    CHECK(ops::conv_transpose2d(bench.leaf({2, 4, 5, 8}), bench.leaf({8, 3, 3, 3}),
                                {.stride = 2, .padding = 1, .output_padding = 1})
              .shape() == Shape{2, 8, 10, 3});
    CHECK(ops::max_pool(map).shape() == Shape{2, 16, 15, 4});
    CHECK(ops::max_pool(map, {.window = 3}).shape() == Shape{2, 10, 10, 4});
    CHECK(ops::max_pool(map, {.window = 3, .stride = 2, .padding = 1}).shape() ==
          Shape{2, 16, 16, 4});
    CHECK(ops::average_pool(map, {.window = {32, 1}}).shape() == Shape{2, 1, 31, 4});
    CHECK(ops::max_positions(map).shape() == Shape{2, 4});
    CHECK(ops::upsample_nearest(map, 2).shape() == Shape{2, 64, 62, 4});
    // No samples are a batch like any other.
    const V none = bench.leaf({0, 4, 4, 4});
    CHECK(ops::conv2d(none, weight, {.stride = 2, .padding = 1}).shape() == Shape{0, 2, 2, 8});
    CHECK(ops::max_pool(none, {.window = 3}).shape() == Shape{0, 1, 1, 4});
    CHECK(ops::upsample_nearest(none, 2).shape() == Shape{0, 8, 8, 4});
}

TEST_CASE("a transposed convolution of ones spreads its kernel", "[N-1]") {
    Bench bench;
    const V y = ops::conv_transpose2d(bench.leaf({1, 1, 2, 1}), bench.leaf({1, 1, 1, 3}),
                                      {.stride = {1, 2}});
    CHECK(y.to_host() == std::vector<double>{1, 1, 2, 1, 1});
}

TEST_CASE("a stride or dilation that leads beyond the map is any such one", "[N-1]") {
    constexpr Index longest = std::numeric_limits<Index>::max();
    Bench bench;
    const V map = bench.leaf({2, 3, 3, 2});
    const V weight = bench.leaf({2, 2, 2, 2});
    const auto same = [](const V& y, const V& expected) {
        return y.shape() == expected.shape() && y.to_host() == expected.to_host();
    };
    CHECK(same(ops::conv2d(map, weight, {.stride = longest, .padding = 0}),
               ops::conv2d(map, weight, {.stride = 3, .padding = 0})));
    CHECK(same(ops::conv2d(map, weight, {.stride = {1, longest}, .padding = 1}),
               ops::conv2d(map, weight, {.stride = {1, 5}, .padding = 1})));
    const V point = bench.leaf({2, 2, 1, 1});
    CHECK(same(ops::conv2d(map, point, {.dilation = longest}), ops::conv2d(map, point)));
    CHECK(same(ops::max_pool(map, {.stride = longest}), ops::max_pool(map, {.stride = 3})));
    CHECK(same(ops::average_pool(map, {.stride = {longest, 1}}),
               ops::average_pool(map, {.stride = {3, 1}})));
    const V one = bench.leaf({2, 1, 1, 2});
    CHECK(same(ops::conv_transpose2d(one, weight, {.stride = longest}),
               ops::conv_transpose2d(one, weight, {.stride = 2})));
}

TEST_CASE("a convolution refuses what does not fit", "[N-1][E-2]") {
    constexpr Index huge = Index{1} << 62;
    Bench bench;
    const V map = bench.leaf({1, 4, 5, 6});
    const V weight = bench.leaf({4, 6, 3, 3});
    const std::string where = "ops::conv2d";
    const auto conv = [&](const ops::ConvOptions& options) {
        return [&, options] { return ops::conv2d(map, weight, options); };
    };
    CHECK(refuses<OptionError>(where, {"stride", "1 or more"},
                               conv({.stride = {2, 0}, .padding = 0})));
    CHECK(refuses<OptionError>(where, {"padding"}, conv({.padding = {0, -1}})));
    CHECK(refuses<OptionError>(where, {"dilation"}, conv({.dilation = 0})));
    CHECK(refuses<OptionError>(where, {"groups"}, conv({.groups = 0})));
    CHECK(refuses<OptionError>(where, {"groups", "multiple of 4", "inputs"}, conv({.groups = 4})));
    CHECK(refuses<OptionError>(where, {"same", "stride of 1", "2x1"}, conv({.stride = {2, 1}})));
    CHECK(refuses<ShapeError>(where, {"empty", "3x7", "4x5"},
                              conv({.padding = 0, .dilation = {1, 3}})));
    CHECK(refuses<ShapeError>(where, {"weight", "(4, 3, 3, 3)"}, conv({.groups = 2})));
    CHECK(refuses<ShapeError>(where, {"empty"}, conv({.padding = 0, .dilation = huge})));
    CHECK(refuses<ShapeError>("Shape", {"counted"}, conv({.padding = huge})));
    CHECK(refuses<ShapeError>("Shape", {"counted"}, conv({.stride = huge, .padding = huge})));
    CHECK(refuses<ShapeError>("Shape", {"counted"}, conv({.dilation = huge / 4})));
    CHECK(refuses<ShapeError>(where, {"bias", "(4)"},
                              [&] { return ops::conv2d(map, weight, {}, bench.leaf({6})); }));
    CHECK(refuses<ShapeError>("ops::conv1d", {"(batch, length, channels)"}, [&] {
        return ops::conv1d(map, bench.leaf({4, 6, 3}));
    }));
    CHECK(refuses<ShapeError>("ops::conv1d", {"empty"}, [&] {
        return ops::conv1d(bench.leaf({1, 2, 6}), bench.leaf({4, 6, 3}), {.padding = 0});
    }));
}

TEST_CASE("a transposed convolution refuses what does not fit", "[N-1][E-2]") {
    constexpr Index huge = Index{1} << 62;
    Bench bench;
    const V map = bench.leaf({1, 2, 3, 4});
    const V weight = bench.leaf({4, 3, 3, 3});
    const std::string where = "ops::conv_transpose2d";
    const auto conv = [&](const ops::ConvTransposeOptions& options) {
        return [&, options] { return ops::conv_transpose2d(map, weight, options); };
    };
    CHECK(refuses<OptionError>(where, {"stride"}, conv({.stride = 0})));
    CHECK(refuses<OptionError>(where, {"output_padding"}, conv({.output_padding = 1})));
    CHECK(refuses<OptionError>(where, {"groups"}, conv({.groups = 3})));
    CHECK(refuses<ShapeError>(where, {"empty"}, conv({.padding = 3})));
    CHECK(refuses<ShapeError>(where, {"empty"}, conv({.padding = huge})));
    CHECK(refuses<ShapeError>("Shape", {"counted"}, conv({.stride = huge})));
    CHECK(refuses<ShapeError>(where, {"weight"}, [&] {
        return ops::conv_transpose2d(map, bench.leaf({3, 4, 3, 3}));
    }));
}

TEST_CASE("pools refuse what does not fit", "[N-1][E-2]") {
    Bench bench;
    const V map = bench.leaf({1, 4, 5, 2});
    CHECK(refuses<OptionError>("ops::max_pool", {"half", "1x1", "2x1"}, [&] {
        return ops::max_pool(map, {.window = 3, .padding = {2, 1}});
    }));
    CHECK(refuses<OptionError>("ops::average_pool", {"half"}, [&] {
        return ops::average_pool(map, {.window = 2, .padding = 2});
    }));
    CHECK(refuses<OptionError>("ops::max_pool", {"window"},
                               [&] { return ops::max_pool(map, {.window = 0}); }));
    CHECK(refuses<OptionError>("ops::max_pool", {"stride"},
                               [&] { return ops::max_pool(map, {.stride = 0}); }));
    CHECK(refuses<ShapeError>("ops::max_pool", {"empty", "5x5", "4x5"},
                              [&] { return ops::max_pool(map, {.window = 5}); }));
    CHECK(refuses<ShapeError>("ops::max_positions", {}, [&] {
        return ops::max_positions(bench.leaf({0, 4, 2}));
    }));
    CHECK(refuses<OptionError>("ops::upsample_nearest", {"factor"},
                               [&] { return ops::upsample_nearest(map, 0); }));
    CHECK(refuses<ShapeError>("Shape", {"counted"},
                              [&] { return ops::upsample_nearest(map, Index{1} << 60); }));
}

TEST_CASE("convolution layers refuse when they are made what they could not do", "[N-1][E-2]") {
    B::Context context{};
    const auto two = [&](const ops::ConvOptions& options) {
        return [&, options] { return nn::Conv2d<B>(context, 6, 4, 3, options); };
    };
    CHECK(refuses<OptionError>("nn::Conv2d", {"groups", "outputs"}, two({.groups = 3})));
    CHECK(refuses<OptionError>("nn::Conv2d", {"same"}, two({.stride = 2})));
    CHECK(refuses<OptionError>("nn::Conv2d", {"kernel"}, [&] {
        return nn::Conv2d<B>(context, 6, 4, {3, 0});
    }));
    CHECK(refuses<OptionError>("nn::Conv1d", {"dilation"}, [&] {
        return nn::Conv1d<B>(context, 6, 4, 3, ops::Conv1dOptions{.dilation = 0});
    }));
    CHECK(refuses<OptionError>("nn::ConvTranspose2d", {"output_padding"}, [&] {
        return nn::ConvTranspose2d<B>(context, 6, 4, 3,
                                      ops::ConvTransposeOptions{.output_padding = 2});
    }));
}

TEST_CASE("convolution layers have PyTorch's names, shapes and ranges", "[N-1][B]") {
    B::Context context{};
    Generator generator(1);
    nn::Conv2d<B> conv(context, 8, 16, {3, 5}, generator,
                       {.stride = 2, .padding = {1, 2}, .groups = 4}, nn::Bias::present);
    const nn::Conv1d<B> over_time(context, 6, 10, 3, generator, {.groups = 2}, nn::Bias::present);
    const nn::ConvTranspose2d<B> larger(context, 8, 6, 2, generator, {.stride = 2, .groups = 2},
                                        nn::Bias::present);
    CHECK(conv.weight.shape() == Shape{16, 2, 3, 5});
    CHECK(over_time.weight.shape() == Shape{10, 3, 3});
    CHECK(larger.weight.shape() == Shape{8, 3, 2, 2});
    std::vector<std::string> names;
    for (const auto& named : nn::parameters<B>(conv)) names.push_back(named.name);
    CHECK(names == std::vector<std::string>{"weight", "bias"});
    const auto within = [&](const Parameter<B>& parameter, double bound) {
        double largest = 0.0;
        for (const double value : parameter.value().to_host(context)) {
            largest = std::max(largest, std::abs(value));
        }
        return largest < bound && largest > 0.6 * bound;
    };
    CHECK(within(conv.weight, 1.0 / std::sqrt(30.0)));
    CHECK(within(*conv.bias, 1.0 / std::sqrt(30.0)));
    CHECK(within(over_time.weight, 1.0 / 3.0));
    CHECK(within(larger.weight, 1.0 / std::sqrt(12.0)));
    CHECK(within(*larger.bias, 1.0 / std::sqrt(12.0)));

    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training, generator);
    const auto map = tape.leaf({2, 6, 6, 8}, std::vector<double>(2 * 6 * 6 * 8, 0.5));
    CHECK(conv.forward(pass, map).shape() == Shape{2, 3, 3, 16});
    CHECK(larger.forward(pass, map).shape() == Shape{2, 12, 12, 6});
    const auto sequence = tape.leaf({2, 7, 6}, std::vector<double>(2 * 7 * 6, 0.5));
    CHECK(over_time.forward(pass, sequence).shape() == Shape{2, 7, 10});
}

}  // namespace kasmina::convolutions_test
