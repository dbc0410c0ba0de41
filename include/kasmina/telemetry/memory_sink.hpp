// MemorySink: keeps every event in the process.
#pragma once

#include <vector>

#include <kasmina/telemetry/events.hpp>

namespace kasmina::telemetry {

/// Keeps every event; for tests and for observers inside the process.
class MemorySink {
public:
    void emit(const Event& event) { events_.push_back(event); }

    [[nodiscard]] const std::vector<Event>& events() const noexcept { return events_; }
    void clear() noexcept { events_.clear(); }

private:
    std::vector<Event> events_;
};

}  // namespace kasmina::telemetry
