// Attention by itself, forward and backward: causal, and a window against all. bench/compare times
// it in turn with PyTorch's.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include <kasmina/attention/masks.hpp>
#include <kasmina/autodiff/ops/attention.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/random/generator.hpp>

namespace {

using namespace kasmina;
using Backend = backends::Eigen<float>;

constexpr Index heads = 6;
constexpr Index head_size = 64;
constexpr Index width = heads * head_size;

struct Case {
    Index batch;
    Index time;
    Index window;  ///< `time` for all that is not later
    bool backward;
    int threads;
};

/// Multiplications and additions for the pairs of query and key that the mask keeps: two products
/// forward, five backward.
double flops(const Case& of) {
    double pairs = 0.0;
    for (Index query = 0; query < of.time; ++query) {
        pairs += static_cast<double>(std::min(query + 1, of.window));
    }
    return 2.0 * static_cast<double>(of.batch * width) * pairs * (of.backward ? 7.0 : 2.0);
}

template <class Mask>
void run(benchmark::State& state, const Case& of, const Mask& mask) {
    Backend::Context context(of.threads);
    Generator random(1);
    const auto normal = [&](const Shape& shape) {
        std::vector<float> values(static_cast<std::size_t>(shape.elements()));
        for (float& value : values) value = static_cast<float>(random.normal());
        return Tensor<Backend>::from_host(context, shape, values);
    };
    Parameter<Backend> qkv(normal({of.batch, of.time, 3 * width}));
    const auto upstream = normal({of.batch, of.time, width});
    Tape<Backend> tape(context, of.backward ? Recording::gradients : Recording::none);
    const auto step = [&] {
        tape.clear();
        qkv.zero_gradient();
        const auto y = ops::attention(tape.parameter(qkv), heads, mask);
        if (of.backward) tape.backward(y, upstream);
        benchmark::DoNotOptimize(y.data());
    };
    step();
    step();
    const auto before = context.pool().statistics();
    for (auto _ : state) step();
    const auto after = context.pool().statistics();
    const auto steps = static_cast<double>(state.iterations());
    state.counters["gflops"] =
        benchmark::Counter(1e-9 * flops(of) * steps, benchmark::Counter::kIsRate);
    state.counters["allocations"] = static_cast<double>(after.allocations - before.allocations);
    state.counters["peak_mib"] = static_cast<double>(after.peak_bytes) / (1024.0 * 1024.0);
}

void add(const std::string& name, const Case& of) {
    const std::string full = std::string("attention/") + name + (of.backward ? "" : "_forward") +
                             "/batch:" + std::to_string(of.batch) +
                             "/threads:" + std::to_string(of.threads);
    benchmark::RegisterBenchmark(full.c_str(),
                                 [of](benchmark::State& state) {
                                     if (of.window < of.time) {
                                         run(state, of, masks::Sliding{of.window});
                                     } else {
                                         run(state, of, masks::Causal{});
                                     }
                                 })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
}

}  // namespace

int main(int argc, char** argv) {
    for (const int threads : {1, 2}) {
        for (const bool backward : {true, false}) {
            for (const Index time : {64, 256, 1024}) {
                add("T" + std::to_string(time), {8, time, time, backward, threads});
            }
            add("T1024_window64", {8, 1024, 64, backward, threads});
        }
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
