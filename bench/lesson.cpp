// What lessons cost: training steps of the reference host with a seed that learns behind it,
// against the host's own steps, in turn.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

namespace {

using namespace kasmina;
using Cpu = backends::Eigen<float>;
using Model = MorphogeneticModel<hosts::Cnn<Cpu>, CnnBlueprints>;
using Learner = train::Learner<Model, optim::SgdRule, judge::Ablation>;

constexpr Index side = 32;
constexpr Index classes = 10;
constexpr int rounds = 9;

/// A model with what steps it; `blueprint` empty: the host alone.
class Network {
public:
    Network(Cpu::Context& context, const std::string& slot, const std::string& blueprint)
        : model_(context, hosts::Cnn<Cpu>{context, {.classes = classes}}, CnnBlueprints{}, random_),
          learner_(model_, {.host = {.learning_rate = 1e-3, .momentum = 0.9},
                            .seeds = {.learning_rate = 1e-3, .momentum = 0.9}}) {
        if (blueprint.empty()) return;
        model_.slot(slot).germinate(blueprint);
        model_.slot(slot).advance();
    }

    /// Seconds that `steps` steps take.
    double seconds(const Tensor<Cpu>& images, const ClassLabels<Cpu>& labels, int steps) {
        const auto start = std::chrono::steady_clock::now();
        for (int step = 0; step < steps; ++step) {
            const auto loss = learner_.step(model_, images, [&](const Variable<Cpu>& logits) {
                return ops::cross_entropy(logits, labels);
            });
            static_cast<void>(loss);
        }
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }

private:
    Generator random_{1};
    Model model_;
    Learner learner_;
};

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

}  // namespace

/// Prints the rows of the blueprints that are named, or of all.
int main(int argc, char** argv) {
    constexpr Index batch = 32;
    // Whole rounds from lesson to lesson.
    const int steps = 2 * train::LearnerOptions<optim::SgdRule>{}.lesson_every;
    Cpu::Context context(1);
    Generator random(2);
    std::vector<float> pixels(static_cast<std::size_t>(batch * side * side * 3));
    for (float& pixel : pixels) pixel = static_cast<float>(random.normal());
    std::vector<std::int32_t> targets(static_cast<std::size_t>(batch));
    for (auto& target : targets) target = static_cast<std::int32_t>(random.below(classes));
    const auto images = Tensor<Cpu>::from_host(context, {batch, side, side, 3}, pixels);
    const ClassLabels<Cpu> labels(context, targets, classes);

    std::printf(
        "the mean of the steps with a seed in training / the host's, medians of %d times %d steps "
        "in turn\n%-14s",
        rounds, steps, "");
    const std::vector<std::string> slots{"r0c0", "r1c0", "r0c1", "r1c1", "r0c2", "r1c2"};
    for (const std::string& slot : slots) std::printf("%7s", slot.c_str());
    std::printf("\n");
    for (const auto name : CnnBlueprints::names()) {
        const bool is_named = std::find(argv + 1, argv + argc, name) != argv + argc;
        if (argc > 1 && !is_named) continue;
        std::printf("%-14s", std::string(name).c_str());
        for (const std::string& slot : slots) {
            Network host(context, slot, "");
            Network growing(context, slot, std::string(name));
            static_cast<void>(host.seconds(images, labels, steps));
            static_cast<void>(growing.seconds(images, labels, steps));
            std::vector<double> ratios;
            for (int round = 0; round < rounds; ++round) {
                const double alone = host.seconds(images, labels, steps);
                ratios.push_back(growing.seconds(images, labels, steps) / alone);
            }
            std::printf("%7.2f", median(ratios));
            std::fflush(stdout);
        }
        std::printf("\n");
    }
    return 0;
}
