// A host of your own: a perceptron with one hidden layer, where a seed of the library grows.
#include <cstdio>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

#include "support/arguments.hpp"

using namespace kasmina;
using Cpu = backends::Eigen<float>;

/// (batch, 1, 1, 2) -> logits (batch, 2). Its states are maps of one position, so that the
/// library's CNN blueprints fit. Boundaries: 0 is behind the stem, 1 the slot.
struct Perceptron : nn::Visitable<Perceptron> {
    using Backend = Cpu;
    using Input = Tensor<Cpu>;
    static constexpr Topology topology = Topology::cnn;
    nn::Linear<Cpu> hidden, output;
    std::vector<hosts::InjectionPoint> points{{.slot_id = "middle", .channels = 16}};

    explicit Perceptron(Cpu::Context& cpu) : hidden(cpu, 2, 16), output(cpu, 16, 2) {}
    void initialise(Cpu::Context& cpu, Generator& random) {
        hidden.initialise(cpu, random), output.initialise(cpu, random);
    }
    std::span<const hosts::InjectionPoint> injection_points() const { return points; }

    using Values = Variable<Cpu>;
    Values stem(Pass<Cpu>& pass, const Input& x) const { return pass.constant(x); }
    Values forward(Pass<Cpu>& pass, const Values& x, std::size_t from, std::size_t to) const {
        hosts::check_route(points, from, to);
        return from < to ? ops::relu(hidden.forward(pass, x)) : x;
    }
    Values head(Pass<Cpu>& pass, const Values& x) const {
        return output.forward(pass, ops::mean_positions(x));
    }
    static constexpr auto members() {
        return nn::members(nn::Member{"hidden", &Perceptron::hidden},
                           nn::Member{"output", &Perceptron::output});
    }
};

int main(int argc, char** argv) {
    const examples::Arguments none(argc, argv);
    Generator random(1);
    Cpu::Context cpu;
    MorphogeneticModel model{cpu, Perceptron{cpu}, BlueprintList<cnn::Bottleneck>{}, random};
    auto& slot = model.slot("middle");
    slot.germinate("bottleneck"), slot.advance();  // to training: it learns behind the host
    for (const auto& named : model.parameters()) std::printf("%s\n", named.name.c_str());
    optim::Sgd<Cpu> sgd;
    sgd.add_group({.learning_rate = 0.5});
    sgd.synchronise(0, model.parameters());
    const auto points = Tensor<Cpu>::from_host(cpu, {4, 1, 1, 2}, {{0, 0, 0, 1, 1, 0, 1, 1}});
    Tape<Cpu> tape(cpu);
    Pass<Cpu> pass(tape, Mode::training), evaluation(tape, Mode::evaluation);
    for (int step = 0; step < 200; ++step, tape.clear(), sgd.zero_gradients()) {
        train::learn(model, pass, points, [](const auto& logits) {  // forward, backward, lessons
            return ops::cross_entropy(logits, {{0, 1, 1, 0}});
        });
        sgd.step(cpu);
    }
    const auto y = model.forward(evaluation, points).to_host();
    for (std::size_t i = 0; i < 8; i += 2) std::printf("%d\n", y[i + 1] > y[i]);
}
