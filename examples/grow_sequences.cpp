// Sequences: a host of 1-d convolutions that sees three steps, and a seed that looks further.
#include <cstdio>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/data/data_loader.hpp>
#include <kasmina/data/in_order.hpp>
#include <kasmina/kasmina.hpp>
#include <kasmina/nn/conv1d.hpp>
#include "pulses.hpp"
#include "support/arguments.hpp"
#include "support/yardstick.hpp"

using namespace kasmina;
using namespace kasmina::examples;
using Cpu = backends::Eigen<float>;
using Values = Variable<Cpu>;

/// Convolution over three steps, ReLU, a slot, the mean over time, linear: (batch, time, 1) -> 2.
struct Near : nn::Visitable<Near> {
    using Backend = Cpu;
    using Input = Tensor<Cpu>;
    static constexpr Topology topology = Topology::transformer;  // (batch, time, width)
    nn::Conv1d<Cpu> conv;
    nn::Linear<Cpu> output;
    std::vector<hosts::InjectionPoint> points{{.slot_id = "middle", .channels = 8}};
    explicit Near(Cpu::Context& cpu) : conv(cpu, 1, 8, 3), output(cpu, 8, 2) {}
    void initialise(Cpu::Context& cpu, Generator& random) {
        conv.initialise(cpu, random), output.initialise(cpu, random);
    }
    std::span<const hosts::InjectionPoint> injection_points() const { return points; }
    Values stem(Pass<Cpu>& pass, const Input& x) const { return pass.constant(x); }
    Values forward(Pass<Cpu>& pass, const Values& x, std::size_t from, std::size_t to) const {
        return from < to ? ops::relu(conv.forward(pass, x)) : x;
    }
    Values head(Pass<Cpu>& pass, const Values& x) const {
        return output.forward(pass, ops::mean_positions(x));
    }
    static constexpr auto members() {
        return nn::members(nn::Member{"conv", &Near::conv}, nn::Member{"output", &Near::output});
    }
};
/// x + relu(conv over three steps that are eight apart).
struct Far {
    static constexpr std::string_view name = "far";
    static constexpr Topology topology = Topology::transformer;
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;
    using Needs = kasmina::Needs<capability::Pointwise, capability::Convolution>;
    struct Options {};
    static constexpr void check(Index, const Options&) {}
    static constexpr Index parameter_count(Index c, const Options&) { return 3 * c * c + c; }
    template <class B>
    struct Module : nn::Visitable<Module<B>> {
        nn::Conv1d<B> far;
        Module(typename B::Context& context, Index c, const Options&, Generator& random)
            : far(context, c, c, 3, random, {.dilation = 8}, nn::Bias::present) {}
        Variable<B> forward(Pass<B>& pass, const Variable<B>& x) const {
            return ops::add(x, ops::relu(far.forward(pass, x)));
        }
        static constexpr auto members() { return nn::members(nn::Member{"far", &Module::far}); }
    };
};
int main(int argc, char** argv) {
    const Yardstick by{HostWork().layer(3 * 8, 32).slot("middle", 32).layer(8 * 2), 512,
                       Arguments(argc, argv, "[--from-start]").has("--from-start")};
    Cpu::Context cpu;
    const auto training = pulses(512, 1), held_out = pulses(256, 2);
    const auto make = [&] {
        Generator random(1);
        return MorphogeneticModel{cpu, Near{cpu}, BlueprintList<Far>{}, random};
    };
    train::LearnerOptions<optim::AdamWRule> rates{{.learning_rate = 0.01}, {.learning_rate = 0.01}};
    const auto trainer_of = [&](auto& model, auto controller) {
        auto batches = data::load_data<Cpu>(cpu, training, {.batch_size = 32}, Generator(3));
        return train::Trainer(model, std::move(batches), data::in_order<Cpu>(cpu, held_out), rates,
                              std::move(controller), {.epochs = 30});
    };
    const HeuristicController grower({.slots = {"middle"}, .blueprints = {"far"}});
    const auto grown = compare_growth(by, make, grower, trainer_of, tell_changes);
    std::printf("%s", grown.table.text().c_str());
}
