// Stretched: a value repeated over rows, as biases are, whose gradient is the sum over them.
#pragma once

#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backend/pointwise.hpp>

namespace kasmina::ops::detail {

struct Stretched {
    template <class V>
    constexpr V operator()(const V& value) const {
        return value;
    }
};

/// The gradient of a bias (channels) from that of what it was added to, (rows, channels).
template <PointwiseBackend B>
void bias_pullback(Tape<B>& tape, const typename B::Scalar* upstream, Index rows, Index channels,
                   const GradientTarget<typename B::Scalar>& target) {
    // The bias itself is not read; the gradient stands in its place.
    B::map_pullback(
        tape.context(), Stretched{},
        MapPullback<typename B::Scalar, 1>{.geometry = {rows, 1, channels},
                                           .operands = {{{upstream, Broadcast::channel}}},
                                           .upstream = upstream,
                                           .targets = {{target}}});
}

}  // namespace kasmina::ops::detail
