// blend_seed: the host's features and a seed's, mixed by its operator.
#pragma once

#include <kasmina/alpha/blend_algorithm.hpp>
#include <kasmina/autodiff/ops/blend.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/blueprints/seed_module.hpp>
#include <kasmina/nn/gate_network.hpp>

namespace kasmina::slot_detail {

/// What the slot hands on. `input` is what the seed is fed, `gate` its network where the
/// algorithm is gate; `amplitude` is a number, a span with one per sample, or a constant on
/// the tape. It knows no stage: a program that only runs a network has no more of a slot than this.
template <class B, class Amplitude>
[[nodiscard]] Variable<B> blend_seed(Pass<B>& pass, const SeedModule<B>& module,
                                     const nn::GateNetwork<B>* gate, BlendAlgorithm algorithm,
                                     const Variable<B>& host, const Variable<B>& input,
                                     const Amplitude& amplitude) {
    const Variable<B> grown = module.forward(pass, input);
    pass.tap("seed", grown);
    switch (algorithm) {
        case BlendAlgorithm::multiply: return ops::blend_multiply(host, grown, input, amplitude);
        case BlendAlgorithm::gate:
            return ops::blend_gate(host, grown, gate->forward(pass, input), amplitude);
        case BlendAlgorithm::add: break;
    }
    return ops::blend_add(host, grown, amplitude);
}

}  // namespace kasmina::slot_detail
