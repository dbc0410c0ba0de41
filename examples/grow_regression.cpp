// Regression: a network fits a noisy sine and grows by its validation loss, a score that falls.
#include <array>
#include <cstdio>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/features/mlp.hpp>
#include <kasmina/hosts/mlp.hpp>
#include <kasmina/kasmina.hpp>
#include <kasmina/train/loss_score.hpp>
#include <kasmina/train/losses.hpp>
#include "noisy_sine.hpp"
#include "support/arguments.hpp"
#include "support/comparison.hpp"
#include "support/from_start.hpp"
#include "support/host_work.hpp"

using namespace kasmina;
using Cpu = backends::Eigen<double>;
using Model = MorphogeneticModel<hosts::Mlp<Cpu>, BlueprintList<features::Mlp>>;
using Score = train::LossScore<train::MeanSquaredError>;

constexpr ScoreKind validation_loss{.name = "validation loss", .falls = true, .point = 0.01};
constexpr hosts::MlpOptions sizes{.inputs = 1, .outputs = 1, .width = 8, .layers = 2};
constexpr int runs = 5, batches = 16, never = 1000;

Model network(Cpu::Context& cpu, int run) {
    Generator random(static_cast<std::uint64_t>(run));
    return Model(cpu, hosts::Mlp<Cpu>(cpu, sizes), {}, random, {.score = validation_loss});
}

/// Trains a network that may grow from an epoch on, and adds it to the table by its loss on points
/// that nobody has seen. Whether a seed was kept.
bool train_and_add(const char* name, Model& model, int run, int grows_from, double seed_rate,
                   examples::Comparison& table) {
    Cpu::Context& cpu = model.context();
    const auto points = [&](int from, int count) {
        return examples::noisy_sine<Cpu>(cpu, count, static_cast<std::uint64_t>(from + run));
    };
    HeuristicController controller(
        {.slots = {"r0c0"}, .blueprints = {"mlp"}, .plateau_epochs = 1, .first_epoch = grows_from});
    train::LearnerOptions<optim::AdamWRule> rates{{.learning_rate = 0.01},
                                                  {.learning_rate = seed_rate}};
    train::Trainer trainer(model, points(0, batches), points(100, batches), rates, controller,
                           {.epochs = 60}, train::MeanSquaredError{}, train::CosineSchedule{},
                           Score{});
    examples::RunWork work(examples::work_of(sizes), model, trainer.learner().judge().kind);
    trainer.run(model, [&](const train::EpochResult& epoch) {
        work.epoch(32 * batches, model);
        for (const StageChange& change : epoch.report.changes) {
            if (run > 1 || seed_rate < 0.01) break;
            std::printf("%s, epoch %d, %s: %s to %s\n", name, epoch.report.epoch,
                        score_text(validation_loss, epoch.report.score).c_str(),
                        name_of(change.from).data(), name_of(change.to).data());
        }
    });
    const auto scores =
        mean_scores(model, cpu, std::array{AlphaOverrides{}}, points(200, 64), Score{});
    table.add(name, scores[0], model.total_parameters(), work.total());
    return model.slot("r0c0").stage() == Stage::fossilized;
}

int main(int argc, char** argv) {
    const examples::Arguments asked(argc, argv, "[--from-start]");
    examples::Comparison table(validation_loss, 4);
    int kept = 0, useless = 0;
    for (int run = 1; run <= runs; ++run) {
        Cpu::Context cpu;
        Model host = network(cpu, run), grown = network(cpu, run);
        Model start = network(cpu, run), twin = network(cpu, run);
        train_and_add("host alone", host, run, never, 0.01, table);
        kept += train_and_add("grown", grown, run, 3, 0.01, table);
        examples::plant_fossils(start, grown);
        if (asked.has("--from-start")) train_and_add("from start", start, run, never, 0.01, table);
        useless += train_and_add("useless seed", twin, run, 3, 1e-12, table);
    }
    const auto [gain, error] = table.gain("grown", "host alone");
    std::printf("%skept: %d of %d, and %d of %d that do not learn; gain %.3f +- %.3f\n",
                table.text().c_str(), kept, runs, useless, runs, gain, error);
    return gain > 2.0 * error && useless == 0 ? 0 : 1;
}
