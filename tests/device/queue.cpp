// The test device's queue: calls return at once, work runs in order, waits are counted.
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/device/device_like.hpp"
#include "support/error_text.hpp"

namespace kasmina::queue_test {
namespace {

using B = test::DeviceLike<double>;
using Context = B::Context;

TEST_CASE("work is queued, and done when somebody waits for it", "[device]") {
    Context context;
    auto x = B::acquire<double>(context, 2);
    B::synchronise(context);
    REQUIRE(context.queued() == 0);

    B::fill(context, x.data(), 2, 3.0);
    B::add(context, x.data(), x.data(), 2);
    auto reading = B::read(context, x.data(), 2);
    B::fill(context, x.data(), 2, 0.0);
    CHECK(context.queued() == 4);
    CHECK(context.waits() == 1);

    CHECK(reading.get()[0] == 6.0);
    CHECK(context.queued() == 1);  // what came after the read was not waited for
    CHECK(context.waits() == 2);
    CHECK(reading.get()[1] == 6.0);
    CHECK(context.waits() == 2);
}

TEST_CASE("a wait covers all that was ordered before it", "[device]") {
    Context context;
    auto x = B::acquire<double>(context, 1);
    B::fill(context, x.data(), 1, 1.0);
    auto first = B::read(context, x.data(), 1);
    B::fill(context, x.data(), 1, 2.0);
    auto second = B::read(context, x.data(), 1);
    CHECK(second.get()[0] == 2.0);
    CHECK(first.get()[0] == 1.0);
    B::synchronise(context);
    CHECK(context.waits() == 1);
}

TEST_CASE("what is done is counted by kind", "[device]") {
    Context context;
    auto x = B::acquire<double>(context, 1);
    const double value = 1.0;
    B::upload(context, &value, x.data(), 1);
    B::fill(context, x.data(), 1, 1.0);
    B::add(context, x.data(), x.data(), 1);
    static_cast<void>(B::read(context, x.data(), 1));
    CHECK(context.uploads() == 1);
    CHECK(context.launches() == 2);
    CHECK(context.reads() == 1);
    CHECK(context.waits() == 0);
}

TEST_CASE("an upload shows the host's values at the moment of the call", "[device]") {
    Context context;
    auto x = B::acquire<double>(context, 1);
    double value = 1.0;
    B::upload(context, &value, x.data(), 1);
    value = 2.0;
    CHECK(B::read(context, x.data(), 1).get()[0] == 1.0);
}

TEST_CASE("work on another context does not wait for this one's", "[device]") {
    Context context;
    auto x = B::acquire<double>(context, 1);
    B::fill(context, x.data(), 1, 1.0);
    Context other;
    CHECK(std::isnan(B::read(other, x.data(), 1).get()[0]));
    B::synchronise(context);
    CHECK(B::read(other, x.data(), 1).get()[0] == 1.0);
}

TEST_CASE("an eager queue runs on, and has the same results", "[device]") {
    Context context(test::Schedule::at_once);
    auto x = B::acquire<double>(context, 1);
    B::fill(context, x.data(), 1, 0.0);
    auto one = B::acquire<double>(context, 1);
    B::fill(context, one.data(), 1, 1.0);
    for (int i = 0; i < 500; ++i) B::add(context, one.data(), x.data(), 1);
    while (context.queued() > 0) {
    }
    CHECK(context.waits() == 0);
    CHECK(B::read(context, x.data(), 1).get()[0] == 500.0);
}

/// Arguments of every kind that a kernel's may be of.
struct Arguments {
    struct Inner {
        double* to = nullptr;
        bool accumulate = false;
    };
    const double* from = nullptr;
    double* nowhere = nullptr;
    Inner inner;
    std::array<const double*, 2> both;
    std::span<const Inner> many;
    std::optional<Inner> maybe;
    Index count = 0;
};

TEST_CASE("arguments are copied with their pointers translated", "[device]") {
    Context context;
    auto x = B::acquire<double>(context, 1);
    auto y = B::acquire<double>(context, 1);
    auto z = B::acquire<double>(context, 1);
    B::fill(context, x.data(), 1, 5.0);
    std::vector<Arguments::Inner> many{{y.data(), false}, {nullptr, true}};
    Arguments arguments{x.data(),
                        nullptr,
                        {z.data(), true},
                        {x.data(), x.data()},
                        many,
                        Arguments::Inner{z.data(), false},
                        7};
    context.launch(
        "test",
        [](auto&, const Arguments& taken, double more) {
            if (taken.nowhere != nullptr || taken.many[1].to != nullptr) return;
            *taken.many[0].to = *taken.from + static_cast<double>(taken.count) + more;
            *taken.inner.to = *taken.both[1];
            *taken.maybe->to += 1.0;
        },
        arguments, 0.5);
    many.assign(2, {});
    arguments = {};
    CHECK(B::read(context, y.data(), 1).get()[0] == 12.5);
    CHECK(B::read(context, z.data(), 1).get()[0] == 6.0);
}

TEST_CASE("what goes wrong in queued work is thrown by the next wait, once", "[device][E-2]") {
    Context context;
    auto x = B::acquire<double>(context, 1);
    B::fill(context, x.data(), 1, 1.0);
    context.launch(
        "broken", [](auto&, double*) { throw std::runtime_error("no such number"); }, x.data());
    auto reading = B::read(context, x.data(), 1);
    try {
        static_cast<void>(reading.get());
        FAIL("no error");
    } catch (const test::DeviceError& error) {
        CHECK(error.where() == "broken");
        CHECK(error.got() == "no such number");
    }
    CHECK(reading.get()[0] == 1.0);
    CHECK_NOTHROW(B::synchronise(context));
}

}  // namespace
}  // namespace kasmina::queue_test
