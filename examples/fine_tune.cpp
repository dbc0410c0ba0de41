// Fine-tuning: a host with PyTorch's weights, frozen, and a seed that learns another task in it.
#include <cmath>
#include <cstdio>
#include <exception>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/checkpoint/weights.hpp>
#include <kasmina/kasmina.hpp>

#include "support/arguments.hpp"
#include "support/host_work.hpp"
#include "support/yardstick.hpp"

using namespace kasmina;
using Cpu = backends::Eigen<float>;
using Batches = std::vector<LabelledBatch<Cpu>>;

/// Batches of 32 noisy images of 8 x 8 with stripes of three pixels. Of the old task they lie, or
/// stand (class 1); of the new one they fall, or rise (class 1).
Batches images(Cpu::Context& cpu, int batches, bool slanted, std::uint64_t seed) {
    Generator random(seed);
    Batches all;
    for (int batch = 0; batch < batches; ++batch) {
        std::vector<float> pixels;
        std::vector<std::int32_t> labels;
        for (int image = 0; image < 32; ++image) {
            labels.push_back(image % 2);
            const int phase = static_cast<int>(random.below(6));
            for (int y = 0; y < 8; ++y) {
                for (int x = 0; x < 8; ++x) {
                    const int along = labels.back() == 1 ? x : slanted ? 7 - x : 0;
                    const int across = slanted || labels.back() == 0 ? y : 0;
                    const double stripe = (along + across + phase) / 3 % 2 == 0 ? 1.0 : -1.0;
                    pixels.push_back(static_cast<float>(stripe + 0.5 * random.normal()));
                }
            }
        }
        all.push_back(
            {Tensor<Cpu>::from_host(cpu, {32, 8, 8, 1}, pixels), ClassLabels<Cpu>(cpu, labels, 2)});
    }
    return all;
}

int main(int argc, char** argv) try {
    const examples::Arguments asked(argc, argv, "WEIGHTS [--from-start]");
    Cpu::Context cpu;
    const hosts::CnnOptions sizes{
        .classes = 2, .in_channels = 1, .base = 4, .blocks = 2, .pools = 1};
    std::string loaded;
    const auto make = [&] {
        Generator random(1);
        hosts::Cnn<Cpu> host(cpu, sizes);
        loaded = weights::load(asked.value(), cpu, host).in_words();
        MorphogeneticModel model{cpu, std::move(host), CnnBlueprints{}, random};
        for (const auto& named : model.host_parameters()) named.parameter->set_trainable(false);
        model.set_host_statistics(HostStatistics::still);  // frozen, its running statistics too
        return model;
    };
    const train::LearnerOptions<optim::AdamWRule> rates{{.learning_rate = 0.01},
                                                        {.learning_rate = 0.005}};
    const auto trainer_of = [&](auto& model, auto controller) {
        return train::Trainer(model, images(cpu, 64, true, 1), images(cpu, 8, true, 2), rates,
                              std::move(controller),
                              {.epochs = 40, .random_guess_loss = std::log(2.0)});
    };
    HeuristicController grower({.slots = {"r0c0"}, .blueprints = {"conv_light"}});
    const examples::Yardstick by{examples::work_of(sizes, 8, 8), 64 * 32,
                                 asked.has("--from-start")};
    auto [table, model] = compare_growth(by, make, grower, trainer_of, examples::tell_changes);
    const std::array without{AlphaOverrides{}.with("r0c0", 0.0)};
    const Batches old_task = images(cpu, 8, false, 3);
    std::printf("%s\nold task without the seed: %.0f %%; new task:\n%s", loaded.c_str(),
                mean_scores(model, cpu, without, old_task, AccuracyScore{})[0],
                table.text().c_str());
} catch (const std::exception& error) {
    return std::puts(error.what()), 2;
}
