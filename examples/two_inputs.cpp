// A host with two inputs and two heads: are two bits equal, and are both set?
#include <cstdio>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

#include "support/arguments.hpp"
using namespace kasmina;
using Cpu = backends::Eigen<float>;
using Values = Variable<Cpu>;

struct Bits : nn::Visitable<Bits> {
    using Backend = Cpu;
    struct Input {
        Tensor<Cpu> left, right;  // (batch, 1, 1, 1): maps of one position
        Index samples() const { return left.shape()[0]; }
    };
    using Output = std::pair<Values, Values>;  // equal, both: logits (batch, 2) each
    static constexpr Topology topology = Topology::cnn;
    nn::Linear<Cpu> left, right, equal, both;
    std::vector<hosts::InjectionPoint> points{{.slot_id = "middle", .channels = 16}};
    explicit Bits(Cpu::Context& cpu)
        : left(cpu, 1, 16), right(cpu, 1, 16), equal(cpu, 16, 2), both(cpu, 16, 2) {}
    void initialise(Cpu::Context& cpu, Generator& random) {
        for (auto* layer : {&left, &right, &equal, &both}) layer->initialise(cpu, random);
    }
    std::span<const hosts::InjectionPoint> injection_points() const { return points; }
    Values stem(Pass<Cpu>& pass, const Input& x) const {
        const Values l = left.forward(pass, pass.constant(x.left));
        return ops::relu(ops::add(l, right.forward(pass, pass.constant(x.right))));
    }
    Values forward(Pass<Cpu>&, const Values& x, std::size_t, std::size_t) const { return x; }
    Output head(Pass<Cpu>& pass, const Values& x) const {
        const Values mean = ops::mean_positions(x);
        return {equal.forward(pass, mean), both.forward(pass, mean)};
    }
    static constexpr auto members() {
        return nn::members(nn::Member{"left", &Bits::left}, nn::Member{"right", &Bits::right},
                           nn::Member{"equal", &Bits::equal}, nn::Member{"both", &Bits::both});
    }
};

int main(int argc, char** argv) {
    const examples::Arguments none(argc, argv);
    Generator random(1);
    Cpu::Context cpu;
    MorphogeneticModel model{cpu, Bits{cpu}, CnnBlueprints{}, random};
    model.slot("middle").germinate("conv_small"), model.slot("middle").advance();
    const Bits::Input bits{Tensor<Cpu>::from_host(cpu, {4, 1, 1, 1}, {{0, 0, 1, 1}}),
                           Tensor<Cpu>::from_host(cpu, {4, 1, 1, 1}, {{0, 1, 0, 1}})};
    optim::AdamW<Cpu> adam;
    adam.add_group({.learning_rate = 0.05}), adam.synchronise(0, model.parameters());
    Tape<Cpu> tape(cpu);
    Pass<Cpu> pass(tape, Mode::training);
    for (int step = 0; step < 100; ++step, tape.clear(), adam.zero_gradients()) {
        train::learn(model, pass, bits, [](const auto& answers) {  // forward, backward, lessons
            const auto& [equal, both] = answers;
            return ops::add(ops::cross_entropy(equal, {{1, 0, 0, 1}}),
                            ops::cross_entropy(both, {{0, 0, 0, 1}}));
        });
        adam.step(cpu);
    }
    const auto [equal, both] = model.forward(pass, bits);
    const auto e = equal.to_host(), b = both.to_host();
    for (std::size_t i : {1U, 3U, 5U, 7U}) std::printf("%d %d\n", e[i] > e[i - 1], b[i] > b[i - 1]);
}
