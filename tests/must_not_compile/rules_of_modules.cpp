// A blueprint's module, or a capability that it needs, lacks: found where the model is made.
// no_module expects: HasModule: add `template <class B> struct Module`
// no_constructor expects: HasModule: add `template <class B> struct Module`
// no_constructor expects: `Module(typename B::Context&, Index width, const Options&, Generator&)`
// no_forward expects: add `Variable<B> forward(Pass<B>&, const Variable<B>&) const`
// forward_without_pass expects: add `Variable<B> forward(Pass<B>&, const Variable<B>&) const`
// forward_not_const expects: add `Variable<B> forward(Pass<B>&, const Variable<B>&) const`
// forward_gives_nothing expects: add `Variable<B> forward(Pass<B>&, const Variable<B>&) const`
// no_members expects: VisitableModule: inherit nn::Visitable<Module<B>> and list
// member_without_name expects: `static constexpr auto members() { return nn::members(nn::Member{
// no_list expects: BlueprintList: pass a list of blueprints, as `CnnBlueprints::with<Mine>{}`
// not_in_the_list expects: BlueprintList: the model's list lacks this blueprint: make the model
// with lacking_capability expects: RunsOn: the host's backend lacks a capability
#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

using namespace kasmina;
using Cpu = backends::Eigen<float>;

struct Nowhere {
    template <class B>
    static constexpr bool provided_by = false;
};

struct Mine {
    static constexpr std::string_view name = "mine";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::built_in;
#ifdef lacking_capability
    using Needs = kasmina::Needs<Nowhere>;
#else
    using Needs = kasmina::Needs<capability::Pointwise>;
#endif
    struct Options {};
    static constexpr void check(Index, const Options&) {}
    static constexpr Index parameter_count(Index, const Options&) { return 0; }
#ifndef no_module
    template <class B>
#ifdef no_members
    struct Module {
#else
    struct Module : nn::Visitable<Module<B>> {
#endif
#ifdef no_constructor
        Module(typename B::Context&, Index, Generator&) {}
#else
        Module(typename B::Context&, Index, const Options&, Generator&) {}
#endif
#if defined(forward_without_pass)
        Variable<B> forward(const Variable<B>& x) const { return x; }
#elif defined(forward_not_const)
        Variable<B> forward(Pass<B>&, const Variable<B>& x) { return x; }
#elif defined(forward_gives_nothing)
    void forward(Pass<B>&, const Variable<B>&) const {
    }
#elif !defined(no_forward)
    Variable<B> forward(Pass<B>&, const Variable<B>& x) const {
        return x;
    }
#endif
#if defined(member_without_name)
        int value = 0;
        static constexpr auto members() { return kasmina::nn::members(&Module::value); }
#elif !defined(no_members)
        static constexpr auto members() { return kasmina::nn::members(); }
#endif
    };
#endif
};

int main() {
    Cpu::Context cpu;
    Generator random(1);
#if defined(no_list)
    MorphogeneticModel model{cpu, hosts::Cnn<Cpu>{cpu}, Mine{}, random};
#elif defined(not_in_the_list)
    MorphogeneticModel model{cpu, hosts::Cnn<Cpu>{cpu}, CnnBlueprints{}, random};
    model.slot("r0c0").germinate<Mine>();
#else
    MorphogeneticModel model{cpu, hosts::Cnn<Cpu>{cpu}, CnnBlueprints::with<Mine>{}, random};
    model.slot("r0c0").germinate<Mine>();
#endif
}
