// A network that grows a seed and is saved when that has fossilized; run_network.cpp runs it.
#include <cmath>
#include <cstdio>
#include <exception>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/checkpoint/checkpoint.hpp>
#include <kasmina/kasmina.hpp>

#include "stripes.hpp"
#include "support/arguments.hpp"

using namespace kasmina;
using Cpu = backends::Eigen<float>;

int main(int argc, char** argv) try {
    const examples::Arguments arguments(argc, argv, "FILE");
    Generator random(1);
    Cpu::Context cpu;
    MorphogeneticModel model{cpu, examples::PointCnn<Cpu>{cpu}, CnnBlueprints{}, random};
    HeuristicController controller({.slots = {"point"}, .blueprints = {"conv_light"}});
    train::LearnerOptions<optim::AdamWRule> rates{{.learning_rate = 0.01}, {.learning_rate = 0.01}};
    train::Trainer trainer(model, examples::stripes<Cpu>(cpu, 64, 1),
                           examples::stripes<Cpu>(cpu, 8, 2), rates, controller,
                           {.epochs = 40, .random_guess_loss = std::log(2.0)});
    trainer.run(model, [](const train::EpochResult&) {});
    std::printf("%d seed fossilized, accuracy %.1f %%\n", int(model.fossilized_seeds()),
                trainer.score(model));

    checkpoint::save(arguments.value(), model);
    Tape<Cpu> tape(cpu, Recording::none);
    Pass<Cpu> pass(tape, Mode::evaluation);
    const auto batch = std::move(examples::stripes<Cpu>(cpu, 1, 3)[0]);
    for (const float logit : model.forward(pass, batch.input).to_host()) {
        std::printf("%a\n", static_cast<double>(logit));
    }
} catch (const std::exception& error) {
    return std::puts(error.what()), 2;
}
