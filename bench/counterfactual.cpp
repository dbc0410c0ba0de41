// Eight counterfactual configurations in one call against eight passes (H-5): the same network,
// batch and configurations, timed in turn. `share` is the time of the one call over that of the
// eight passes; below 1 the shared prefix pays.
#include <benchmark/benchmark.h>

#include <chrono>
#include <string>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

namespace {

using namespace kasmina;
using Backend = backends::Eigen<float>;
using Blueprints = BlueprintList<cnn::ConvLight>;
using Clock = std::chrono::steady_clock;

constexpr Index side = 32;

/// Passes every seed, so that the benchmark gets to a blended network at once.
template <Gate G>
struct Open {
    static constexpr Gate gate = G;
    constexpr GateResult operator()(const GateEvidence&, const GateThresholds&) const {
        return GateResult(G).require("open", true);
    }
};

struct Policies : DefaultPolicies {
    using Gates =
        GateSet<Open<Gate::g0>, Open<Gate::g1>, Open<Gate::g2>, Open<Gate::g3>, Open<Gate::g5>>;
};

using Model = MorphogeneticModel<hosts::Cnn<Backend>, Blueprints, Policies>;

/// The reference host with a holding seed in each of the slots.
Model make_model(Backend::Context& context, const std::vector<std::string>& slots) {
    Generator random(1);
    Model model{context, hosts::Cnn<Backend>{context, {.classes = 10}}, Blueprints{}, random};
    for (const std::string& name : slots) {
        auto& slot = model.slot(name);
        slot.germinate("conv_light");
        while (slot.stage() != Stage::holding) slot.advance();
    }
    return model;
}

/// All subsets of three seeds: what exact Shapley values ask for.
std::vector<AlphaOverrides> subsets(const std::vector<std::string>& slots) {
    std::vector<AlphaOverrides> all;
    for (std::uint64_t bits = 0; bits < 8; ++bits) {
        all.push_back(overrides_of(Coalition::of_bits(bits), slots));
    }
    return all;
}

void eight_configurations(benchmark::State& state, const std::vector<std::string>& slots,
                          Index batch, int threads) {
    Backend::Context context(threads);
    const Model model = make_model(context, slots);
    const std::vector<AlphaOverrides> configurations = subsets(slots);
    Generator random(2);
    std::vector<float> pixels(static_cast<std::size_t>(batch * side * side * 3));
    for (float& pixel : pixels) pixel = static_cast<float>(random.normal());
    const auto images = Tensor<Backend>::from_host(context, {batch, side, side, 3}, pixels);
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
    const std::vector<std::vector<std::string>> places{{"r0c0", "r0c1", "r0c2"},
                                                       {"r1c1", "r0c2", "r1c2"}};
    for (const auto& slots : places) {
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
