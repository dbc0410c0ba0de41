// A blueprint of your own: a 1x1 convolution beside the host, grown by name next to the library's.
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

#include "support/arguments.hpp"

using namespace kasmina;
using Cpu = backends::Eigen<float>;

/// y = x + conv1x1(x). The convolution is 0 at first, so the seed starts as the identity.
struct Mix {
    static constexpr std::string_view name = "mix";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::built_in;
    using Needs = kasmina::Needs<capability::Pointwise, capability::Convolution>;
    struct Options {};
    static constexpr void check(Index, const Options&) {}
    static constexpr Index parameter_count(Index c, const Options&) { return c * c; }
    template <class B>
    struct Module : nn::Visitable<Module<B>> {
        nn::Conv2d<B> conv;
        Module(typename B::Context& context, Index width, const Options&, Generator&)
            : conv(context, width, width, 1) {}
        Variable<B> forward(Pass<B>& pass, const Variable<B>& x) const {
            return ops::add(x, conv.forward(pass, x));
        }
        static constexpr auto members() { return nn::members(nn::Member{"conv", &Module::conv}); }
    };
};

int main(int argc, char** argv) {
    const examples::Arguments none(argc, argv);
    using Blueprints = CnnBlueprints::with<Mix>;
    for (const std::string_view name : Blueprints::names()) std::printf("%s ", name.data());
    Generator random(1);
    Cpu::Context cpu;
    hosts::Cnn<Cpu> host(cpu, {.classes = 2, .base = 4});
    MorphogeneticModel model{cpu, std::move(host), Blueprints{}, random};
    auto& slot = model.slot("r1c0");
    slot.germinate("mix"), slot.advance();  // to training: it learns behind the host
    auto [name, seed] = slot.parameters().front();
    std::vector<float> pixels(2 * 8 * 8 * 3);  // (batch, height, width, channels)
    for (float& pixel : pixels) pixel = static_cast<float>(random.normal());
    const auto images = Tensor<Cpu>::from_host(cpu, {2, 8, 8, 3}, pixels);
    optim::Sgd<Cpu> sgd;
    sgd.add_group({.learning_rate = 0.1});
    sgd.synchronise(0, model.parameters());
    Tape<Cpu> tape(cpu);
    Pass<Cpu> pass(tape, Mode::training);
    for (int step = 0; step < 10; ++step, tape.clear(), sgd.zero_gradients()) {
        train::learn(model, pass, images, [](const auto& logits) {  // forward, backward, lessons
            return ops::cross_entropy(logits, {{0, 1}});
        });
        sgd.step(cpu);
    }
    const bool moved = seed->value().to_host(cpu) != std::vector<float>(16, 0.0F);
    std::printf("\n%s %s\n", name.c_str(), moved ? "has moved" : "has not moved");
}
