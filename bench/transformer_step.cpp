// The training step of a transformer of 6 x 384, alone and with a seed half blended in: forward,
// loss, backward, AdamW. bench/compare times it in turn with the same step in PyTorch.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/transformer.hpp>
#include <kasmina/hosts/transformer.hpp>
#include <kasmina/kasmina.hpp>

namespace {

using namespace kasmina;
using Backend = backends::Eigen<float>;

constexpr const char* seed_slot = "r0c1";  // behind the fourth of six blocks

struct Case {
    Index time;
    Index vocabulary;
    std::string_view blueprint;  ///< empty: the host alone
    int threads;
};

constexpr Index batch = 8;

/// Brings a seed to alpha 0.5 in blending.
template <class Model>
void grow(Model& model, std::string_view blueprint) {
    auto& slot = model.slot(seed_slot);
    slot.germinate(blueprint, {.tempo_epochs = 1, .alpha_target = 0.5});
    slot.advance();
    model.gates().thresholds = GateThresholds{.min_training_improvement = -1000.0,
                                              .min_blending_epochs = 0,
                                              .min_seed_gradient_ratio = -1.0};
    slot.record_gradients({1.0, 1, true}, {1.0, 1, true}, {}, true);
    slot.record_readiness(0.0);
    if (!slot.advance().advanced) throw Error("the seed did not blend", "bench", "", "", "");
    slot.step_epoch();
}

void transformer_step(benchmark::State& state, const Case& of) {
    using Host = hosts::Transformer<Backend, hosts::LogitsInChunks>;
    Generator random(1);
    Backend::Context context(of.threads);
    MorphogeneticModel model{
        context, Host(context, {.vocabulary = of.vocabulary, .block = of.time, .dropout = 0.0}),
        TransformerBlueprints{}, random};
    if (!of.blueprint.empty()) grow(model, of.blueprint);
    optim::AdamW<Backend> optimiser;
    optimiser.add_group({.learning_rate = 1e-4});
    optimiser.synchronise(0, model.parameters());
    const auto drawn = [&] {
        std::vector<std::int32_t> ids(static_cast<std::size_t>(batch * of.time));
        const auto words = static_cast<std::uint32_t>(of.vocabulary);
        for (auto& id : ids) id = static_cast<std::int32_t>(random.below(words));
        return ids;
    };
    const TokenIds<Backend> ids(context, {batch, of.time}, drawn(), of.vocabulary);
    const ClassLabels<Backend> labels(context, drawn(), of.vocabulary);
    Tape<Backend> tape(context);
    Pass<Backend> pass(tape, Mode::training, random);
    const auto step = [&] {
        tape.clear();
        const auto loss = cross_entropy(model.forward(pass, ids), labels);
        optimiser.zero_gradients();
        tape.backward(loss);
        optimiser.step(context);
        benchmark::DoNotOptimize(loss.item());
    };
    step();
    step();
    const auto before = context.pool().statistics();
    for (auto _ : state) step();
    const auto after = context.pool().statistics();
    state.counters["allocations"] = static_cast<double>(after.allocations - before.allocations);
    // Values, gradients and AdamW's moments of parameters are not the pool's.
    double bytes = static_cast<double>(after.peak_bytes);
    for (const auto& named : model.parameters()) {
        bytes += 4.0 * sizeof(float) * static_cast<double>(named.parameter->shape().elements());
    }
    state.counters["peak_mib"] = bytes / (1024.0 * 1024.0);
}

void add(const Case& of) {
    std::string name =
        "transformer_step/T" + std::to_string(of.time) + "_V" + std::to_string(of.vocabulary);
    if (!of.blueprint.empty()) name += "+" + std::string(of.blueprint);
    name += "/batch:" + std::to_string(batch) + "/threads:" + std::to_string(of.threads);
    benchmark::RegisterBenchmark(name.c_str(),
                                 [of](benchmark::State& state) { transformer_step(state, of); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
}

}  // namespace

int main(int argc, char** argv) {
    for (const int threads : {1, 2}) {
        for (const Index vocabulary : {256, 50257}) {
            for (const Index time : {64, 256}) {
                add({time, vocabulary, "", threads});
                for (const std::string_view blueprint : TransformerBlueprints::names()) {
                    add({time, vocabulary, blueprint, threads});
                }
            }
        }
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
