// A host that lacks something: found where the model is made.
// no_topology expects: HasTopology: add `static constexpr Topology topology` to the host
// no_points expects: add `std::span<const InjectionPoint> injection_points() const`
// points_by_value expects: injection_points() const` to the host, of points that it keeps
// no_input expects: NamesItsInput: add `using Input = Tensor<Backend>` to the host
// no_stem expects: HasStem: add `State stem(Pass<Backend>&, const Input&) const`
// stem_not_const expects: HasStem: add `State stem(Pass<Backend>&, const Input&) const`
// no_forward expects: add `State forward(Pass<Backend>&, const State&, std::size_t from
// no_head expects: HasHead: add `Output head(Pass<Backend>&, const State&) const` to the host
// head_of_another_type expects: HasHead: add `Output head(Pass<Backend>&, const State&) const`
// no_initialise expects: add `void initialise(Backend::Context&, Generator&)` to the host
// no_members expects: VisitableModule: inherit nn::Visitable and list the `members()`
// members_in_a_tuple expects: VisitableModule: inherit nn::Visitable and list the `members()`
// members_not_static expects: `static constexpr auto members() { return nn::members(nn::Member{
// state_without_features expects: give the host's State a member `Variable<Backend> features`
#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

using namespace kasmina;
using Cpu = backends::Eigen<float>;

#ifdef no_members
struct Mine {
#else
struct Mine : nn::Visitable<Mine> {
#endif
    using Backend = Cpu;
#ifndef no_topology
    static constexpr Topology topology = Topology::cnn;
#endif
#ifndef no_input
    using Input = Tensor<Cpu>;
#endif
#ifdef state_without_features
    struct State {
        Variable<Cpu> map;
    };
#endif
#if defined(points_by_value)
    std::vector<hosts::InjectionPoint> injection_points() const { return {}; }
#elif !defined(no_points)
    std::span<const hosts::InjectionPoint> injection_points() const { return {}; }
#endif
#if defined(stem_not_const)
    Variable<Cpu> stem(Pass<Cpu>& pass, const Tensor<Cpu>& input) { return pass.constant(input); }
#elif !defined(no_stem)
    Variable<Cpu> stem(Pass<Cpu>& pass, const Tensor<Cpu>& input) const {
        return pass.constant(input);
    }
#endif
#ifndef no_forward
    Variable<Cpu> forward(Pass<Cpu>&, const Variable<Cpu>& x, std::size_t, std::size_t) const {
        return x;
    }
#endif
#if defined(head_of_another_type)
    double head(Pass<Cpu>&, const Variable<Cpu>&) const { return 0.0; }
#elif !defined(no_head)
    Variable<Cpu> head(Pass<Cpu>&, const Variable<Cpu>& x) const { return x; }
#endif
#ifndef no_initialise
    void initialise(Cpu::Context&, Generator&) {}
#endif
#if defined(members_in_a_tuple)
    static constexpr auto members() { return std::tuple(); }
#elif defined(members_not_static)
    constexpr auto members() const { return kasmina::nn::members(); }
#elif !defined(no_members)
static constexpr auto members() {
    return kasmina::nn::members();
}
#endif
};

int main() {
    Cpu::Context cpu;
    Generator random(1);
    MorphogeneticModel model{cpu, Mine{}, CnnBlueprints{}, random};
}
