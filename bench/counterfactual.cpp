// Eight counterfactual configurations in one call against eight passes (H-5): the same network,
// batch and configurations, timed in turn. `share` is the time of the one call over that of the
// eight passes; below 1 the shared prefix pays.
#include <benchmark/benchmark.h>

#include <chrono>
#include <string>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

#include "counterfactual_network.hpp"

namespace {

using namespace kasmina;
using Backend = backends::Eigen<float>;
using Clock = std::chrono::steady_clock;

void eight_configurations(benchmark::State& state, const std::vector<std::string>& slots,
                          Index batch, int threads) {
    Backend::Context context(threads);
    const auto model = bench::counterfactual_model<Backend>(context, slots);
    const std::vector<AlphaOverrides> configurations = bench::all_subsets(slots);
    const auto images = bench::noise_images<Backend>(context, batch);
    Tape<Backend> tape(context, Recording::none);
    Pass<Backend> pass(tape, Mode::evaluation);

    const auto together = [&] {
        evaluate_each(model, context, images, configurations,
                      [](std::size_t, const Variable<Backend>& logits) {
                          benchmark::DoNotOptimize(logits.data());
                      });
    };
    const auto separately = [&] {
        for (const AlphaOverrides& configuration : configurations) {
            tape.clear();
            const auto logits = model.forward(pass, images, configuration);
            benchmark::DoNotOptimize(logits.data());
        }
    };
    const auto seconds = [](const auto& work) {
        const auto start = Clock::now();
        work();
        return std::chrono::duration<double>(Clock::now() - start).count();
    };
    together();
    separately();
    double one_call = 0.0;
    double eight_passes = 0.0;
    for (auto _ : state) {
        one_call += seconds(together);
        eight_passes += seconds(separately);
    }
    state.counters["share"] = one_call / eight_passes;
    state.counters["peak_mib"] =
        static_cast<double>(context.pool().statistics().peak_bytes) / (1024.0 * 1024.0);
}

}  // namespace

int main(int argc, char** argv) {
    for (const auto& slots : bench::places_of_three) {
        for (const Index batch : {32, 128}) {
            for (const int threads : {1, 2}) {
                std::string name = "eight_configurations";
                for (const std::string& slot : slots) name.append("/").append(slot);
                name.append("/batch:").append(std::to_string(batch));
                name.append("/threads:").append(std::to_string(threads));
                benchmark::RegisterBenchmark(name.c_str(),
                                             [=](benchmark::State& state) {
                                                 eight_configurations(state, slots, batch, threads);
                                             })
                    ->Unit(benchmark::kMillisecond)
                    ->UseRealTime();
            }
        }
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
