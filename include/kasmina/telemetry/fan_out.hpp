// FanOutSink: one event to any number of sinks, none of which can keep it from another.
#pragma once

#include <exception>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <kasmina/telemetry/sink.hpp>

namespace kasmina::telemetry {

/// Sends each event to every sink that was added, in that order. A sink that throws is counted by
/// itself, and the others get the event all the same. When all have had it, the first exception
/// goes on to the caller, so that the slot counts an event that somebody missed (spec T-3).
class FanOutSink {
public:
    template <Sink S>
    FanOutSink& add(S sink) {
        auto added = std::make_unique<SinkOf<S>>(std::move(sink));
        failures_.emplace_back();
        try {
            sinks_.push_back(std::move(added));
        } catch (...) {
            failures_.pop_back();
            throw;
        }
        return *this;
    }

    void emit(const Event& event) {
        std::exception_ptr first;
        for (std::size_t i = 0; i < sinks_.size(); ++i) {
            AnySink& sink = *sinks_[i];
            try {
                sink.emit(event);
            } catch (...) {
                count(failures_[i]);
                if (!first) first = std::current_exception();
            }
        }
        if (first) std::rethrow_exception(first);
    }

    /// Of each sink, in the order they were added.
    [[nodiscard]] std::span<const Failures> failures() const noexcept { return failures_; }

private:
    struct AnySink {
        virtual ~AnySink() = default;
        virtual void emit(const Event& event) = 0;
    };

    template <Sink S>
    struct SinkOf final : AnySink {
        explicit SinkOf(S s) : sink(std::move(s)) {}
        void emit(const Event& event) override { sink.emit(event); }
        S sink;
    };

    std::vector<std::unique_ptr<AnySink>> sinks_;
    std::vector<Failures> failures_;
};

}  // namespace kasmina::telemetry
