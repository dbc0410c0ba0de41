// A host that reads tokens: does word 1 come more often than word 2 in a text?
#include <cstdio>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

#include "support/arguments.hpp"
using namespace kasmina;
using Cpu = backends::Eigen<float>;
using Values = Variable<Cpu>;

/// Ids (batch, 1, time) -> logits (batch, 2). A text is a map of one row to the library's seeds.
struct Reader : nn::Visitable<Reader> {
    using Backend = Cpu;
    using Input = TokenIds<Cpu>;
    static constexpr Topology topology = Topology::cnn;
    nn::Embedding<Cpu> tokens;
    nn::Linear<Cpu> hidden, output;
    std::vector<hosts::InjectionPoint> points{{.slot_id = "words", .channels = 8}};
    Reader(Cpu::Context& cpu, Index words)
        : tokens(cpu, words, 8), hidden(cpu, 8, 8), output(cpu, 8, 2) {}
    void initialise(Cpu::Context& c, Generator& random) {
        tokens.initialise(c, random), hidden.initialise(c, random), output.initialise(c, random);
    }
    std::span<const hosts::InjectionPoint> injection_points() const { return points; }
    Values stem(Pass<Cpu>& pass, const Input& ids) const { return tokens.forward(pass, ids); }
    Values forward(Pass<Cpu>& pass, const Values& x, std::size_t from, std::size_t to) const {
        return from < to ? ops::relu(hidden.forward(pass, x)) : x;
    }
    Values head(Pass<Cpu>& pass, const Values& x) const {
        return output.forward(pass, ops::mean_positions(x));
    }
    static constexpr auto members() {
        return nn::members(nn::Member{"tokens", &Reader::tokens},
                           nn::Member{"hidden", &Reader::hidden},
                           nn::Member{"output", &Reader::output});
    }
};

int main(int argc, char** argv) {
    const examples::Arguments none(argc, argv);
    Generator random(1);
    Cpu::Context cpu;
    std::vector<int> words(32 * 7), labels(32);
    for (std::size_t i = 0; i < words.size(); ++i) {
        words[i] = int(random.below(5));
        labels[i / 7] += (words[i] == 1) - (words[i] == 2);
    }
    for (int& label : labels) label = label > 0;
    const TokenIds<Cpu> texts(cpu, {32, 1, 7}, words, 5);
    const ClassLabels<Cpu> truth(cpu, labels, 2);
    MorphogeneticModel model{cpu, Reader(cpu, 5), CnnBlueprints{}, random};
    model.slot("words").germinate("conv_light"), model.slot("words").advance();
    optim::AdamW<Cpu> adam;
    adam.add_group({.learning_rate = 0.02}), adam.synchronise(0, model.parameters());
    Tape<Cpu> tape(cpu);
    Pass<Cpu> pass(tape, Mode::training);
    for (int step = 0; step <= 200; ++step, tape.clear(), adam.zero_gradients()) {
        if (step % 200 == 0) {
            auto hits = ops::count_correct(model.forward(pass, texts), truth);
            std::printf("step %3d: %2d of 32\n", step, int(hits.get()));
        }
        train::learn(model, pass, texts, [&](const auto& logits) {  // forward, backward, lessons
            return ops::cross_entropy(logits, truth);
        });
        adam.step(cpu);
    }
}
