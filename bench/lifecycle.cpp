// The cost of the lifecycle itself: an epoch's tick for every blueprint, an advance, a gate, a
// state, a dormant slot.
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/slot/slot.hpp>

namespace {

using namespace kasmina;
using Backend = backends::Eigen<float>;
using TestSlot = Slot<Backend, CnnBlueprints>;

struct Bed {
    Backend::Context context{};
    SlotServices<Backend, DefaultPolicies> services{.context = &context, .generator = Generator(1)};
    TestSlot slot{"r0c0", Topology::cnn, 64, SlotOptions{}, services};

    void train(std::string_view blueprint) {
        slot.germinate(blueprint);
        slot.advance();
    }
};

void gate(benchmark::State& state) {
    const StrictGates gates;
    GateEvidence seen;
    seen.epochs_in_stage = 3;
    seen.improvement_since_stage_start = 1.0;
    seen.gradient_ratio = 0.5;
    for (auto _ : state) {
        benchmark::DoNotOptimize(seen);
        benchmark::DoNotOptimize(gates.evaluate(Gate::g2, seen));
    }
}

/// In training, where the tick looks whether any parameter learns.
void tick(benchmark::State& state, std::string_view blueprint) {
    Bed bed;
    bed.train(blueprint);
    for (auto _ : state) benchmark::DoNotOptimize(bed.slot.step_epoch());
}

/// The same where it has to look at all of them, for the last alone learns.
void tick_half_frozen(benchmark::State& state, std::string_view blueprint) {
    Bed bed;
    bed.train(blueprint);
    const auto parameters = bed.slot.parameters();
    for (const auto& named : parameters) named.parameter->set_trainable(false);
    if (!parameters.empty()) parameters.back().parameter->set_trainable(true);
    for (auto _ : state) benchmark::DoNotOptimize(bed.slot.step_epoch());
}

void tick_dormant(benchmark::State& state) {
    Bed bed;
    for (auto _ : state) benchmark::DoNotOptimize(bed.slot.step_epoch());
}

/// A refused advance: the gate is asked and nothing changes.
void refused_advance(benchmark::State& state) {
    Bed bed;
    bed.train("noop");
    for (auto _ : state) benchmark::DoNotOptimize(bed.slot.advance());
}

void state_of(benchmark::State& state, std::string_view blueprint) {
    Bed bed;
    bed.train(blueprint);
    for (auto _ : state) benchmark::DoNotOptimize(bed.slot.state());
}

/// What a forward pass asks of a dormant slot.
void dormant_runs(benchmark::State& state) {
    Bed bed;
    for (auto _ : state) {
        benchmark::DoNotOptimize(bed.slot);
        benchmark::DoNotOptimize(bed.slot.runs(true, nullptr));
    }
}

/// A dormant slot's forward, with the copy of the handle that it returns.
void dormant_forward(benchmark::State& state) {
    Bed bed;
    Tape<Backend> tape(bed.context);
    Pass<Backend> pass(tape, Mode::evaluation);
    const std::vector<float> zeros(64);
    const Variable<Backend> features = pass.constant({1, 1, 1, 64}, zeros);
    for (auto _ : state) benchmark::DoNotOptimize(bed.slot.forward(pass, features));
}

BENCHMARK(gate);
BENCHMARK(tick_dormant);
BENCHMARK(refused_advance);
BENCHMARK(dormant_runs);
BENCHMARK(dormant_forward);

/// One row for each blueprint.
[[maybe_unused]] const bool registered = [] {
    for (const std::string_view blueprint : CnnBlueprints::names()) {
        const std::string name(blueprint);
        benchmark::RegisterBenchmark(("tick/" + name).c_str(), tick, blueprint);
        benchmark::RegisterBenchmark(("tick_half_frozen/" + name).c_str(), tick_half_frozen,
                                     blueprint);
    }
    benchmark::RegisterBenchmark("state/conv_heavy", state_of, "conv_heavy");
    return true;
}();

}  // namespace

BENCHMARK_MAIN();
