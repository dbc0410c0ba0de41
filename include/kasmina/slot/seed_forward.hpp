// A live seed in a forward pass: behind the host, or blended with it.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include <kasmina/autodiff/ops/alias.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/slot/alpha_overrides.hpp>
#include <kasmina/slot/blend_seed.hpp>
#include <kasmina/slot/live_seed.hpp>

namespace kasmina::slot_detail {

/// Behind the host: the host's features bit for bit, with the gradient for both (I-1, I-2).
template <class B>
[[nodiscard]] Variable<B> forward_behind(Pass<B>& pass, const LiveSeed<B>& seed,
                                         const Variable<B>& host) {
    Pass<B> own = pass.drawing_from(&seed.random());
    const Variable<B> grown = seed.module().forward(own, own.detach(host));
    pass.tap("seed", grown);
    return ops::straight_through(host, grown);
}

/// Mixed with the host by the seed's operator. `amplitude` is a number, a span with one per
/// sample, or a constant on the tape (RecordedAmplitude). Under isolation no gradient comes
/// through the seed, and none is lost beside it either: add and gate hand the host the whole of the
/// output's gradient, as if the seed were not there, where the operator alone would leave it a
/// share that falls to nothing with a rising amplitude (I-3). With multiply the host's factor is
/// one plus the seed's part: nothing falls.
template <class B, class Amplitude>
[[nodiscard]] Variable<B> forward_blended(Pass<B>& pass, const LiveSeed<B>& seed,
                                          const Variable<B>& host, const Amplitude& amplitude) {
    Pass<B> own = pass.drawing_from(&seed.random());
    const BlendAlgorithm algorithm = seed.blend().algorithm;
    const auto blend = [&](const Variable<B>& features, const Variable<B>& fed) {
        return blend_seed(own, seed.module(), seed.gate(), algorithm, features, fed, amplitude);
    };
    if (!seed.isolated) return blend(host, host);
    const Variable<B> fed = own.detach(host);
    if (algorithm == BlendAlgorithm::multiply) return blend(host, fed);
    const Variable<B> blended = blend(fed, fed);
    return host.requires_gradient() ? ops::straight_through(blended, host) : blended;
}

/// The same at an amplitude of 0, in a pass that records: the host's features bit for bit, and no
/// gradient for the seed. That a trainable seed was there shows all the same, so that a loss of
/// a frozen host is one that backward can be run from; it reaches nothing.
template <class B>
[[nodiscard]] Variable<B> forward_unheard(Pass<B>& pass, const LiveSeed<B>& seed,
                                          const Variable<B>& host) {
    const Variable<B> unheard = forward_blended(pass, seed, host, 0.0);
    if (host.requires_gradient()) return unheard;
    const auto& parameters = seed.contents().parameters;
    const auto learns = std::ranges::find_if(
        parameters, [](const auto& named) { return named.parameter->trainable(); });
    if (learns == parameters.end()) return unheard;
    return ops::with_unused(unheard, pass.parameter(*learns->parameter));
}

/// The same with the amplitudes of an override.
template <class B>
[[nodiscard]] Variable<B> forward_overridden(Pass<B>& pass, const LiveSeed<B>& seed,
                                             const Variable<B>& host, const AlphaOverride& chosen) {
    if (!chosen.per_sample()) return forward_blended(pass, seed, host, chosen.values[0]);
    using Scalar = typename B::Scalar;
    const std::vector<Scalar> amplitudes(chosen.values.begin(), chosen.values.end());
    return forward_blended(pass, seed, host, std::span<const Scalar>(amplitudes));
}

/// Whether a pass has anything to do with a seed of that stage and amplitude: one that does not
/// record skips a seed in training, and so does any that finds it taught by passes of its own
/// (I-9); an amplitude of 0 skips the seed altogether.
[[nodiscard]] constexpr bool runs(Stage stage, double alpha, bool is_taught,
                                  bool recording) noexcept {
    if (!is_active(stage)) return false;
    if (stage == Stage::training) return recording && !is_taught;
    return recording || alpha != 0.0;
}

/// The host's features with the seed's influence: the features themselves while there is none, the
/// straight-through of a seed in training (I-2), else the blend (S-10).
template <class B>
[[nodiscard]] Variable<B> forward_in_stage(Pass<B>& pass, Stage stage, double alpha,
                                           const LiveSeed<B>& seed, const Variable<B>& host) {
    if (!runs(stage, alpha, seed.is_taught(), pass.recording())) return host;
    if (stage == Stage::training) return forward_behind(pass, seed, host);
    if (alpha == 0.0) return forward_unheard(pass, seed, host);
    if constexpr (RecordedAmplitude<B>::is_used) {
        const Tensor<B>* amplitude = seed.recorded_amplitude.find(alpha);
        if (pass.recording() && amplitude != nullptr) {
            return forward_blended(pass, seed, host, pass.constant(*amplitude));
        }
    }
    return forward_blended(pass, seed, host, alpha);
}

/// What the features would be with the seed at its target amplitude: where a seed in training is
/// taught from (I-9). Its input is cut off from the host, as all of the features are.
template <class B>
[[nodiscard]] Variable<B> forward_taught(Pass<B>& pass, const LiveSeed<B>& seed,
                                         const Variable<B>& host) {
    return forward_blended(pass, seed, pass.detach(host), seed.blend().alpha_target);
}

}  // namespace kasmina::slot_detail
