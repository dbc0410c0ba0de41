// The trainer: growth in five lines, on a task that the host alone cannot do.
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

#include "stripes.hpp"
#include "support/arguments.hpp"
#include "support/comparison.hpp"
#include "support/from_start.hpp"
#include "support/work.hpp"

using namespace kasmina;
using Cpu = backends::Eigen<float>;
using Model = MorphogeneticModel<examples::PointCnn<Cpu>, CnnBlueprints>;

/// Products of the host for an image of 8x8 pixels, and samples of an epoch.
const auto host_products = examples::HostWork().layer(8, 64).slot("point", 64).layer(16);
constexpr Index samples = 64 * 16;

Model network(Cpu::Context& cpu) {
    Generator random(1);
    return Model{cpu, examples::PointCnn<Cpu>(cpu), CnnBlueprints{}, random};
}

void add(const char* name, Model& model, double work, examples::Comparison& table) {
    const auto scores = mean_scores(model, model.context(), std::array{AlphaOverrides{}},
                                    examples::stripes<Cpu>(model.context(), 8, 3), AccuracyScore{});
    table.add(name, scores[0], model.total_parameters(), work);
}

/// Trains a network on the same batches at the same rates; it grows no further.
void train_as_it_is(const char* name, Model& model, examples::Comparison& table) {
    Cpu::Context& cpu = model.context();
    HeuristicController idle({.slots = {"point"}, .blueprints = {"noop"}, .first_epoch = 1000});
    train::LearnerOptions<optim::AdamWRule> rates{{.learning_rate = 0.01}, {.learning_rate = 0.01}};
    train::Trainer trainer(model, examples::stripes<Cpu>(cpu, 64, 1),
                           examples::stripes<Cpu>(cpu, 8, 2), rates, idle,
                           {.epochs = 40, .random_guess_loss = std::log(2.0)});
    examples::RunWork work(host_products, model, trainer.learner().judge().kind);
    trainer.run(model, [&](const train::EpochResult&) { work.epoch(samples, model); });
    add(name, model, work.total(), table);
}

int main(int argc, char** argv) {
    const examples::Arguments asked(argc, argv, "[--from-start]");
    Cpu::Context cpu;
    auto batches = examples::stripes<Cpu>(cpu, 64, 1);
    auto held_out = examples::stripes<Cpu>(cpu, 8, 2);
    Model model = network(cpu);
    examples::RunWork work(host_products, model, judge::MeasureKind::shadow);
    const auto tell = [&](const train::EpochResult& epoch) {
        work.epoch(samples, model);
        for (const StageChange& change : epoch.report.changes) {
            std::printf("epoch %2d: %.0f %%; %s goes from %s to %s\n", epoch.report.epoch,
                        epoch.report.score, change.blueprint.c_str(), name_of(change.from).data(),
                        name_of(change.to).data());
        }
    };
    // [README
    HeuristicController controller({.slots = {"point"}, .blueprints = {"conv_light"}});
    train::LearnerOptions<optim::AdamWRule> rates{{.learning_rate = 0.01}, {.learning_rate = 0.01}};
    train::Trainer trainer(model, std::move(batches), std::move(held_out), rates, controller,
                           {.epochs = 40, .random_guess_loss = std::log(2.0)});
    trainer.run(model, tell);
    // README]
    examples::Comparison table(ScoreKind::accuracy(), 2);
    Model host = network(cpu);
    train_as_it_is("host alone", host, table);
    add("grown", model, work.total(), table);
    if (asked.has("--from-start")) {
        Model begun = network(cpu);
        examples::plant_fossils(begun, model);
        train_as_it_is("from start", begun, table);
    }
    std::printf("%s", table.text().c_str());
}
