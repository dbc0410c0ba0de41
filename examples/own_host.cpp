// A host of your own: a perceptron with one hidden layer, where a seed of the library grows.
#include <cstdio>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn/bottleneck.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/optim/sgd.hpp>

using namespace kasmina;
using Cpu = backends::Eigen<float>;

/// (batch, 1, 1, 2) -> logits (batch, 2). Its states are maps of one position, so that the
/// library's CNN blueprints fit. Boundaries: 0 is the input, 1 the slot, 2 the output.
struct Perceptron : nn::Visitable<Perceptron> {
    using Backend = Cpu;
    static constexpr Topology topology = Topology::cnn;
    nn::Linear<Cpu> hidden{2, 16}, output{16, 2};
    std::vector<hosts::InjectionPoint> points{{.slot_id = "middle", .channels = 16}};

    void initialise(Generator& random) { hidden.initialise(random), output.initialise(random); }
    std::span<const hosts::InjectionPoint> injection_points() const { return points; }

    Variable<Cpu> forward(Tape<Cpu>& tape, Variable<Cpu> state, std::size_t from, std::size_t to,
                          Mode) const {
        hosts::check_route(points, from, to);
        if (from < 1 && to >= 1) state = ops::relu(hidden.forward(tape, state));
        if (from < 2 && to >= 2) state = output.forward(tape, ops::mean_positions(state));
        return state;
    }
    static constexpr auto members() {
        return std::tuple(nn::Member{"hidden", &Perceptron::hidden},
                          nn::Member{"output", &Perceptron::output});
    }
};

int main() {
    Generator random(1);
    MorphogeneticModel model{Perceptron{}, BlueprintList<cnn::Bottleneck>{}, random};
    auto& slot = model.slot("middle");
    slot.germinate("bottleneck"), slot.advance();  // to training: it learns behind the host
    for (const auto& named : model.parameters()) std::printf("%s\n", named.name.c_str());
    optim::Sgd<Cpu> sgd;
    sgd.add_group({.learning_rate = 0.5});
    sgd.synchronise(0, model.pointers(model.parameters()));
    const auto points = Tensor<Cpu>::from_host({4, 1, 1, 2}, {{0, 0, 0, 1, 1, 0, 1, 1}});
    const std::vector<int> labels{0, 1, 1, 0};
    Cpu::Context context;
    Tape<Cpu> tape(context);
    for (int step = 0; step < 200; ++step, tape.clear(), sgd.zero_gradients()) {
        const auto logits = model.forward(tape, tape.constant(points));
        tape.backward(ops::cross_entropy(logits, labels)), sgd.step(context);
    }
    const auto y = model.evaluate(tape, tape.constant(points)).to_host();
    for (std::size_t i = 0; i < 8; i += 2) std::printf("%d\n", y[i + 1] > y[i]);
}
