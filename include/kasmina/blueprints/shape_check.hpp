// Shape check: a seed's module returns what it is fed, found out without leaving a trace (B-4).
#pragma once

#include <string>
#include <vector>

#include <kasmina/autodiff/pass.hpp>
#include <kasmina/blueprints/seed_module.hpp>
#include <kasmina/error.hpp>
#include <kasmina/nn/any_state.hpp>

namespace kasmina {
namespace detail {

/// Puts states back as they were, on the backend, also when a probe throws.
template <class B>
class StatesRestored {
public:
    KASMINA_RARE StatesRestored(typename B::Context& context,
                                const std::vector<nn::NamedState<B>>& states)
        : context_(context), states_(states) {
        for (const auto& named : states) {
            saved_.push_back({named.name, named.state.duplicate(context)});
        }
    }
    StatesRestored(const StatesRestored&) = delete;
    StatesRestored& operator=(const StatesRestored&) = delete;
    KASMINA_RARE ~StatesRestored() {
        for (std::size_t i = 0; i < saved_.size(); ++i) {
            states_[i].state.copy_from(context_, saved_[i].state);
        }
    }

private:
    typename B::Context& context_;
    const std::vector<nn::NamedState<B>>& states_;
    std::vector<nn::NamedState<B>> saved_;
};

/// A small odd state of that topology.
[[nodiscard]] constexpr Shape probe_shape(Topology topology, Index width) {
    switch (topology) {
        case Topology::cnn: return {2, 6, 5, width};
        case Topology::transformer: return {2, 7, width};
        case Topology::features: return {3, width};
    }
    return {};
}

}  // namespace detail

/// Runs a seed once on a small probe in an evaluation pass, recording no gradient and drawing no
/// random number, with its states put back whatever it does to them. Nothing is waited for. Errors:
/// ShapeError when the output's shape differs from the probe's; whatever the module's forward
/// throws.
template <class B>
KASMINA_RARE void check_shape_preserved(typename B::Context& context, const SeedModule<B>& seed) {
    const Shape probe = detail::probe_shape(seed.topology(), seed.width());
    const detail::StatesRestored<B> restored(context, seed.contents().states);
    Tape<B> tape(context, Recording::none);
    Pass<B> pass(tape, Mode::evaluation);
    const Shape result =
        seed.forward(pass, pass.constant(Tensor<B>::full(context, probe, 0))).shape();
    if (result == probe) return;
    throw ShapeError("a seed's module changes the shape",
                     "blueprint " + std::string(seed.blueprint()), to_string(probe),
                     to_string(result),
                     "return what the host's next layer expects: the input's shape");
}

}  // namespace kasmina
