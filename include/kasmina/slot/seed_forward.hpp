// A live seed in a forward pass: behind the host, or blended with it.
#pragma once

#include <span>
#include <variant>
#include <vector>

#include <kasmina/autodiff/ops/alias.hpp>
#include <kasmina/autodiff/ops/blend.hpp>
#include <kasmina/slot/alpha_overrides.hpp>
#include <kasmina/slot/stages.hpp>

namespace kasmina::slot_detail {

/// The seed's module on the features that it is fed.
template <class B, class Module>
[[nodiscard]] Variable<B> run(Tape<B>& tape, const LiveSeed<B, Module>& seed,
                              const Variable<B>& input) {
    return std::visit([&](const auto& module) { return module.forward(tape, input); }, seed.module);
}

/// Behind the host: the host's features bit for bit, with the gradient for both (I-1, I-2).
template <class B, class Module>
[[nodiscard]] Variable<B> forward_behind(Tape<B>& tape, const LiveSeed<B, Module>& seed,
                                         const Variable<B>& host) {
    return ops::straight_through(host, run(tape, seed, tape.detach(host)));
}

/// Mixed with the host by the seed's operator. `amplitude` is a number, or a span with one
/// per sample.
template <class B, class Module, class Amplitude>
[[nodiscard]] Variable<B> forward_blended(Tape<B>& tape, const LiveSeed<B, Module>& seed,
                                          const Variable<B>& host, const Amplitude& amplitude) {
    const Variable<B> input = seed.isolated ? tape.detach(host) : host;
    const Variable<B> grown = run(tape, seed, input);
    switch (seed.blend.algorithm) {
        case BlendAlgorithm::multiply: return ops::blend_multiply(host, grown, input, amplitude);
        case BlendAlgorithm::gate:
            return ops::blend_gate(host, grown, seed.gate->forward(tape, input), amplitude);
        case BlendAlgorithm::add: break;
    }
    return ops::blend_add(host, grown, amplitude);
}

/// The same with the amplitudes of an override.
template <class B, class Module>
[[nodiscard]] Variable<B> forward_overridden(Tape<B>& tape, const LiveSeed<B, Module>& seed,
                                             const Variable<B>& host, const AlphaOverride& chosen) {
    if (!chosen.per_sample()) return forward_blended(tape, seed, host, chosen.values[0]);
    using Scalar = typename B::Scalar;
    const std::vector<Scalar> amplitudes(chosen.values.begin(), chosen.values.end());
    return forward_blended(tape, seed, host, std::span<const Scalar>(amplitudes));
}

}  // namespace kasmina::slot_detail
