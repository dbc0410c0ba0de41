// Two spirals: a network of dense layers that is too small for them grows until it tells them apart.
#include <array>
#include <cmath>
#include <cstdio>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/features.hpp>
#include <kasmina/hosts/mlp.hpp>
#include <kasmina/kasmina.hpp>

using namespace kasmina;
using Cpu = backends::Eigen<float>;

/// Points on two spirals that wind around each other, a batch with as many of either.
std::vector<LabelledBatch<Cpu>> spirals(Cpu::Context& cpu, int batches, std::uint64_t seed) {
    constexpr Index points = 64;
    Generator random(seed);
    std::vector<LabelledBatch<Cpu>> all;
    for (int batch = 0; batch < batches; ++batch) {
        std::vector<float> places;
        std::vector<std::int32_t> labels;
        for (Index point = 0; point < points; ++point) {
            const int spiral = static_cast<int>(point % 2);
            const double turn = random.uniform();  // how far out, of one turn and a half
            const double angle = 3.0 * M_PI * turn + M_PI * spiral;
            places.push_back(static_cast<float>(turn * std::cos(angle) + 0.02 * random.normal()));
            places.push_back(static_cast<float>(turn * std::sin(angle) + 0.02 * random.normal()));
            labels.push_back(spiral);
        }
        all.push_back({Tensor<Cpu>::from_host(cpu, {points, 2}, places),
                       ClassLabels<Cpu>(cpu, labels, 2)});
    }
    return all;
}

int main() {
    Generator random(1);
    Cpu::Context cpu;
    MorphogeneticModel model{
        cpu, hosts::Mlp<Cpu>{cpu, {.inputs = 2, .outputs = 2, .width = 8, .layers = 2}},
        FeaturesBlueprints{}, random};
    std::printf("the host: %ld parameters\n", static_cast<long>(model.total_parameters()));
    HeuristicController controller({.slots = {"r0c0", "r0c1"}, .blueprints = {"mlp"}});
    train::LearnerOptions<optim::AdamWRule> rates{{.learning_rate = 0.01}, {.learning_rate = 0.01}};
    train::Trainer trainer(model, spirals(cpu, 16, 1), spirals(cpu, 16, 2), rates, controller,
                           {.epochs = 80, .random_guess_loss = std::log(2.0)});
    trainer.run(model, [](const train::EpochResult& epoch) {
        const EpochReport& report = epoch.report;
        for (const StageChange& change : report.changes) {
            std::printf("epoch %2d: %3.0f %%; %s at %s goes from %s to %s\n", report.epoch,
                        report.score, change.blueprint.c_str(), change.slot.c_str(),
                        name_of(change.from).data(), name_of(change.to).data());
        }
        if (report.epoch % 20 == 0) std::printf("epoch %2d: %3.0f %%\n", report.epoch, report.score);
    });
    std::printf("grown: %ld parameters\n", static_cast<long>(model.total_parameters()));
}
