// The cost of the lifecycle itself: an epoch's tick, an advance, a gate, a dormant slot.
#include <benchmark/benchmark.h>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/slot/slot.hpp>

namespace {

using namespace kasmina;
using Backend = backends::Eigen<float>;
using TestSlot = Slot<Backend, CnnBlueprints>;

struct Bed {
    SlotServices<DefaultPolicies> services{{}, {}, {}, {}, Generator(1), 0, {}, {}};
    TestSlot slot{"r0c0", Topology::cnn, 8, SlotOptions{}, services};
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

void tick(benchmark::State& state) {
    Bed bed;
    bed.slot.germinate("noop");
    bed.slot.advance();
    for (auto _ : state) benchmark::DoNotOptimize(bed.slot.step_epoch());
}

/// A refused advance: the gate is asked and nothing changes.
void refused_advance(benchmark::State& state) {
    Bed bed;
    bed.slot.germinate("noop");
    bed.slot.advance();
    for (auto _ : state) benchmark::DoNotOptimize(bed.slot.advance());
}

void dormant_forward(benchmark::State& state) {
    Bed bed;
    Backend::Context context;
    Tape<Backend> tape(context);
    const std::vector<float> zeros(8);
    const Variable<Backend> features = tape.constant({1, 1, 1, 8}, zeros);
    for (auto _ : state) benchmark::DoNotOptimize(bed.slot.forward(tape, features));
}

BENCHMARK(gate);
BENCHMARK(tick);
BENCHMARK(refused_advance);
BENCHMARK(dormant_forward);

}  // namespace

BENCHMARK_MAIN();
