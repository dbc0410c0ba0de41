// A sink that never takes an event.
#pragma once

#include <stdexcept>
#include <string>

#include <kasmina/telemetry/events.hpp>

namespace kasmina::test {

struct ThrowingSink {
    int calls = 0;
    void emit(const telemetry::Event&) {
        ++calls;
        throw std::runtime_error("call " + std::to_string(calls));
    }
};

}  // namespace kasmina::test
