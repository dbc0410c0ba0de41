#include <cstdio>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>
using namespace kasmina;
using Cpu = backends::Eigen<float>;
int main() {
    Generator random(1);
    Cpu::Context cpu(2);  // two threads; results do not depend on how many
    MorphogeneticModel model{cpu, hosts::Cnn<Cpu>{cpu, {.classes = 2}}, CnnBlueprints{}, random};
    model.slot("r0c1").germinate("conv_light");
    model.slot("r0c1").advance();  // germinated -> training: the seed learns behind the host
    optim::Sgd<Cpu> sgd;
    sgd.add_group({.learning_rate = 0.05, .momentum = 0.9});
    sgd.synchronise(0, model.parameters());
    std::vector<float> pixels(4 * 32 * 32 * 3);  // (batch, height, width, channels)
    for (float& pixel : pixels) pixel = static_cast<float>(random.normal());
    const auto images = Tensor<Cpu>::from_host(cpu, {4, 32, 32, 3}, pixels);
    Tape<Cpu> tape(cpu);
    Pass<Cpu> pass(tape, Mode::training, random);
    const auto loss_of = [](const auto& y) { return ops::cross_entropy(y, {{0, 1, 0, 1}}); };
    for (int step = 1; step <= 10; ++step, tape.clear(), sgd.zero_gradients()) {
        auto loss = train::learn(model, pass, images, loss_of);  // host's pass, seed's lesson
        std::printf("step %d: loss %.3f\n", step, loss.item()), sgd.step(cpu);
    }
}
