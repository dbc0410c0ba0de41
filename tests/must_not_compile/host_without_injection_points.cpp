// expects: HasInjectionPoints
// A host that has nowhere for a seed to grow is no host.
#include <cstddef>
#include <span>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/hosts/host.hpp>
#include <kasmina/nn/visit.hpp>

struct Barren : kasmina::nn::Visitable<Barren> {
    using Backend = kasmina::backends::Eigen<float>;
    static constexpr kasmina::Topology topology = kasmina::Topology::cnn;
#ifndef KASMINA_MUST_NOT_COMPILE
    std::span<const kasmina::hosts::InjectionPoint> injection_points() const { return {}; }
#endif
    using Input = kasmina::Tensor<Backend>;
    using Features = kasmina::Variable<Backend>;
    Features stem(kasmina::Pass<Backend>& pass, const Input& input) const {
        return pass.constant(input);
    }
    Features forward(kasmina::Pass<Backend>&, const Features& state, std::size_t,
                     std::size_t) const {
        return state;
    }
    Features head(kasmina::Pass<Backend>&, const Features& state) const { return state; }
    void initialise(Backend::Context&, kasmina::Generator&) {}
    static constexpr auto members() { return kasmina::nn::members(); }
};

static_assert(kasmina::hosts::RequireHost<Barren>::value);
