// Fine-tuning: a host with PyTorch's weights, frozen, and a seed that learns another task in it.
#include <cmath>
#include <cstdio>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/checkpoint/weights.hpp>
#include <kasmina/kasmina.hpp>

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

int main(int argc, char** argv) {
    if (argc != 2) return std::puts("usage: fine_tune broad_stripes.safetensors"), 2;
    Generator random(1);
    Cpu::Context cpu;
    hosts::Cnn<Cpu> host(cpu, {.classes = 2, .in_channels = 1, .base = 4, .blocks = 2, .pools = 1});
    std::printf("%s\n", weights::load(argv[1], cpu, host).in_words().c_str());
    MorphogeneticModel model{cpu, std::move(host), CnnBlueprints{}, random};
    for (const auto& named : model.host_parameters()) named.parameter->set_trainable(false);
    model.set_host_statistics(HostStatistics::still);  // frozen, its running statistics too

    const Batches old_task = images(cpu, 8, false, 3);
    const auto accuracy = [&](const Batches& batches, const AlphaOverrides& amplitudes) {
        return mean_scores(model, cpu, std::array{amplitudes}, batches, AccuracyScore{})[0];
    };
    std::printf("old task: %.0f %%\n", accuracy(old_task, {}));
    HeuristicController controller({.slots = {"r0c0"}, .blueprints = {"conv_light"}});
    const train::LearnerOptions<optim::AdamWRule> rates{{.learning_rate = 0.01},
                                                        {.learning_rate = 0.005}};
    train::Trainer trainer(model, images(cpu, 64, true, 1), images(cpu, 8, true, 2), rates,
                           controller, {.epochs = 40, .random_guess_loss = std::log(2.0)});
    std::printf("new task: %.0f %%\n", trainer.score(model));
    trainer.run(model, [](const train::EpochResult& epoch) {
        for (const StageChange& change : epoch.report.changes) {
            std::printf("epoch %2d: %.0f %%; %s goes from %s to %s\n", epoch.report.epoch,
                        epoch.report.score, change.blueprint.c_str(), name_of(change.from).data(),
                        name_of(change.to).data());
        }
    });
    std::printf("new task: %.0f %%, old task without the seed: %.0f %%\n", trainer.score(model),
                accuracy(old_task, AlphaOverrides{}.with("r0c0", 0.0)));
}
