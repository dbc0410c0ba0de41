// The test device's memory: out of the host's reach, NaN until written, reused in order.
#include <cmath>
#include <csignal>
#include <cstdint>
#include <span>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "support/catch.hpp"
#include "support/device/device_like.hpp"
#include "support/error_text.hpp"

namespace kasmina::memory_test {
namespace {

using B = test::DeviceLike<float>;
using Context = B::Context;

/// The signal that ends a process of its own which calls `f`; 0 when it lives.
template <class F>
int signal_of(const F& f) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGSEGV, SIG_DFL);  // a sanitizer would report and exit
        ::signal(SIGBUS, SIG_DFL);
        f();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

std::vector<float> to_host(Context& context, const B::Buffer<float>& buffer) {
    auto reading = B::read(context, buffer.data(), buffer.size());
    const std::span<const float> values = reading.get();
    return {values.begin(), values.end()};
}

TEST_CASE("the host crashes when it touches the device's memory", "[device]") {
    Context context;
    auto pooled = B::acquire<float>(context, 4);
    auto persistent = B::persistent<float>(context, 4);
    const float host = 1.0F;
    volatile float sink = 0.0F;
    CHECK(signal_of([&] { sink = host; }) == 0);
    for (float* device : {pooled.data(), persistent.data()}) {
        CHECK(signal_of([&] { sink = *static_cast<volatile float*>(device); }) == SIGSEGV);
        CHECK(signal_of([&] { *static_cast<volatile float*>(device) = host; }) == SIGSEGV);
    }
    CHECK(sink == 0.0F);
}

TEST_CASE("memory is NaN until somebody writes, and again when it was given back", "[device]") {
    Context context;
    const float* first = nullptr;
    {
        auto buffer = B::acquire<float>(context, 3);
        first = buffer.data();
        for (const float value : to_host(context, buffer)) CHECK(std::isnan(value));
        B::fill(context, buffer.data(), 3, 2.0F);
        CHECK(to_host(context, buffer) == std::vector<float>(3, 2.0F));
    }
    auto again = B::acquire<float>(context, 3);
    REQUIRE(again.data() == first);
    for (const float value : to_host(context, again)) CHECK(std::isnan(value));

    auto integers = B::acquire<std::int32_t>(context, 1);
    CHECK(B::read(context, integers.data(), 1).get()[0] == -1);
}

TEST_CASE("the same requests get the same addresses", "[device]") {
    Context context;
    const auto addresses = [&] {
        std::vector<const void*> found;
        const auto a = B::acquire<float>(context, 100);
        const auto b = B::acquire<double>(context, 7);
        found = {a.data(), b.data()};
        const auto c = B::acquire<float>(context, 100);
        found.push_back(c.data());
        return found;
    };
    const std::vector<const void*> first = addresses();
    CHECK(first[0] != first[2]);
    // The block that was given back last is the first to be handed out.
    const std::vector<const void*> second = addresses();
    CHECK(second == std::vector<const void*>{first[0], first[1], first[2]});
}

TEST_CASE("memory given back while work on it is queued is not reused before that work",
          "[device]") {
    const auto schedule = GENERATE(test::Schedule::at_waits, test::Schedule::at_once);
    Context context(schedule);
    auto sum = B::acquire<float>(context, 1000);
    B::fill(context, sum.data(), 1000, 0.0F);
    const float* reused = nullptr;
    for (int i = 1; i <= 20; ++i) {
        auto term = B::acquire<float>(context, 1000);
        if (reused != nullptr) CHECK(term.data() == reused);
        reused = term.data();
        B::fill(context, term.data(), 1000, static_cast<float>(i));
        B::synchronise(context);  // so that the values are there, and only their reader waits
        B::add(context, term.data(), sum.data(), 1000);
    }
    CHECK(to_host(context, sum) == std::vector<float>(1000, 210.0F));
}

TEST_CASE("buffers and readings may outlive their context", "[device]") {
    B::Buffer<float> buffer;
    B::Reading<float> reading;
    const std::vector<float> values{1.0F, 2.0F};
    {
        Context context;
        buffer = B::persistent<float>(context, 2);
        B::upload(context, values.data(), buffer.data(), 2);
        reading = B::read(context, buffer.data(), 2);
    }
    const std::span<const float> read = reading.get();
    CHECK(std::vector<float>(read.begin(), read.end()) == values);
    Context other;
    CHECK(to_host(other, buffer) == values);
}

TEST_CASE("work is refused memory that is not the device's", "[device][E-2]") {
    Context context;
    auto buffer = B::acquire<float>(context, 2);
    std::vector<float> host(2, 0.0F);
    CHECK_THROWS_AS(B::fill(context, host.data(), 2, 1.0F), test::DeviceError);
    CHECK_THROWS_AS(B::upload(context, host.data(), host.data(), 2), test::DeviceError);
    CHECK_THROWS_AS(B::add(context, host.data(), buffer.data(), 2), test::DeviceError);
    float* gone = buffer.data();
    buffer = {};
    const std::string text = test::error_text([&] { B::fill(context, gone, 2, 1.0F); });
    CHECK(text.find("given back") != std::string::npos);
}

TEST_CASE("a kernel that writes behind its memory is found out", "[device]") {
    Context context;
    {
        auto buffer = B::acquire<float>(context, 3);
        B::fill(context, buffer.data(), 3, 1.0F);
    }
    B::synchronise(context);
    {
        auto buffer = B::acquire<float>(context, 3);
        B::fill(context, buffer.data(), 4, 1.0F);
    }
    CHECK_THROWS_AS(B::synchronise(context), test::DeviceError);
}

}  // namespace
}  // namespace kasmina::memory_test
