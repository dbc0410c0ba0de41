// Sinks: what they keep, what a throwing one costs, and that the null sink is no code at all.
#include <concepts>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <variant>

#include <kasmina/telemetry/fan_out.hpp>
#include <kasmina/telemetry/json_lines.hpp>
#include <kasmina/telemetry/memory_sink.hpp>
#include <kasmina/telemetry/sink.hpp>

#include "support/catch.hpp"
#include "telemetry/events.hpp"
#include "telemetry/throwing_sink.hpp"

namespace kasmina {

/// Declared and nowhere defined: code that calls it does not link.
telemetry::SeedPruned event_that_nobody_can_build();

namespace {

using telemetry::Failures;
using telemetry::FanOutSink;
using telemetry::MemorySink;
using telemetry::NullSink;
using test::ThrowingSink;

struct OddlyThrowingSink {
    void emit(const telemetry::Event&) { throw 42; }
};

static_assert(telemetry::Sink<NullSink>);
static_assert(telemetry::Sink<MemorySink>);
static_assert(telemetry::Sink<telemetry::JsonLinesSink>);
static_assert(telemetry::Sink<telemetry::SinkReference<MemorySink>>);
static_assert(telemetry::Sink<FanOutSink>);
static_assert(telemetry::Sink<ThrowingSink>, "a user's own sink satisfies the concept");
static_assert(!telemetry::Sink<int>);

TEST_CASE("the memory sink keeps events in order, whole", "[T-2]") {
    MemorySink sink;
    Failures failures;
    telemetry::send(sink, failures, [] {
        return telemetry::SeedGerminated{test::measured_seed(), 10};
    });
    telemetry::send(sink, failures, [] {
        return telemetry::StageChanged{test::measured_seed(), "training", "blending", 4};
    });
    REQUIRE(sink.events().size() == 2);
    CHECK(std::get<telemetry::SeedGerminated>(sink.events()[0]).host_parameters == 10);
    const auto& changed = std::get<telemetry::StageChanged>(sink.events()[1]);
    CHECK(changed.to == "blending");
    CHECK(changed.seed.contribution == -0.75);
    CHECK(failures.count == 0);
    sink.clear();
    CHECK(sink.events().empty());
}

TEST_CASE("a sink may live elsewhere", "[T-2]") {
    MemorySink sink;
    telemetry::SinkReference<MemorySink> reference(sink);
    Failures failures;
    telemetry::send(reference, failures, [] { return telemetry::SeedFossilized{}; });
    CHECK(sink.events().size() == 1);
}

TEST_CASE("a sink that throws breaks nothing: counted, and the first message kept", "[T-3]") {
    ThrowingSink sink;
    Failures failures;
    for (int i = 0; i < 3; ++i) {
        telemetry::send(sink, failures, [] { return telemetry::SeedFossilized{}; });
    }
    CHECK(sink.calls == 3);
    CHECK(failures.count == 3);
    CHECK(failures.first == "call 1");
}

TEST_CASE("whatever a sink throws is counted", "[T-3]") {
    OddlyThrowingSink sink;
    Failures failures;
    telemetry::send(sink, failures, [] { return telemetry::SeedFossilized{}; });
    CHECK(failures.count == 1);
    CHECK(failures.first == "no std::exception");
}

TEST_CASE("an event that cannot be built breaks nothing either, and is not sent", "[T-3]") {
    MemorySink sink;
    Failures failures;
    telemetry::send(sink, failures, []() -> telemetry::SeedFossilized { throw std::bad_alloc(); });
    CHECK(failures.count == 1);
    CHECK(sink.events().empty());
}

TEST_CASE("every sink of a fan-out gets every event, whichever of them throws", "[T-2][T-3]") {
    MemorySink first;
    MemorySink last;
    FanOutSink sink;
    sink.add(OddlyThrowingSink{})
        .add(telemetry::SinkReference<MemorySink>(first))
        .add(ThrowingSink{})
        .add(telemetry::SinkReference<MemorySink>(last));
    Failures failures;
    for (int i = 0; i < 3; ++i) {
        telemetry::send(sink, failures, [] { return telemetry::SeedFossilized{}; });
    }
    CHECK(first.events().size() == 3);
    CHECK(last.events().size() == 3);
    // Counted for each sink, and by the sender once an event that somebody missed.
    REQUIRE(sink.failures().size() == 4);
    CHECK(sink.failures()[0].count == 3);
    CHECK(sink.failures()[0].first == "no std::exception");
    CHECK(sink.failures()[1].count == 0);
    CHECK(sink.failures()[2].count == 3);
    CHECK(sink.failures()[2].first == "call 1");
    CHECK(sink.failures()[3].count == 0);
    CHECK(failures.count == 3);
}

TEST_CASE("the sender hears of the first failure in a fan-out, and of none without one", "[T-3]") {
    Failures failures;
    FanOutSink sink;
    telemetry::send(sink, failures, [] { return telemetry::SeedFossilized{}; });
    CHECK(failures.count == 0);
    sink.add(MemorySink{});
    telemetry::send(sink, failures, [] { return telemetry::SeedFossilized{}; });
    CHECK(failures.count == 0);
    sink.add(ThrowingSink{.calls = 10}).add(ThrowingSink{.calls = 20});
    telemetry::send(sink, failures, [] { return telemetry::SeedFossilized{}; });
    CHECK(failures.count == 1);
    CHECK(failures.first == "call 11");
}

/// A builder whose call compiles for no one.
struct Unbuildable {
    template <class Event = telemetry::SeedFossilized>
    Event operator()() const {
        static_assert(!std::same_as<Event, telemetry::SeedFossilized>,
                      "the null sink must not instantiate the builder");
        return {};
    }
};

TEST_CASE("with the null sink the builder is neither instantiated nor linked", "[T-2]") {
    NullSink sink;
    Failures failures;
    telemetry::send(sink, failures, Unbuildable{});
    telemetry::send(sink, failures, [] { return event_that_nobody_can_build(); });
    CHECK(failures.count == 0);
}

}  // namespace
}  // namespace kasmina
