// The trainer: growth in five lines, on a task that the host alone cannot do.
#include <cmath>
#include <cstdio>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

#include "stripes.hpp"

using namespace kasmina;
using Cpu = backends::Eigen<float>;

void tell(const train::EpochResult& epoch) {
    for (const StageChange& change : epoch.report.changes) {
        std::printf("epoch %2d: %.0f %%; %s goes from %s to %s\n", epoch.report.epoch,
                    epoch.report.score, change.blueprint.c_str(), name_of(change.from).data(),
                    name_of(change.to).data());
    }
}

int main() {
    Generator random(1);
    Cpu::Context cpu;
    auto batches = examples::stripes<Cpu>(cpu, 64, 1);
    auto held_out = examples::stripes<Cpu>(cpu, 8, 2);
    MorphogeneticModel model{cpu, examples::PointCnn<Cpu>(cpu), CnnBlueprints{}, random};
    // [README
    HeuristicController controller({.slots = {"point"}, .blueprints = {"conv_light"}});
    train::LearnerOptions<optim::AdamWRule> rates{{.learning_rate = 0.01}, {.learning_rate = 0.01}};
    train::Trainer trainer(model, std::move(batches), std::move(held_out), rates, controller,
                           {.epochs = 40, .random_guess_loss = std::log(2.0)});
    trainer.run(model, tell);
    // README]
}
