// Two spirals: dense layers that are too few for them grow until they tell them apart.
#include <cmath>
#include <cstdio>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/features.hpp>
#include <kasmina/hosts/mlp.hpp>
#include <kasmina/kasmina.hpp>
#include <numbers>

#include "support/arguments.hpp"
#include "support/host_work.hpp"
#include "support/yardstick.hpp"

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
        all.push_back(
            {Tensor<Cpu>::from_host(cpu, {points, 2}, places), ClassLabels<Cpu>(cpu, labels, 2)});
    }
    return all;
}

void tell(const train::EpochResult& epoch) {
    const EpochReport& report = epoch.report;
    for (const StageChange& change : report.changes) {
        std::printf("epoch %2d: %3.0f %%; %s goes from %s to %s\n", report.epoch, report.score,
                    change.slot.c_str(), name_of(change.from).data(), name_of(change.to).data());
    }
    if (report.epoch % 10 == 0) std::printf("epoch %2d: %3.0f %%\n", report.epoch, report.score);
}

int main(int argc, char** argv) {
    const examples::Arguments asked(argc, argv, "[--from-start]");
    Cpu::Context cpu;
    const hosts::MlpOptions sizes{.inputs = 2, .outputs = 2, .width = 6, .layers = 2};
    const auto make = [&] {
        Generator random(10);
        return MorphogeneticModel{cpu, hosts::Mlp<Cpu>{cpu, sizes}, FeaturesBlueprints{}, random};
    };
    train::LearnerOptions<optim::AdamWRule> rates{{.learning_rate = 0.01}, {.learning_rate = 0.01}};
    const auto trainer_of = [&](auto& model, auto controller) {
        return train::Trainer(model, spirals(cpu, 16, 1), spirals(cpu, 16, 2), rates,
                              std::move(controller),
                              {.epochs = 50, .random_guess_loss = std::log(2.0)});
    };
    HeuristicController grower({.slots = {"r0c0", "r0c1"}, .blueprints = {"mlp"}});
    const examples::Yardstick yardstick{.host = examples::work_of(sizes),
                                        .samples = 16 * 64,
                                        .from_start = asked.has("--from-start")};
    const auto growth = compare_growth(yardstick, make, grower, trainer_of, tell);
    std::printf("%s", growth.table.text().c_str());
}
