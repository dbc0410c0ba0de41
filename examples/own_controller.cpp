// A controller of your own: it grows one seed after another, and prints what it decides.
#include <cstdio>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn/conv_small.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/mean_scores.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/policy/grower.hpp>
#include <kasmina/train/learn.hpp>

#include "support/arguments.hpp"

using namespace kasmina;
using Cpu = backends::Eigen<float>;
using Host = hosts::Cnn<Cpu>;

/// Advances a seed whenever its gate lets it pass; with none on trial, germinates one more.
struct OneAfterAnother {
    std::vector<Decision> decide(const EpochObservation& seen) {
        for (std::size_t i = 0; i < seen.slots.size(); ++i) {
            const SlotReport& slot = seen.slots[i];
            if (slot.stage == Stage::fossilized) continue;
            const bool empty = slot.stage == Stage::dormant;
            if (!empty && !seen.gate_passes[i]) break;
            std::printf("epoch %2d: %s leaves %s\n", seen.epoch, slot.slot.c_str(),
                        name_of(slot.stage).data());
            if (empty) return {{slot.slot, Decision::Action::germinate, "conv_small"}};
            return {{slot.slot, Decision::Action::advance}};
        }
        return {};
    }
};
static_assert(Controller<OneAfterAnother>);

struct Policies : DefaultPolicies {
    using Gates = PermissiveGates;  // they ask for sane gradients, not for an improvement
};

int main(int argc, char** argv) {
    const examples::Arguments none(argc, argv);
    Generator random(1);
    Cpu::Context cpu;
    MorphogeneticModel<Host, BlueprintList<cnn::ConvSmall>, Policies> model{
        cpu, Host(cpu, {.classes = 2, .base = 4, .blocks = 2, .pools = 0}), {}, random};
    std::vector<float> pixels(4 * 6 * 6 * 3);
    for (float& pixel : pixels) pixel = static_cast<float>(random.normal());
    const LabelledBatch<Cpu> task[]{{Tensor<Cpu>::from_host(cpu, {4, 6, 6, 3}, pixels),
                                     ClassLabels<Cpu>(cpu, {{0, 1, 0, 1}}, 2)}};
    optim::Sgd<Cpu> sgd;
    sgd.add_group({.learning_rate = 0.05});
    Tape<Cpu> tape(cpu);
    Pass<Cpu> pass(tape, Mode::training);
    Grower grower(model, OneAfterAnother{}, 0.693 /* ln(classes) */);
    for (int epoch = 1; epoch <= 24; ++epoch, tape.clear(), sgd.zero_gradients()) {
        sgd.synchronise(0, model.parameters());  // seeds come and go
        const auto loss = train::learn(model, pass, task[0].input, [&](const auto& logits) {
            return ops::cross_entropy(logits, task[0].labels);
        });  // forward, backward, and the lesson of a seed in training
        sgd.step(cpu);
        grower.end_epoch(model, loss.read(), [&](auto configurations) {
            return mean_scores(model, cpu, configurations, task, AccuracyScore{});
        });
    }
}
