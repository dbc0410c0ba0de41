// A residual network learns to tell drawn shapes apart, and a seed grows behind its second stage.
#include <cmath>
#include <cstdio>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/data/data_loader.hpp>
#include <kasmina/data/in_order.hpp>
#include <kasmina/hosts/resnet.hpp>
#include <kasmina/kasmina.hpp>

#include "procedural.hpp"

using namespace kasmina;
using Cpu = backends::Eigen<float>;

/// So few epochs say little of a seed: what was measured is good enough.
struct Policies : DefaultPolicies {
    using Gates = PermissiveGates;
};

void tell(const train::EpochResult& epoch) {
    for (const StageChange& change : epoch.report.changes) {
        std::printf("epoch %2d: %s at %s goes from %s to %s\n", epoch.report.epoch,
                    change.blueprint.c_str(), change.slot.c_str(), name_of(change.from).data(),
                    name_of(change.to).data());
    }
}

int main() {
    Generator random(1);
    Cpu::Context cpu;
    const examples::Splits images =
        examples::procedural::load(1, {.training = 600, .test = 10, .noise = 0.05});
    hosts::ResNet<Cpu> host{cpu, {.classes = images.training.classes, .base = 4, .blocks = 1}};
    ModelOptions<Policies> options;
    MorphogeneticModel model{cpu, std::move(host), CnnBlueprints{}, random, std::move(options)};
    std::printf("a residual network of %ld parameters\n",
                static_cast<long>(model.total_parameters()));

    HeuristicController controller({.slots = {"r0c1"},
                                    .blueprints = {"conv_light"},
                                    .plateau_epochs = 1,
                                    .plateau_improvement = 100.0,  // do not wait
                                    .first_epoch = 2,
                                    .drop_limit = 100.0});
    train::LearnerOptions<optim::AdamWRule> rates{{.learning_rate = 0.01}, {.learning_rate = 0.01}};
    train::Trainer trainer(
        model, data::load_data<Cpu>(cpu, images.training, {.batch_size = 50}, Generator(2)),
        data::in_order<Cpu>(cpu, images.validation), rates, controller,
        {.epochs = 12,
         .random_guess_loss = std::log(static_cast<double>(images.training.classes))});
    double accuracy = 0.0;
    trainer.run(model, [&](const train::EpochResult& epoch) {
        accuracy = epoch.report.score;
        tell(epoch);
    });
    std::printf("at the end %ld parameters, and more than %s of the images are told apart\n",
                static_cast<long>(model.total_parameters()),
                accuracy > 40.0 ? "four in ten" : "nothing");
}
