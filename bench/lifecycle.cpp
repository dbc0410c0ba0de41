// The cost of the lifecycle itself: an epoch's tick, an advance, a gate, a dormant slot.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/slot/slot.hpp>

namespace {

using namespace kasmina;
using Backend = backends::Eigen<float>;
using TestSlot = Slot<Backend, CnnBlueprints>;

/// A slot with a seed in training.
struct Bed {
    Backend::Context context;
    SlotServices<Backend, DefaultPolicies> services{.context = &context};
    TestSlot slot{"r0c0", Topology::cnn, 8, SlotOptions{}, services};

    explicit Bed(std::string_view blueprint) {
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

void tick(benchmark::State& state, std::string_view blueprint) {
    Bed bed(blueprint);
    for (auto _ : state) benchmark::DoNotOptimize(bed.slot.step_epoch());
}

/// A refused advance: the gate is asked and nothing changes.
void refused_advance(benchmark::State& state) {
    Bed bed("noop");
    for (auto _ : state) benchmark::DoNotOptimize(bed.slot.advance());
}

void dormant_forward(benchmark::State& state) {
    Backend::Context context;
    SlotServices<Backend, DefaultPolicies> services{.context = &context};
    const TestSlot slot("r0c0", Topology::cnn, 8, SlotOptions{}, services);
    Tape<Backend> tape(context);
    Pass<Backend> pass(tape, Mode::training);
    const std::vector<float> zeros(8);
    const Variable<Backend> features = pass.constant({1, 1, 1, 8}, zeros);
    for (auto _ : state) benchmark::DoNotOptimize(slot.forward(pass, features));
}

BENCHMARK(gate);
BENCHMARK(refused_advance);
BENCHMARK(dormant_forward);

}  // namespace

int main(int argc, char** argv) {
    for (const std::string_view blueprint : CnnBlueprints::names()) {
        benchmark::RegisterBenchmark(
            ("tick/" + std::string(blueprint)).c_str(),
            [blueprint](benchmark::State& state) { tick(state, blueprint); });
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
