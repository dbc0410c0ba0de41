#include <cstdio>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>
using namespace kasmina;
using Cpu = backends::Eigen<float>;
int main() {
    Generator random(1);
    Cpu::Context context(2);  // two threads; results do not depend on how many
    MorphogeneticModel model{hosts::Cnn<Cpu>{{.classes = 2}}, CnnBlueprints{}, random};
    model.slot("r0c1").germinate("conv_light");
    model.slot("r0c1").advance();  // germinated -> training: the seed learns behind the host
    optim::Sgd<Cpu> sgd;
    sgd.add_group({.learning_rate = 0.05, .momentum = 0.9});
    sgd.synchronise(0, model.pointers(model.parameters()));
    std::vector<float> images(4 * 32 * 32 * 3);  // (batch, height, width, channels)
    for (float& pixel : images) pixel = static_cast<float>(random.normal());
    const std::vector<int> labels{0, 1, 0, 1};
    Tape<Cpu> tape(context);
    for (int step = 1; step <= 10; ++step, tape.clear()) {
        auto logits = model.forward(tape, tape.constant({4, 32, 32, 3}, images));
        auto loss = ops::cross_entropy(logits, labels);
        tape.backward(loss), sgd.step(context), sgd.zero_gradients();
        std::printf("step %d: loss %.3f\n", step, loss.item());
    }
}
