// What an evaluation and a training step of a six-block CNN hold at most, by the pool's counters.
#include <cstddef>
#include <cstdio>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

namespace {

using namespace kasmina;
using Cpu = backends::Eigen<float>;

double mebibytes(std::size_t bytes) {
    return static_cast<double>(bytes) / (1024.0 * 1024.0);
}

}  // namespace

int main() {
    constexpr Index batch = 32;
    Generator random(1);
    Cpu::Context cpu(2);
    MorphogeneticModel model{cpu, hosts::Cnn<Cpu>{cpu, {.base = 32, .blocks = 6, .pools = 3}},
                             CnnBlueprints{}, random};
    const auto images = Tensor<Cpu>::full(cpu, {batch, 32, 32, 3}, 0.5F);
    const ClassLabels<Cpu> labels(cpu, std::vector<std::int32_t>(batch, 1), 10);
    {
        Tape<Cpu> tape(cpu, Recording::none);
        Pass<Cpu> pass(tape, Mode::evaluation);
        cpu.pool().reset_peak();
        static_cast<void>(model.forward(pass, images));
        std::printf("evaluation     %6.1f MiB\n", mebibytes(cpu.pool().statistics().peak_bytes));
    }
    Tape<Cpu> tape(cpu);
    Pass<Cpu> pass(tape, Mode::training);
    cpu.pool().reset_peak();
    tape.backward(ops::cross_entropy(model.forward(pass, images), labels));
    std::printf("training step  %6.1f MiB\n", mebibytes(cpu.pool().statistics().peak_bytes));
}
