// Times training steps on a GPU, one line of JSON for each.
//
// usage: gpu_train_step [SECONDS [WORD...]]
// Each case is timed for SECONDS (0.2); with words, only cases whose name has one of them.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
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

void print(const bench::Case& what, const bench::Timing& timing) {
    std::printf(
        "{\"name\": \"%s\", \"ms\": %.5f, \"least_ms\": %.5f, \"steps\": %d, \"waits\": %.3f, "
        "\"launches\": %.1f, \"allocations\": %.0f, \"peak_mib\": %.1f}\n",
        what.name().c_str(), timing.milliseconds, timing.least, timing.steps, timing.waits,
        timing.launches, timing.allocations, timing.peak_mib);
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const double seconds = argc > 1 ? std::atof(argv[1]) : 0.2;
    const std::vector<std::string_view> words(argv + std::min(argc, 2), argv + argc);
    int failures = 0;
    for (const bench::Case& what : bench::all_cases()) {
        if (!is_wanted(what.name(), words)) continue;
        try {
            print(what, what.optimiser == "adamw"
                            ? bench::time_steps<Backend, optim::AdamWRule>(what, seconds)
                            : bench::time_steps<Backend, optim::SgdRule>(what, seconds));
        } catch (const std::exception& error) {
            std::fprintf(stderr, "%s: %s\n", what.name().c_str(), error.what());
            ++failures;
        }
    }
    return failures == 0 ? 0 : 1;
}
