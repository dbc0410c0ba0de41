// The sink concept, the null sink that costs nothing, and how an event is sent.
#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include <kasmina/telemetry/events.hpp>

namespace kasmina::telemetry {

/// Takes events. May throw: the lifecycle goes on, and the failure is counted (spec T-3).
template <class S>
concept Sink = std::movable<S> && requires(S sink, const Event& event) { sink.emit(event); };

/// The sink that is none: the code that would build an event is not generated.
struct NullSink {
    void emit(const Event&) const noexcept {}
};

/// Sends events on to a sink that lives elsewhere.
template <Sink S>
class SinkReference {
public:
    explicit SinkReference(S& sink) noexcept : sink_(&sink) {}
    void emit(const Event& event) { sink_->emit(event); }

private:
    S* sink_;
};

/// What went wrong while events were sent: how often, and the first message.
struct Failures {
    std::int64_t count = 0;
    std::string first{};
};

/// Counts the exception that is being handled, and keeps the first one's message.
inline void count(Failures& failures) noexcept {
    const bool first = failures.count++ == 0;
    try {
        throw;
    } catch (const std::exception& error) {
        if (!first) return;
        try {
            failures.first = error.what();
        } catch (...) {  // no memory for the message: the count still tells
        }
    } catch (...) {
        if (first) failures.first = "no std::exception";  // short: it needs no memory
    }
}

/// Builds an event and sends it; a sink that throws is counted and breaks nothing. With the null
/// sink neither the builder nor the send exists in the generated code.
template <Sink S, class Builder>
void send(S& sink, Failures& failures, Builder&& build) noexcept {
    if constexpr (!std::same_as<S, NullSink>) {
        try {
            sink.emit(Event(std::forward<Builder>(build)()));
        } catch (...) {
            count(failures);
        }
    }
}

}  // namespace kasmina::telemetry
