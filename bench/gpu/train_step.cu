// Times training steps on a GPU, one line of JSON for each.
//
// usage: gpu_train_step [SECONDS [WORD...]]
// Each case is timed for SECONDS (0.2); with words, only cases whose name has one of them.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/backends/cuda.hpp>

#include "train_step.hpp"

namespace {

using namespace kasmina;
using Backend = backends::Cuda<float>;

bool is_wanted(const std::string& name, const std::vector<std::string_view>& words) {
    return words.empty() || std::ranges::any_of(words, [&](std::string_view word) {
               return name.find(word) != std::string::npos;
           });
}

bench::Timing time_steps(Backend::Context& context, const bench::Case& what, double seconds) {
    context.pool().trim();
    context.pool().reset_peak();
    return what.optimiser == "adamw"
               ? bench::time_steps<Backend, optim::AdamWRule>(context, what, seconds)
               : bench::time_steps<Backend, optim::SgdRule>(context, what, seconds);
}

/// As it is, with steps that are recorded; with kernels that overlap; and with each call ordered by
/// itself.
struct Contexts {
    Backend::Context recorded{};
    Backend::Context overlapping{backends::CudaOptions{.overlap_launches = true}};
    Backend::Context plain{backends::CudaOptions{.record_steps = false}};
};

void time_all(Contexts& contexts, const bench::Case& what, double seconds) {
    const bench::Timing timing = time_steps(contexts.recorded, what, seconds);
    const bench::Timing overlapping = time_steps(contexts.overlapping, what, seconds / 2.0);
    const bench::Timing plain = time_steps(contexts.plain, what, seconds / 2.0);
    std::printf(
        "{\"name\": \"%s\", \"ms\": %.5f, \"least_ms\": %.5f, \"steps\": %d, \"waits\": %.3f, "
        "\"launches\": %.1f, \"allocations\": %.0f, \"peak_mib\": %.1f, \"held_mib\": %.1f, "
        "\"unrecorded_ms\": %.5f, \"unrecorded_launches\": %.1f, "
        "\"overlapping_ms\": %.5f}\n",
        what.name().c_str(), timing.milliseconds, timing.least, timing.steps, timing.waits,
        timing.launches, timing.allocations, timing.peak_mib, timing.held_mib, plain.milliseconds,
        plain.launches, overlapping.milliseconds);
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const double seconds = argc > 1 ? std::atof(argv[1]) : 0.2;
    const std::vector<std::string_view> words(argv + std::min(argc, 2), argv + argc);
    std::optional<Contexts> contexts;  // plans of convolutions are made once for each shape
    int failures = 0;
    for (const bench::Case& what : bench::all_cases()) {
        if (!is_wanted(what.name(), words)) continue;
        try {
            if (!contexts) contexts.emplace();
            time_all(*contexts, what, seconds);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "%s: %s\n", what.name().c_str(), error.what());
            ++failures;
        }
    }
    return failures == 0 ? 0 : 1;
}
