// A loss that is read late: each step's is asked for at once and looked at when the next is under
// way, so on a device the program never waits for work that it has only just given.
#include <cstdio>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>
#include <optional>

#include "support/arguments.hpp"
using namespace kasmina;
using Cpu = backends::Eigen<float>;

int main(int argc, char** argv) {
    const examples::Arguments none(argc, argv);
    Generator random(1);
    Cpu::Context cpu;
    hosts::Cnn<Cpu> host(cpu, {.classes = 2, .base = 4, .blocks = 2, .height = 8, .width = 8});
    MorphogeneticModel model{cpu, std::move(host), CnnBlueprints{}, random};
    optim::Sgd<Cpu> sgd;
    sgd.add_group({.learning_rate = 0.1});
    sgd.synchronise(0, model.parameters());
    std::vector<float> pixels(4 * 8 * 8 * 3);
    for (float& pixel : pixels) pixel = static_cast<float>(random.normal());
    const auto images = Tensor<Cpu>::from_host(cpu, {4, 8, 8, 3}, pixels);
    const ClassLabels<Cpu> labels(cpu, {{0, 1, 0, 1}}, 2);  // checked once, used in every step

    Tape<Cpu> tape(cpu);
    Pass<Cpu> pass(tape, Mode::training, random);
    std::vector<float> losses;
    std::optional<Pending<Cpu>> last;
    for (int step = 0; step < 20; ++step, tape.clear(), sgd.zero_gradients()) {
        const auto loss = ops::cross_entropy(model.forward(pass, images), labels);
        tape.backward(loss), sgd.step(cpu);
        if (last) losses.push_back(last->get());
        last = loss.read();  // the value of this moment, whatever becomes of the tape
    }
    losses.push_back(last->get());
    std::printf("%zu losses, the last %s the first\n", losses.size(),
                losses.back() < losses.front() ? "below" : "not below");
}
