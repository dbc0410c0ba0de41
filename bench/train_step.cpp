// The training step of the library's hosts, the CNN also with a blending seed: forward, loss,
// backward, SGD. bench/compare times it in turn with the same step in PyTorch.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/features.hpp>
#include <kasmina/hosts/mlp.hpp>
#include <kasmina/hosts/resnet.hpp>
#include <kasmina/kasmina.hpp>

namespace {

using namespace kasmina;
using Backend = backends::Eigen<float>;
using Model = MorphogeneticModel<hosts::Cnn<Backend>, CnnBlueprints>;

constexpr Index side = 32;
constexpr Index classes = 10;
constexpr const char* seed_slot = "r0c1";  // 64 channels at 16x16

/// Multiplications and additions of the convolutions of one step; the first layer passes no
/// gradient on to the images.
double step_flops(Index batch, bool seed) {
    const auto conv = [batch](Index in, Index out, Index extent, int passes) {
        return 2.0 * 9.0 * static_cast<double>(batch * in * out * extent * extent) * passes;
    };
    double flops = conv(3, 32, 32, 2) + conv(32, 64, 16, 3) + conv(64, 128, 8, 3);
    // Isolation: the seed's first convolution passes no gradient on to the host.
    if (seed) flops += conv(64, 64, 16, 2) + conv(64, 64, 16, 3);
    return flops;
}

/// Brings a conv_heavy seed to alpha 0.5 in blending.
void grow(Model& model) {
    auto& slot = model.slot(seed_slot);
    GerminationOptions options;
    options.alpha_target = 0.5;
    options.tempo_epochs = 1;
    slot.germinate<cnn::ConvHeavy>(options, {.layer_scale = false});  // as the peer's
    slot.advance();
    model.gates().thresholds = GateThresholds{.min_training_improvement = -100.0,
                                              .min_blending_epochs = 0,
                                              .min_seed_gradient_ratio = 0.0};
    slot.record_gradients({1.0, 1, true}, {1.0, 1, true}, {}, true);
    slot.record_readiness(0.0);
    if (!slot.advance().advanced) throw Error("the seed did not blend", "bench", "", "", "");
    slot.step_epoch();
}

/// Steps of SGD on one batch of random inputs of that shape.
template <class M>
void time_steps(benchmark::State& state, M& model, Generator& random, const Shape& inputs,
                double flops) {
    Backend::Context& context = model.context();
    optim::Sgd<Backend> optimiser;
    optimiser.add_group({.learning_rate = 1e-3, .momentum = 0.9});
    optimiser.synchronise(0, model.parameters());

    std::vector<float> values(static_cast<std::size_t>(inputs.elements()));
    for (float& value : values) value = static_cast<float>(random.normal());
    std::vector<std::int32_t> labels(static_cast<std::size_t>(inputs[0]));
    for (auto& label : labels) label = static_cast<std::int32_t>(random.below(classes));
    const auto input = Tensor<Backend>::from_host(context, inputs, values);

    Tape<Backend> tape(context);
    Pass<Backend> pass(tape, Mode::training);
    const auto step = [&] {
        tape.clear();
        const auto logits = model.forward(pass, input);
        const auto loss = ops::cross_entropy(logits, labels);
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
    const auto steps = static_cast<double>(state.iterations());
    state.counters["gflops"] =
        benchmark::Counter(1e-9 * flops * steps, benchmark::Counter::kIsRate);
    state.counters["allocations"] = static_cast<double>(after.allocations - before.allocations);
    state.counters["peak_mib"] = static_cast<double>(after.peak_bytes) / (1024.0 * 1024.0);
}

void cnn_step(benchmark::State& state, Index batch, int threads, bool seed) {
    Generator random(1);
    Backend::Context context(threads);
    Model model{context, hosts::Cnn<Backend>{context, {.classes = classes}}, CnnBlueprints{},
                random};
    if (seed) grow(model);
    time_steps(state, model, random, {batch, side, side, 3}, step_flops(batch, seed));
}

/// Three passes of each convolution but the first, which passes no gradient on to the images.
double resnet_flops(const hosts::ResNetOptions& options, Index batch) {
    const auto conv = [batch](Index taps, Index in, Index out, Index extent, int passes) {
        return 2.0 * static_cast<double>(batch * taps * in * out * extent * extent) * passes;
    };
    double flops = conv(9, options.in_channels, options.base, side, 2);
    Index inputs = options.base;
    for (Index stage = 0; stage < options.stages; ++stage) {
        const Index outputs = options.base << stage;
        const Index extent = side >> stage;
        for (Index block = 0; block < options.blocks; ++block) {
            flops += conv(9, inputs, outputs, extent, 3) + conv(9, outputs, outputs, extent, 3);
            if (inputs != outputs) flops += conv(1, inputs, outputs, extent, 3);
            inputs = outputs;
        }
    }
    return flops;
}

void resnet_step(benchmark::State& state, Index batch, int threads) {
    Generator random(1);
    Backend::Context context(threads);
    MorphogeneticModel model{context, hosts::ResNet<Backend>{context, {.classes = classes}},
                             BlueprintList<cnn::Noop>{}, random};
    time_steps(state, model, random, {batch, side, side, 3},
               resnet_flops(model.host().options(), batch));
}

void mlp_step(benchmark::State& state, Index batch, int threads) {
    constexpr hosts::MlpOptions options{
        .inputs = 64, .outputs = classes, .width = 256, .layers = 3};
    Generator random(1);
    Backend::Context context(threads);
    MorphogeneticModel model{context, hosts::Mlp<Backend>{context, options},
                             BlueprintList<features::Noop>{}, random};
    const double weights = 2 * 64 * 256 + 3 * (2 * 256 * 256 + 256 * classes);
    time_steps(state, model, random, {batch, options.inputs},
               2.0 * static_cast<double>(batch) * weights);
}

}  // namespace

int main(int argc, char** argv) {
    struct Case {
        const char* name;
        void (*run)(benchmark::State&, Index batch, int threads);
    };
    const std::array cases{
        Case{"host", [](benchmark::State& state, Index batch,
                        int threads) { cnn_step(state, batch, threads, false); }},
        Case{"host+conv_heavy", [](benchmark::State& state, Index batch,
                                   int threads) { cnn_step(state, batch, threads, true); }},
        Case{"resnet", resnet_step}, Case{"mlp", mlp_step}};
    for (const Case& each : cases) {
        for (const Index batch : {8, 32, 128}) {
            for (const int threads : {1, 2}) {
                const std::string name = std::string("train_step/") + each.name +
                                         "/batch:" + std::to_string(batch) +
                                         "/threads:" + std::to_string(threads);
                benchmark::RegisterBenchmark(
                    name.c_str(), [=](benchmark::State& state) { each.run(state, batch, threads); })
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
