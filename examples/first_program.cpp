// The README's first program, word for word: a host learns, a seed grows in it.
#include <cstdio>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

using Backend = kasmina::backends::Eigen<float>;

int main() {
    kasmina::Generator random(1);
    Backend::Context context(2);  // threads; results do not depend on how many
    kasmina::MorphogeneticModel model{kasmina::hosts::Cnn<Backend>{{.classes = 2, .base = 8}},
                                      kasmina::CnnBlueprints{}, random};
    model.slot("r0c1").germinate("conv_light");
    model.slot("r0c1").advance();  // germinated -> training: learns behind the host

    kasmina::optim::Sgd<Backend> sgd;
    sgd.add_group({.learning_rate = 0.05, .momentum = 0.9});
    sgd.synchronise(0, model.pointers(model.parameters()));

    std::vector<float> images(8 * 32 * 32 * 3);
    std::vector<int> labels{0, 1, 0, 1, 0, 1, 0, 1};
    for (std::size_t i = 0; i < images.size(); ++i) {
        images[i] = static_cast<float>(random.normal() + labels[i / 3072]);
    }
    kasmina::Tape<Backend> tape(context);
    for (int step = 0; step < 20; ++step) {
        tape.clear();
        auto logits = model.forward(tape, tape.constant({8, 32, 32, 3}, images));
        auto loss = kasmina::ops::cross_entropy(logits, labels);
        sgd.zero_gradients();
        tape.backward(loss);
        sgd.step(context);
        if (step % 10 == 9) std::printf("step %d: loss %.3f\n", step + 1, loss.item());
    }
    std::printf("r0c1 is %s\n", name_of(model.slot("r0c1").stage()).data());
}
