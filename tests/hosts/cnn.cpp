// The CNN host's parts: sizes, boundaries, routing, and that a split forward is the whole one.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/hosts/cnn.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/gradient_check.hpp"

namespace kasmina {
namespace {

using B = test::Eigen64;
using Host = hosts::Cnn<B>;

static_assert(hosts::Host<Host>);
static_assert(hosts::Host<hosts::Cnn<test::Eigen32>>);

TEST_CASE("the CNN host has the parameters of the golden table", "[H-1]") {
    CHECK(nn::parameter_count(Host({.classes = 10})) == 94762);
    CHECK(nn::parameter_count(Host({.classes = 10, .base = 8})) == 6418);
}

TEST_CASE("the CNN host's slots lie in execution order", "[H-1][H-3]") {
    const Host host({.base = 4, .blocks = 2});
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
    CHECK(hosts::end_boundary(host) == 5);
}

TEST_CASE("a block without a pool has both its slots on one map", "[H-1]") {
    Generator generator(1);
    const Host host({.base = 2, .blocks = 2, .pools = 1, .height = 6, .width = 6}, generator);
    B::Context context{};
    Tape<B> tape(context);
    const auto x = tape.constant({2, 6, 6, 3}, test::normal_values<double>(216, 1));
    const auto before = host.forward(tape, x, 0, 3, Mode::evaluation);
    CHECK(before.shape() == Shape{2, 3, 3, 4});
    CHECK(host.forward(tape, before, 3, 4, Mode::evaluation) == before);
}

TEST_CASE("sizes that make no CNN host are refused with their numbers", "[H-1][B-2]") {
    CHECK_THROWS_AS(Host({.classes = 0}), OptionError);
    CHECK_THROWS_AS(Host({.in_channels = 0}), OptionError);
    CHECK_THROWS_AS(Host({.base = 0}), OptionError);
    CHECK_THROWS_AS(Host({.blocks = 1}), OptionError);
    CHECK_THROWS_AS(Host({.pools = 4}), OptionError);
    CHECK_THROWS_AS(Host({.pools = -1}), OptionError);
    CHECK_THROWS_AS(Host({.height = 7}), OptionError);
    CHECK_THROWS_AS(Host({.width = 7}), OptionError);
    CHECK_NOTHROW(Host({.pools = 2, .height = 7, .width = 4}));
}

TEST_CASE("routing backward or to no boundary is an error that lists the boundaries", "[H-3]") {
    const Host host({.base = 2, .blocks = 2});
    B::Context context{};
    Tape<B> tape(context);
    const auto x = tape.constant({1, 8, 8, 3}, test::normal_values<double>(192, 1));
    CHECK_THROWS_AS(host.forward(tape, x, 2, 1, Mode::evaluation), OptionError);
    CHECK_THROWS_AS(host.forward(tape, x, 0, 6, Mode::evaluation), UnknownNameError);
    CHECK_THROWS_AS(hosts::boundary_of(host, "r2c0"), UnknownNameError);
    try {
        static_cast<void>(hosts::boundary_of(host, "r2c0"));
    } catch (const UnknownNameError& error) {
        CHECK(error.expected() == "r0c0, r1c0, r0c1, r1c1");
        CHECK(error.got() == "r2c0");
    }
    CHECK(host.forward(tape, x, 0, 0, Mode::evaluation) == x);
}

// Values and gradients must be the same bits: a slot that becomes active splits a pass, and the
// host must not notice (I-1, I-2, H-4).
TEMPLATE_TEST_CASE("a forward pass split at its boundaries equals the fused one bit for bit",
                   "[H-4][I-1]", test::Eigen32, test::Eigen64, test::Oracle) {
    using Backend = TestType;
    using Scalar = typename Backend::Scalar;
    Generator generator(3);
    hosts::Cnn<Backend> host({.base = 5, .blocks = 3, .pools = 2, .height = 9, .width = 11},
                             generator);
    hosts::Cnn<Backend> twin({.base = 5, .blocks = 3, .pools = 2, .height = 9, .width = 11});
    const auto from = nn::parameters<Backend>(host);
    const auto to = nn::parameters<Backend>(twin);
    for (std::size_t i = 0; i < from.size(); ++i) {
        to[i].parameter->value().assign(from[i].parameter->value().to_host());
    }
    const std::vector<std::int32_t> labels{1, 2, 3};
    const auto values = test::normal_values<Scalar>(3 * 9 * 11 * 3, 5);
    typename Backend::Context context{};
    Tape<Backend> tape(context);
    const auto x = tape.constant({3, 9, 11, 3}, values);
    const auto fused = host.forward(tape, x, Mode::training);
    const std::vector<Scalar> whole = fused.to_host();
    tape.backward(ops::cross_entropy(fused, labels));

    Tape<Backend> other(context);
    auto state = other.constant({3, 9, 11, 3}, values);
    for (std::size_t boundary = 0; boundary < hosts::end_boundary(twin); ++boundary) {
        state = twin.forward(other, state, boundary, boundary + 1, Mode::training);
    }
    CHECK(state.to_host() == whole);
    other.backward(ops::cross_entropy(state, labels));
    for (std::size_t i = 0; i < from.size(); ++i) {
        INFO(from[i].name);
        CHECK(to[i].parameter->gradient().to_host() == from[i].parameter->gradient().to_host());
    }
    const auto statistics = nn::buffers<Backend>(host);
    const auto split = nn::buffers<Backend>(twin);
    for (std::size_t i = 0; i < statistics.size(); ++i) {
        CHECK(split[i].buffer->to_host() == statistics[i].buffer->to_host());
    }
}

TEST_CASE("evaluation leaves the running statistics as they are", "[H-6]") {
    Generator generator(3);
    Host host({.base = 3, .blocks = 2}, generator);
    B::Context context{};
    Tape<B> tape(context);
    const auto x = tape.constant({2, 8, 8, 3}, test::normal_values<double>(384, 5));
    std::vector<std::vector<double>> before;
    for (const auto& named : nn::buffers<B>(host)) before.push_back(named.buffer->to_host());
    static_cast<void>(host.forward(tape, x, Mode::evaluation));
    const auto after = nn::buffers<B>(host);
    for (std::size_t i = 0; i < after.size(); ++i) {
        CHECK(after[i].buffer->to_host() == before[i]);
    }
    static_cast<void>(host.forward(tape, x, Mode::training));
    CHECK(after[0].buffer->to_host() != before[0]);
}

TEST_CASE("the CNN host's gradient is its slope, in training and in evaluation", "[H-1]") {
    for (const Mode mode : {Mode::training, Mode::evaluation}) {
        Generator generator(4);
        const Host host({.classes = 4, .base = 3, .blocks = 2, .pools = 1, .height = 5, .width = 3},
                        generator);
        const double error = test::gradient_error<B>(
            {Shape{2, 5, 3, 3}},
            [&](Tape<B>& tape, const auto& x) { return host.forward(tape, x[0], mode); });
        CHECK(error < 1e-5);
    }
}

TEST_CASE("one seed, one host: results are the same bits for 1, 2 and 4 threads", "[E-1]") {
    using F = test::Eigen32;
    std::vector<std::vector<float>> first;
    for (const int threads : {1, 2, 4}) {
        Generator generator(6);
        hosts::Cnn<F> host({.base = 8, .height = 16, .width = 16}, generator);
        F::Context context(threads);
        Tape<F> tape(context);
        const auto x = tape.constant({5, 16, 16, 3}, test::normal_values<float>(3840, 5));
        const std::vector<std::int32_t> labels{1, 2, 3, 4, 5};
        const auto logits = host.forward(tape, x, Mode::training);
        std::vector<std::vector<float>> results{logits.to_host()};
        tape.backward(ops::cross_entropy(logits, labels));
        for (const auto& named : nn::parameters<F>(host)) {
            results.push_back(named.parameter->gradient().to_host());
        }
        for (const auto& named : nn::buffers<F>(host)) results.push_back(named.buffer->to_host());
        if (first.empty()) first = results;
        CHECK(results == first);
    }
}

}  // namespace
}  // namespace kasmina
