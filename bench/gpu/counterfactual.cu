// Eight counterfactual configurations in one call against eight passes (H-5), on a GPU: the same
// network, batch and configurations, in turn. One line of JSON for each case.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <kasmina/backends/cuda.hpp>
#include <kasmina/kasmina.hpp>

#include "../counterfactual_network.hpp"

namespace {

using namespace kasmina;
using Backend = backends::Cuda<float>;

/// The median time of a call and of the wait behind it, in milliseconds.
template <class Work>
double milliseconds(Backend::Context& context, Work&& work) {
    using Clock = std::chrono::steady_clock;
    std::vector<double> times;
    for (int i = 0; i < 25; ++i) {
        const auto start = Clock::now();
        work();
        Backend::synchronise(context);
        times.push_back(std::chrono::duration<double>(Clock::now() - start).count() * 1e3);
    }
    std::ranges::sort(times);
    return times[times.size() / 2];
}

void compare(const std::vector<std::string>& slots, Index batch) {
    Backend::Context context{};
    context.set_precision(Precision::fast);
    const auto model = bench::counterfactual_model<Backend>(context, slots);
    const std::vector<AlphaOverrides> configurations = bench::all_subsets(slots);
    const auto images = bench::noise_images<Backend>(context, batch);
    Tape<Backend> tape(context, Recording::none);
    Pass<Backend> pass(tape, Mode::evaluation);

    const double together = milliseconds(context, [&] {
        evaluate_each(model, context, images, configurations,
                      [](std::size_t, const Variable<Backend>&) {});
    });
    const double separately = milliseconds(context, [&] {
        for (const AlphaOverrides& configuration : configurations) {
            tape.clear();
            static_cast<void>(model.forward(pass, images, configuration));
        }
    });
    std::string places;
    for (const std::string& slot : slots) places += (places.empty() ? "" : ",") + slot;
    std::printf(
        "{\"slots\": \"%s\", \"batch\": %d, \"together_ms\": %.4f, \"separately_ms\": %.4f, "
        "\"share\": %.3f}\n",
        places.c_str(), static_cast<int>(batch), together, separately, together / separately);
    std::fflush(stdout);
}

}  // namespace

int main() {
    try {
        for (const auto& slots : bench::places_of_three) {
            for (const Index batch : {32, 128, 512}) compare(slots, batch);
        }
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "gpu_counterfactual: %s\n", error.what());
        return 1;
    }
}
