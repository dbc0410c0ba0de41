// Two spirals: dense layers that are too few for them grow until they tell them apart.
#include <cmath>
#include <cstdio>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/features.hpp>
#include <kasmina/hosts/mlp.hpp>
#include <kasmina/kasmina.hpp>
#include <numbers>

using namespace kasmina;
using Cpu = backends::Eigen<double>;

/// Points on two spirals that wind around each other; a batch has as many of either.
std::vector<LabelledBatch<Cpu>> spirals(Cpu::Context& cpu, int batches, std::uint64_t seed) {
    constexpr Index points = 64;
    Generator random(seed);
    std::vector<LabelledBatch<Cpu>> all;
    for (int batch = 0; batch < batches; ++batch) {
        std::vector<double> places;
        std::vector<std::int32_t> labels;
        for (Index point = 0; point < points; ++point) {
            labels.push_back(static_cast<std::int32_t>(point % 2));
            const double out = random.uniform();  // along one turn and a half
            const double angle = std::numbers::pi * (3.0 * out + labels.back());
            places.push_back(out * std::cos(angle) + 0.02 * random.normal());
            places.push_back(out * std::sin(angle) + 0.02 * random.normal());
        }
        all.push_back({Tensor<Cpu>::from_host(cpu, {points, 2}, places),
                       ClassLabels<Cpu>(cpu, labels, 2)});
    }
    return all;
}

void tell(const train::EpochResult& epoch) {
    const EpochReport& report = epoch.report;
    for (const StageChange& change : report.changes) {
        std::printf("epoch %2d: %3.0f %%; %s goes from %s to %s\n", report.epoch, report.score,
                    change.blueprint.c_str(), name_of(change.from).data(),
                    name_of(change.to).data());
    }
    if (report.epoch % 10 == 0) std::printf("epoch %2d: %3.0f %%\n", report.epoch, report.score);
}

/// Trains the same small network with that controller.
template <Controller C>
void train_network(const char* title, C controller) {
    Generator random(1);
    Cpu::Context cpu;
    hosts::Mlp<Cpu> host{cpu, {.inputs = 2, .outputs = 2, .width = 8, .layers = 2}};
    MorphogeneticModel model{cpu, std::move(host), FeaturesBlueprints{}, random};
    std::printf("%s, %ld parameters\n", title, static_cast<long>(model.total_parameters()));
    train::LearnerOptions<optim::AdamWRule> rates{{.learning_rate = 0.01}, {.learning_rate = 0.01}};
    train::Trainer trainer(model, spirals(cpu, 16, 1), spirals(cpu, 16, 2), rates,
                           std::move(controller),
                           {.epochs = 50, .random_guess_loss = std::log(2.0)});
    trainer.run(model, tell);
    std::printf("at the end %ld parameters\n\n", static_cast<long>(model.total_parameters()));
}

int main() {
    train_network("the host alone", IdleController{});
    train_network("growing", HeuristicController({.slots = {"r0c0"}, .blueprints = {"mlp"}}));
}
