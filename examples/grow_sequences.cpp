// Sequences: a host of 1-d convolutions that sees three steps, and a seed that looks further.
#include <cstdio>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/data/data_loader.hpp>
#include <kasmina/data/in_order.hpp>
#include <kasmina/kasmina.hpp>
#include <kasmina/nn/conv1d.hpp>
#include "pulses.hpp"

using namespace kasmina;
using Cpu = backends::Eigen<float>;

/// Convolution over three steps, ReLU, a slot, the mean over time, linear: (batch, time, 1) -> 2.
struct NearHost : nn::Visitable<NearHost> {
    using Backend = Cpu;
    using Input = Tensor<Cpu>;
    static constexpr Topology topology = Topology::transformer;  // (batch, time, width)
    nn::Conv1d<Cpu> conv;
    nn::Linear<Cpu> output;
    std::vector<hosts::InjectionPoint> points{{.slot_id = "middle", .channels = 8}};

    explicit NearHost(Cpu::Context& cpu) : conv(cpu, 1, 8, 3), output(cpu, 8, 2) {}
    void initialise(Cpu::Context& cpu, Generator& random) {
        conv.initialise(cpu, random), output.initialise(cpu, random);
    }
    std::span<const hosts::InjectionPoint> injection_points() const { return points; }
    Variable<Cpu> stem(Pass<Cpu>& pass, const Input& x) const { return pass.constant(x); }
    Variable<Cpu> forward(Pass<Cpu>& pass, const Variable<Cpu>& x, std::size_t from,
                          std::size_t to) const {
        return from < to ? ops::relu(conv.forward(pass, x)) : x;
    }
    Variable<Cpu> head(Pass<Cpu>& pass, const Variable<Cpu>& x) const {
        return output.forward(pass, ops::mean_positions(x));
    }
    static constexpr auto members() {
        return nn::members(nn::Member{"conv", &NearHost::conv},
                           nn::Member{"output", &NearHost::output});
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
int main() {
    Generator random(1);
    Cpu::Context cpu;
    const auto training = examples::pulses(512, 1), held_out = examples::pulses(256, 2);
    MorphogeneticModel model{cpu, NearHost{cpu}, BlueprintList<Far>{}, random};
    HeuristicController controller({.slots = {"middle"}, .blueprints = {"far"}});
    train::LearnerOptions<optim::AdamWRule> rates{{.learning_rate = 0.01}, {.learning_rate = 0.01}};
    auto batches = data::load_data<Cpu>(cpu, training, {.batch_size = 32}, Generator(3));
    train::Trainer trainer(model, std::move(batches), data::in_order<Cpu>(cpu, held_out), rates,
                           controller, {.epochs = 30});
    trainer.run(model, [](const train::EpochResult& epoch) {
        for (const StageChange& to : epoch.report.changes) {
            std::printf("epoch %2d, %.0f %%: %s\n", epoch.report.epoch, epoch.report.score,
                        name_of(to.to).data());
        }
    });
    std::printf("at the end: %.0f %%\n", trainer.score(model));
}
