// The training step of a transformer of 6 x 384, alone and with a seed of each blueprint, in
// training and half blended in. bench/compare times it in turn with the same step in PyTorch.
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

constexpr Index batch = 8;

struct Case {
    Index time;
    Index vocabulary;
    std::string_view blueprint;  ///< empty: the host alone
    Stage stage;                 ///< of the seed
    int threads;

    /// "T<time>_V<vocabulary>[+<blueprint>[/training]]", as the peer reads it.
    [[nodiscard]] std::string name() const {
        std::string text = "T" + std::to_string(time) + "_V" + std::to_string(vocabulary);
        if (!blueprint.empty()) text += "+" + std::string(blueprint);
        if (!blueprint.empty() && stage == Stage::training) text += "/training";
        return text;
    }

    /// How many are timed.
    [[nodiscard]] Index steps() const { return time < 256 ? 5 : 2; }
};

/// Brings a seed to training, or on to alpha 0.5 in blending.
template <class Model>
void grow(Model& model, const Case& of) {
    auto& slot = model.slot(seed_slot);
    slot.germinate(of.blueprint, {.tempo_epochs = 1, .alpha_target = 0.5});
    slot.advance();
    if (of.stage == Stage::training) return;
    model.gates().thresholds = GateThresholds{.min_training_improvement = -100.0,
                                              .min_blending_epochs = 0,
                                              .min_seed_gradient_ratio = 0.0};
    slot.record_gradients({1.0, 1, true}, {1.0, 1, true}, {}, true);
    slot.record_readiness(0.0);
    if (!slot.advance().advanced) throw Error("the seed did not blend", "bench", "", "", "");
    slot.step_epoch();
}

/// Forward, loss, backward, AdamW; of a seed in training its lesson too, in each step.
void transformer_step(benchmark::State& state, const Case& of) {
    using Host = hosts::Transformer<Backend, hosts::LogitsInChunks>;
    using Model = MorphogeneticModel<Host, TransformerBlueprints>;
    using Learner = train::Learner<Model, optim::AdamWRule, judge::Ablation>;
    Generator random(1);
    Backend::Context context(of.threads);
    Model model{context,
                Host(context, {.vocabulary = of.vocabulary, .block = of.time, .dropout = 0.0}),
                TransformerBlueprints{}, random};
    if (!of.blueprint.empty()) grow(model, of);
    Learner learner(
        model,
        {.host = {.learning_rate = 1e-4}, .seeds = {.learning_rate = 1e-4}, .lesson_every = 1});
    const auto drawn = [&] {
        std::vector<std::int32_t> ids(static_cast<std::size_t>(batch * of.time));
        const auto words = static_cast<std::uint32_t>(of.vocabulary);
        for (auto& id : ids) id = static_cast<std::int32_t>(random.below(words));
        return ids;
    };
    const TokenIds<Backend> ids(context, {batch, of.time}, drawn(), of.vocabulary);
    const ClassLabels<Backend> labels(context, drawn(), of.vocabulary);
    const auto step = [&] {
        auto loss = learner.step(
            model, ids, [&](const Host::Output& output) { return cross_entropy(output, labels); });
        benchmark::DoNotOptimize(loss.get());
    };
    step();
    step();
    const auto before = context.pool().statistics();
    for (auto _ : state) step();
    const auto after = context.pool().statistics();
    state.counters["allocations"] = static_cast<double>(after.allocations - before.allocations);
    double parameters = 0.0;
    for (const auto& named : model.parameters()) {
        parameters += static_cast<double>(named.parameter->shape().elements());
    }
    // Values, gradients and AdamW's moments of parameters are not the pool's.
    const double bytes = static_cast<double>(after.peak_bytes) + 4.0 * sizeof(float) * parameters;
    state.counters["peak_mib"] = bytes / (1024.0 * 1024.0);
    state.counters["parameters"] = parameters;
}

void add(const Case& of) {
    const std::string name = "transformer_step/" + of.name() + "/batch:" + std::to_string(batch) +
                             "/threads:" + std::to_string(of.threads);
    benchmark::RegisterBenchmark(name.c_str(),
                                 [of](benchmark::State& state) { transformer_step(state, of); })
        ->Unit(benchmark::kMillisecond)
        ->Iterations(of.steps())
        ->UseRealTime();
}

}  // namespace

int main(int argc, char** argv) {
    for (const int threads : {1, 2}) {
        for (const Index vocabulary : {256, 50257}) {
            for (const Index time : {64, 256}) {
                add({time, vocabulary, "", Stage::dormant, threads});
                for (const std::string_view blueprint : TransformerBlueprints::names()) {
                    for (const Stage stage : {Stage::training, Stage::blending}) {
                        add({time, vocabulary, blueprint, stage, threads});
                    }
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
