// A seed with dropout and batch norm: it learns the mode from the pass, and keeps its statistics.
#include <cstdio>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

#include "support/arguments.hpp"
using namespace kasmina;
using Cpu = backends::Eigen<float>;

struct NoisyOptions {
    double rate = 0.3;
    using Fields = reflect::List<&NoisyOptions::rate>;
};

/// y = x + dropout(BN(conv1x1(x))).
struct Noisy {
    static constexpr std::string_view name = "noisy";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;
    using Needs =
        kasmina::Needs<capability::Convolution, capability::BatchNorm, capability::Dropout>;
    using Options = NoisyOptions;
    static constexpr void check(Index, const Options&) {}
    static constexpr Index parameter_count(Index c, const Options&) { return c * c + 2 * c; }
    template <class B>
    struct Module : nn::Visitable<Module<B>> {
        nn::Conv2d<B> conv;
        nn::BatchNorm2d<B> norm;
        nn::Dropout<B> dropout;
        Module(typename B::Context& context, Index width, const Options& options, Generator& random)
            : conv(context, width, width, 1, random), norm(context, width), dropout(options.rate) {}
        Variable<B> forward(Pass<B>& pass, const Variable<B>& x) const {
            return ops::add(x, dropout.forward(pass, norm.forward(pass, conv.forward(pass, x))));
        }
        static constexpr auto members() {
            return nn::members(nn::Member{"conv", &Module::conv},
                               nn::Member{"norm", &Module::norm});
        }
    };
};

int main(int argc, char** argv) {
    const examples::Arguments none(argc, argv);
    Generator random(1);
    Cpu::Context cpu;
    hosts::Cnn<Cpu> host(cpu, {.classes = 2, .base = 4, .blocks = 2, .height = 8, .width = 8});
    MorphogeneticModel model{cpu, std::move(host), CnnBlueprints::with<Noisy>{}, random};
    auto& slot = model.slot("r1c0");
    slot.germinate<Noisy>({}, {.rate = 0.5}), slot.advance();
    for (const auto& state : slot.contents().states) std::printf("%s\n", state.name.c_str());
    const auto images = Tensor<Cpu>::full(cpu, {4, 8, 8, 3}, 1);
    Tape<Cpu> tape(cpu);
    Pass<Cpu> training(tape, Mode::training, random), evaluation(tape, Mode::evaluation);
    const auto mean = [&] {
        return slot.contents().states[0].state.visit(
            [&](auto& values) { return double(values.to_host(cpu)[0]); });
    };
    train::learn(model, training, images,  // forward, backward, and the seed's lesson
                 [](const auto& logits) {
                     return ops::cross_entropy(logits, {{0, 1, 0, 1}});
                 });
    const double once = mean();
    static_cast<void>(model.forward(evaluation, images));
    std::printf("training %s them, evaluation %s\n", once != 0 ? "moves" : "leaves",
                mean() != once ? "too" : "does not");
}
