// The CNN host's parts: sizes, boundaries, routing, and that a split forward is the whole one.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/values.hpp"

namespace kasmina::cnn_test {
namespace {

using B = test::Eigen64;
using Host = hosts::Cnn<B>;

static_assert(hosts::Host<Host>);
static_assert(hosts::Host<hosts::Cnn<test::Eigen32>>);

/// A host behind its stem, with a variable that may need a gradient for an input.
template <class B>
Variable<B> through(const hosts::Cnn<B>& host, Pass<B>& pass, const Variable<B>& x) {
    return host.head(pass, host.forward(pass, x, hosts::start_boundary, hosts::end_boundary(host)));
}

TEST_CASE("the CNN host has the parameters of the golden table", "[H-1]") {
    B::Context context{};
    CHECK(nn::parameter_count(Host(context, {.classes = 10})) == 94762);
    CHECK(nn::parameter_count(Host(context, {.classes = 10, .base = 8})) == 6418);
}

TEST_CASE("the CNN host's slots lie in execution order", "[H-1][H-3]") {
    B::Context context{};
    const Host host(context, {.base = 4, .blocks = 2});
    const auto points = host.injection_points();
    REQUIRE(points.size() == 4);
    const std::vector<std::string> names{"r0c0", "r1c0", "r0c1", "r1c1"};
    const std::vector<Index> channels{4, 4, 8, 8};
    for (std::size_t i = 0; i < points.size(); ++i) {
        CHECK(points[i].slot_id == names[i]);
        CHECK(points[i].channels == channels[i]);
        CHECK(points[i].position == static_cast<Index>(i));
        CHECK(hosts::boundary_of(host, names[i]) == i + 1);
    }
    CHECK(points[0].surface == hosts::Surface::before_pool);
    CHECK(points[1].surface == hosts::Surface::after_pool);
    CHECK(hosts::end_boundary(host) == 4);
}

TEST_CASE("a block without a pool has both its slots on one map", "[H-1]") {
    Generator generator(1);
    B::Context context{};
    const Host host(context, {.base = 2, .blocks = 2, .pools = 1, .height = 6, .width = 6},
                    generator);
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::evaluation);
    const auto x = pass.constant({2, 6, 6, 3}, testing::normal_values<double>(216, 1));
    const auto before = host.forward(pass, x, 0, 3);
    CHECK(before.shape() == Shape{2, 3, 3, 4});
    CHECK(host.forward(pass, before, 3, 4) == before);
}

TEST_CASE("sizes that make no CNN host are refused with their numbers", "[H-1][B-2]") {
    B::Context context{};
    CHECK_THROWS_AS(Host(context, {.classes = 0}), OptionError);
    CHECK_THROWS_AS(Host(context, {.in_channels = 0}), OptionError);
    CHECK_THROWS_AS(Host(context, {.base = 0}), OptionError);
    CHECK_THROWS_AS(Host(context, {.blocks = 1}), OptionError);
    CHECK_THROWS_AS(Host(context, {.pools = 4}), OptionError);
    CHECK_THROWS_AS(Host(context, {.pools = -1}), OptionError);
    CHECK_THROWS_AS(Host(context, {.height = 7}), OptionError);
    CHECK_THROWS_AS(Host(context, {.width = 7}), OptionError);
    CHECK_NOTHROW(Host(context, {.pools = 2, .height = 7, .width = 4}));
}

// The commonest first mistake of who comes from PyTorch.
TEST_CASE("images with their channels first are told by name", "[H-1][E-2]") {
    Generator generator(1);
    B::Context context{};
    for (const Index channels : {1, 3}) {
        const Host host(context, {.in_channels = channels, .base = 2}, generator);
        Tape<B> tape(context);
        Pass<B> pass(tape, Mode::evaluation);
        const auto x = tape.constant(Tensor<B>::full(context, {2, channels, 32, 32}, 0.5));
        const std::string error =
            test::error_text<ShapeError>([&] { static_cast<void>(through(host, pass, x)); });
        CAPTURE(error);
        CHECK(test::mentions(error, "NCHW"));
        CHECK(test::mentions(error, "permute(0, 2, 3, 1)"));
        CHECK(test::mentions(error, to_string(x.shape())));
    }
}

TEST_CASE("routing backward or to no boundary is an error that lists the boundaries", "[H-3]") {
    B::Context context{};
    const Host host(context, {.base = 2, .blocks = 2});
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::evaluation);
    const auto x = pass.constant({1, 8, 8, 3}, testing::normal_values<double>(192, 1));
    CHECK_THROWS_AS(host.forward(pass, x, 2, 1), OptionError);
    CHECK_THROWS_AS(host.forward(pass, x, 0, 5), UnknownNameError);
    CHECK_THROWS_AS(hosts::boundary_of(host, "r2c0"), UnknownNameError);
    try {
        static_cast<void>(hosts::boundary_of(host, "r2c0"));
    } catch (const UnknownNameError& error) {
        CHECK(error.expected() == "r0c0, r1c0, r0c1, r1c1");
        CHECK(error.got() == "r2c0");
    }
    CHECK(host.forward(pass, x, 0, 0) == x);
}

