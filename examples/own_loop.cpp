// Growth in a loop of one's own: what it takes are the lines that end in "grows".
#include <cstdio>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

#include "stripes.hpp"
#include "support/arguments.hpp"

using namespace kasmina;
using Cpu = backends::Eigen<float>;

int main(int argc, char** argv) {
    const examples::Arguments none(argc, argv);
    Generator random(1);
    Cpu::Context cpu;
    const auto training = examples::stripes<Cpu>(cpu, 64, 1);
    const auto held_out = examples::stripes<Cpu>(cpu, 8, 2);
    MorphogeneticModel model{cpu, examples::PointCnn<Cpu>(cpu), CnnBlueprints{}, random};
    // [README
    train::Learner<decltype(model), optim::SgdRule> learner(
        model, {.host = {.learning_rate = 0.05, .momentum = 0.9},
                .seeds = {.learning_rate = 0.05, .momentum = 0.9}});
    Grower grower(model,                                              // grows
                  HeuristicController({.slots = {"point"},            // grows
                                       .blueprints = {"conv_light"},  // grows
                                       .plateau_epochs = 2,           // grows
                                       .first_epoch = 3}),            // grows
                  0.693 /* the loss of guessing, ln(classes) */);     // grows
    for (int epoch = 1; epoch <= 20; ++epoch) {
        double loss = 0.0;
        for (const auto& batch : training) {
            auto value = learner.step(model, batch.input, [&](const auto& logits) {
                return ops::cross_entropy(logits, batch.labels);
            });
            loss += value.get() / 64;
        }
        const auto scores = [&](std::span<const AlphaOverrides> amplitudes) {
            return mean_scores(model, cpu, amplitudes, held_out, AccuracyScore{});
        };
        const EpochReport report = grower.end_epoch(model, learner, loss, scores);  // grows
        for (const StageChange& change : report.changes) {
            std::printf("epoch %2d: %.0f %%; %s goes from %s to %s\n", epoch, report.score,
                        change.blueprint.c_str(), name_of(change.from).data(),
                        name_of(change.to).data());
        }
    }
    // README]
}
