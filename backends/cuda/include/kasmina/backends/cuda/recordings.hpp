// Recordings: the capability to order the work of a whole step by one call.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstdint>

#include <kasmina/random/generator.hpp>

namespace kasmina::backends::cuda_detail {

/// Capability: RecordingBackend.
template <class D>
struct Recordings {
    using Context = typename D::Context;
    using Recording = typename D::Recording;

    static void begin_recording(Context& context) { context.begin_recording(); }
    [[nodiscard]] static Recording end_recording(Context& context) {
        return context.end_recording();
    }
    static void draw_from(Context& context, const Generator::State& random) {
        context.draw_from(random);
    }
    static void replay(Context& context, Recording& recording, std::uint64_t words) {
        context.replay(recording, words);
    }
    [[nodiscard]] static std::uint64_t unrepeatable(const Context& context) {
        return context.unrepeatable();
    }
};

}  // namespace kasmina::backends::cuda_detail
