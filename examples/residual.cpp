// A residual network learns to tell drawn shapes apart, and a seed grows behind its second stage.
#include <cmath>
#include <cstdio>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/data/data_loader.hpp>
#include <kasmina/data/in_order.hpp>
#include <kasmina/hosts/resnet.hpp>
#include <kasmina/kasmina.hpp>

#include "support/arguments.hpp"
#include "support/host_work.hpp"
#include "support/procedural.hpp"
#include "support/yardstick.hpp"

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

int main(int argc, char** argv) {
    const examples::Arguments asked(argc, argv, "[--from-start]");
    Cpu::Context cpu;
    const examples::Splits images =
        examples::procedural::load(1, {.training = 600, .test = 10, .noise = 0.05});
    const hosts::ResNetOptions sizes{.classes = images.training.classes, .base = 4, .blocks = 1};
    const auto make = [&] {
        Generator random(1);
        ModelOptions<Policies> options;
        return MorphogeneticModel{cpu, hosts::ResNet<Cpu>{cpu, sizes}, CnnBlueprints{}, random,
                                  std::move(options)};
    };
    train::LearnerOptions<optim::AdamWRule> rates{{.learning_rate = 0.01}, {.learning_rate = 0.01}};
    const auto trainer_of = [&](auto& model, auto controller) {
        return train::Trainer(
            model, data::load_data<Cpu>(cpu, images.training, {.batch_size = 50}, Generator(2)),
            data::in_order<Cpu>(cpu, images.validation), rates, std::move(controller),
            {.epochs = 12, .random_guess_loss = std::log(static_cast<double>(sizes.classes))});
    };
    HeuristicController grower({.slots = {"r0c1"},
                                .blueprints = {"conv_light"},
                                .plateau_epochs = 1,
                                .plateau_improvement = 100.0,  // do not wait
                                .first_epoch = 2,
                                .drop_limit = 100.0});
    const examples::Yardstick yardstick{
        .host = examples::work_of(sizes, images.training.height, images.training.width),
        .samples = 600,
        .from_start = asked.has("--from-start")};
    double accuracy = 0.0;
    const auto growth =
        compare_growth(yardstick, make, grower, trainer_of, [&](const train::EpochResult& epoch) {
            accuracy = epoch.report.score;
            tell(epoch);
        });
    if (yardstick.from_start) std::printf("%s", growth.table.text().c_str());
    std::printf("it has %ld parameters, and more than %s of the images are told apart\n",
                static_cast<long>(growth.model.total_parameters()),
                accuracy > 40.0 ? "four in ten" : "nothing");
}