// Values and gradients must be the same bits: a slot that becomes active splits a pass, and the
// host must not notice (I-1, I-2, H-4).
TEMPLATE_TEST_CASE("a forward pass split at its boundaries equals the fused one bit for bit",
                   "[H-4][I-1]", test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    using Backend = TestType;
    using Scalar = typename Backend::Scalar;
    Generator generator(3);
    typename Backend::Context context{};
    const hosts::CnnOptions options{.base = 5, .blocks = 3, .pools = 2, .height = 9, .width = 11};
    hosts::Cnn<Backend> host(context, options, generator);
    hosts::Cnn<Backend> twin(context, options);
    const auto from = nn::parameters<Backend>(host);
    const auto to = nn::parameters<Backend>(twin);
    for (std::size_t i = 0; i < from.size(); ++i) {
        to[i].parameter->value().copy_from(context, from[i].parameter->value());
    }
    const std::vector<std::int32_t> labels{1, 2, 3};
    const auto images = Tensor<Backend>::from_host(
        context, {3, 9, 11, 3}, testing::normal_values<Scalar>(3 * 9 * 11 * 3, 5));
    Tape<Backend> tape(context);
    Pass<Backend> pass(tape, Mode::training);
    const auto fused = hosts::forward(host, pass, images);
    const std::vector<Scalar> whole = fused.to_host();
    tape.backward(ops::cross_entropy(fused, labels));

    Tape<Backend> other(context);
    Pass<Backend> parted(other, Mode::training);
    auto state = twin.stem(parted, images);
    for (std::size_t boundary = 0; boundary < hosts::end_boundary(twin); ++boundary) {
        state = twin.forward(parted, state, boundary, boundary + 1);
    }
    const auto logits = twin.head(parted, state);
    CHECK(logits.to_host() == whole);
    other.backward(ops::cross_entropy(logits, labels));
    for (std::size_t i = 0; i < from.size(); ++i) {
        INFO(from[i].name);
        CHECK(to[i].parameter->gradient().to_host(context) ==
              from[i].parameter->gradient().to_host(context));
    }
    CHECK(test::state_values<Backend>(context, nn::states<Backend>(twin)) ==
          test::state_values<Backend>(context, nn::states<Backend>(host)));
}

TEST_CASE("evaluation leaves the running statistics as they are", "[H-6]") {
    Generator generator(3);
    B::Context context{};
    Host host(context, {.base = 3, .blocks = 2}, generator);
    const auto images =
        Tensor<B>::from_host(context, {2, 8, 8, 3}, testing::normal_values<double>(384, 5));
    const auto statistics = [&] { return test::state_values<B>(context, nn::states<B>(host)); };
    const auto before = statistics();
    Tape<B> tape(context);
    for (const Mode mode : {Mode::evaluation, Mode::training_frozen_statistics}) {
        Pass<B> pass(tape, mode);
        static_cast<void>(hosts::forward(host, pass, images));
        CHECK(statistics() == before);
    }
    Pass<B> pass(tape, Mode::training);
    static_cast<void>(hosts::forward(host, pass, images));
    CHECK(statistics() != before);
}

TEST_CASE("the CNN host's gradient is its slope, in every mode", "[H-1][P-1]") {
    for (const Mode mode : {Mode::training, Mode::training_frozen_statistics, Mode::evaluation}) {
        Generator generator(4);
        B::Context context{};
        const Host host(context,
                        {.classes = 4, .base = 3, .blocks = 2, .pools = 1, .height = 5, .width = 3},
                        generator);
        const double error =
            testing::gradient_error<B>({Shape{2, 5, 3, 3}}, [&](Tape<B>& tape, const auto& x) {
                Pass<B> pass(tape, mode);
                return through(host, pass, x[0]);
            });
        CHECK(error < 1e-5);
    }
}

TEST_CASE("one seed, one host: results are the same bits for 1, 2 and 4 threads", "[E-1]") {
    using F = test::Eigen32;
    std::vector<std::vector<double>> first;
    for (const int threads : {1, 2, 4}) {
        Generator generator(6);
        F::Context context(threads);
        hosts::Cnn<F> host(context, {.base = 8, .height = 16, .width = 16}, generator);
        const auto images =
            Tensor<F>::from_host(context, {5, 16, 16, 3}, testing::normal_values<float>(3840, 5));
        Tape<F> tape(context);
        Pass<F> pass(tape, Mode::training);
        const std::vector<std::int32_t> labels{1, 2, 3, 4, 5};
        const auto logits = hosts::forward(host, pass, images);
        const auto seen = logits.to_host();
        std::vector<std::vector<double>> results{{seen.begin(), seen.end()}};
        tape.backward(ops::cross_entropy(logits, labels));
        for (const auto& named : nn::parameters<F>(host)) {
            const auto gradient = named.parameter->gradient().to_host(context);
            results.push_back({gradient.begin(), gradient.end()});
        }
        for (const auto& values : test::state_values<F>(context, nn::states<F>(host))) {
            results.push_back(values);
        }
        if (first.empty()) first = results;
        CHECK(results == first);
    }
}

TEST_CASE("slots of one name, or without channels, are refused with their places", "[P-6]") {
    std::vector<hosts::InjectionPoint> points{{"a", 4, 0}, {"b", 4, 1}, {"a", 8, 2}};
    try {
        hosts::check_points(points);
        FAIL("two slots of one name were accepted");
    } catch (const DuplicateNameError& error) {
        CHECK(error.got() == "a for injection points 0 and 2");
    }
    points[2].slot_id = "c";
    CHECK_NOTHROW(hosts::check_points(points));
    points[2].channels = 0;
    CHECK_THROWS_AS(hosts::check_points(points), OptionError);
}

}  // namespace
}  // namespace kasmina::cnn_test
