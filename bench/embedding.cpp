// A step of SGD on an embedding of 50,257 x 384 for 8 x 64 tokens, its gradient kept as rows or
// whole: the time, and the most memory that the process has had (one case a process:
// --benchmark_filter).
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/reduce.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/nn/embedding.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/optim/clip_gradients.hpp>
#include <kasmina/optim/sgd.hpp>

namespace {

using namespace kasmina;
using Backend = backends::Eigen<float>;

constexpr Index vocabulary = 50257;
constexpr Index width = 384;
constexpr Index tokens = 8 * 64;

double most_megabytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) * 1024e-6;
    }
    return 0.0;
}

void embedding_step(benchmark::State& state, bool whole) {
    Backend::Context context(static_cast<int>(state.range(0)));
    const bool clips = state.range(1) != 0;
    Generator random(1);
    nn::Embedding<Backend> table(context, vocabulary, width, random);
    // Whoever has looked at a gradient gets whole ones from then on.
    if (whole) benchmark::DoNotOptimize(&table.weight.gradient());
    const std::vector<const Parameter<Backend>*> all{&table.weight};
    optim::Sgd<Backend> sgd;
    sgd.synchronise(sgd.add_group({.learning_rate = 0.1}), all);
    optim::GradientClipper<Backend> clipper(1.0);
    std::vector<TokenIds<Backend>> batches;
    for (int batch = 0; batch < 8; ++batch) {
        std::vector<std::int32_t> ids;
        for (Index i = 0; i < tokens; ++i) {
            ids.push_back(static_cast<std::int32_t>(random.below(vocabulary)));
        }
        batches.emplace_back(context, Shape{8, 64}, ids, vocabulary);
    }
    Tape<Backend> tape(context);
    std::size_t next = 0;
    const auto step = [&] {
        tape.clear();
        sgd.zero_gradients();
        Pass<Backend> pass(tape, Mode::training);
        tape.backward(ops::mean(table.forward(pass, batches[next++ % batches.size()])));
        if (clips) benchmark::DoNotOptimize(clipper.clip(context, all).get());
        sgd.step(context);
    };
    step();
    for (auto _ : state) step();
    state.counters["most_MB"] = most_megabytes();
}

void cases(benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgsProduct({{1, 2}, {0, 1}})->ArgNames({"threads", "clipped"});
    benchmark->Unit(benchmark::kMillisecond)->UseRealTime();
}

BENCHMARK_CAPTURE(embedding_step, rows, false)->Name("rows")->Apply(cases);
BENCHMARK_CAPTURE(embedding_step, whole, true)->Name("whole")->Apply(cases);

}  // namespace

BENCHMARK_MAIN();
