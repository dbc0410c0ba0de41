// expects: HasInjectionPoints
// A host that has nowhere for a seed to grow is no host.
#include <cstddef>
#include <span>
#include <tuple>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/hosts/host.hpp>
#include <kasmina/nn/visit.hpp>

struct Barren : kasmina::nn::Visitable<Barren> {
    using Backend = kasmina::backends::Eigen<float>;
    static constexpr kasmina::Topology topology = kasmina::Topology::cnn;
#ifndef KASMINA_MUST_NOT_COMPILE
    std::span<const kasmina::hosts::InjectionPoint> injection_points() const { return {}; }
#endif
    kasmina::Variable<Backend> forward(kasmina::Tape<Backend>&,
                                       const kasmina::Variable<Backend>& state, std::size_t,
                                       std::size_t, kasmina::Mode) const {
        return state;
    }
    void initialise(kasmina::Generator&) {}
    static constexpr auto members() { return std::tuple(); }
};

static_assert(kasmina::hosts::RequireHost<Barren>::value);
