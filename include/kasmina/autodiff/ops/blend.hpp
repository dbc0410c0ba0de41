// Blends: a seed's output mixed into the host's by an amplitude, one pass over memory each.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/ops/pointwise.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/pointwise/math.hpp>

/// \file
/// Every blend takes the amplitude alpha as a number, or as one number per sample (A-7: there is
/// no alpha tensor to keep; A-8: counterfactual passes bring their own), or as a constant on the
/// tape, of one value or one per sample, that is in [0, 1]: a step that is recorded finds the
/// amplitude of the day there. Numbers are clamped to [0, 1]. Where alpha is 0 the result is the
/// host's value bit for bit, even if the seed's is not finite; where an add blend's alpha is 1 it
/// is the seed's. Host, seed and fed input have one shape (batch, ...), a gate is (batch, 1, ...,
/// 1). Errors: ShapeError; NumericError for an amplitude that is no number.
namespace kasmina::ops {
namespace detail {

// Where alpha is one number, 0 and 1 never reach the kernel; per sample they are selected there.

template <class Scalar>
struct BlendAdd {
    static constexpr std::array derivative_reads{false, false};

    Scalar alpha;

    template <class V>
    constexpr V operator()(const V& host, const V& seed) const {
        return host + (seed - host) * alpha;
    }
};

struct BlendAddPerSample {
    static constexpr std::array derivative_reads{false, false, true};

    template <class V>
    constexpr V operator()(const V& host, const V& seed, const V& alpha) const {
        const V mixed = math::select_equal(alpha, 1.0, seed, host + (seed - host) * alpha);
        return math::select_equal(alpha, 0.0, host, mixed);
    }
};

template <class Scalar>
struct BlendMultiply {
    Scalar alpha;

    template <class V>
    constexpr V operator()(const V& host, const V& seed, const V& fed) const {
        return host * (math::tanh(seed - fed) * alpha + Scalar(1));
    }
};

template <class Scalar>
struct BlendMultiplyPerSample {
    template <class V>
    constexpr V operator()(const V& host, const V& seed, const V& fed, const V& alpha) const {
        const V blended = host * (math::tanh(seed - fed) * alpha + Scalar(1));
        return math::select_equal(alpha, 0.0, host, blended);
    }
};

template <class Scalar>
struct BlendGate {
    Scalar alpha;

    template <class V>
    constexpr V operator()(const V& host, const V& seed, const V& gate) const {
        return host + (seed - host) * (math::clamp(gate, 0.0, 1.0) * alpha);
    }
};

struct BlendGatePerSample {
    template <class V>
    constexpr V operator()(const V& host, const V& seed, const V& gate, const V& alpha) const {
        const V amplitude = math::clamp(gate, 0.0, 1.0) * alpha;
        return math::select_equal(alpha, 0.0, host, host + (seed - host) * amplitude);
    }
};

/// (batch, 1, ..., 1) for states of that shape.
[[nodiscard]] inline Shape per_sample_shape(const Shape& states) {
    switch (states.rank()) {
        case 2: return {states[0], 1};
        case 3: return {states[0], 1, 1};
        case 4: return {states[0], 1, 1, 1};
        default:
            throw ShapeError("a blend needs samples", "ops::blend", "states of rank 2 to 4",
                             to_string(states), "pass maps, sequences or rows");
    }
}

[[nodiscard]] inline double clamped(double alpha) {
    if (is_nan(alpha)) {
        throw NumericError("an amplitude is no number", "ops::blend", "alpha in [0, 1]", "NaN",
                           "check where alpha comes from");
    }
    return std::clamp(alpha, 0.0, 1.0);
}

/// Errors: ShapeError unless `alpha` is one value, or (batch, 1, ..., 1).
inline void require_amplitudes(const char* operation, const Shape& states, const Shape& alpha) {
    if (alpha.elements() != 1) require_shape(operation, "alpha", per_sample_shape(states), alpha);
}

/// Amplitudes on the tape, clamped, one per sample.
template <class B>
[[nodiscard]] Variable<B> amplitudes(const Variable<B>& host,
                                     std::span<const typename B::Scalar> alphas) {
    using Scalar = typename B::Scalar;
    const Shape shape = per_sample_shape(host.shape());
    if (static_cast<Index>(alphas.size()) != shape.elements()) {
        throw ShapeError("amplitudes and samples do not pair up", "ops::blend",
                         std::to_string(shape.elements()) + " amplitudes",
                         std::to_string(alphas.size()), "pass one per sample, or one number");
    }
    const bool inside = std::all_of(alphas.begin(), alphas.end(), [](Scalar alpha) {
        return alpha >= Scalar(0) && alpha <= Scalar(1);
    });
    if (inside) return host.tape().constant(shape, alphas);
    std::vector<Scalar> clean(alphas.begin(), alphas.end());
    for (Scalar& alpha : clean) alpha = static_cast<Scalar>(clamped(static_cast<double>(alpha)));
    return host.tape().constant(shape, clean);
}

}  // namespace detail

/// y = h + a * (s - h).
template <PointwiseBackend B>
[[nodiscard]] Variable<B> blend_add(const Variable<B>& host, const Variable<B>& seed,
                                    double alpha) {
    detail::require_shape("blend_add", "seed", host.shape(), seed.shape());
    const auto amplitude = static_cast<typename B::Scalar>(detail::clamped(alpha));
    if (amplitude == 0) return host;
    if (amplitude == 1) return seed;
    return pointwise(detail::BlendAdd<typename B::Scalar>{amplitude}, host, seed);
}

template <PointwiseBackend B>
[[nodiscard]] Variable<B> blend_add(const Variable<B>& host, const Variable<B>& seed,
                                    const Variable<B>& alpha) {
    detail::require_shape("blend_add", "seed", host.shape(), seed.shape());
    detail::require_amplitudes("blend_add", host.shape(), alpha.shape());
    return pointwise(detail::BlendAddPerSample{}, host, seed, alpha);
}

template <PointwiseBackend B>
[[nodiscard]] Variable<B> blend_add(const Variable<B>& host, const Variable<B>& seed,
                                    std::span<const typename B::Scalar> alphas) {
    return blend_add(host, seed, detail::amplitudes(host, alphas));
}

/// y = h * (1 + a * tanh(s - x)), x what the seed was fed.
template <PointwiseBackend B>
[[nodiscard]] Variable<B> blend_multiply(const Variable<B>& host, const Variable<B>& seed,
                                         const Variable<B>& fed, double alpha) {
    detail::require_shape("blend_multiply", "seed", host.shape(), seed.shape());
    detail::require_shape("blend_multiply", "fed input", host.shape(), fed.shape());
    const auto amplitude = static_cast<typename B::Scalar>(detail::clamped(alpha));
    if (amplitude == 0) return host;
    return pointwise(detail::BlendMultiply<typename B::Scalar>{amplitude}, host, seed, fed);
}

template <PointwiseBackend B>
[[nodiscard]] Variable<B> blend_multiply(const Variable<B>& host, const Variable<B>& seed,
                                         const Variable<B>& fed, const Variable<B>& alpha) {
    detail::require_shape("blend_multiply", "seed", host.shape(), seed.shape());
    detail::require_shape("blend_multiply", "fed input", host.shape(), fed.shape());
    detail::require_amplitudes("blend_multiply", host.shape(), alpha.shape());
    return pointwise(detail::BlendMultiplyPerSample<typename B::Scalar>{}, host, seed, fed, alpha);
}

template <PointwiseBackend B>
[[nodiscard]] Variable<B> blend_multiply(const Variable<B>& host, const Variable<B>& seed,
                                         const Variable<B>& fed,
                                         std::span<const typename B::Scalar> alphas) {
    return blend_multiply(host, seed, fed, detail::amplitudes(host, alphas));
}

/// y = h + a * g * (s - h), g per sample, clamped to [0, 1].
template <PointwiseBackend B>
[[nodiscard]] Variable<B> blend_gate(const Variable<B>& host, const Variable<B>& seed,
                                     const Variable<B>& gate, double alpha) {
    detail::require_shape("blend_gate", "seed", host.shape(), seed.shape());
    detail::require_shape("blend_gate", "gate", detail::per_sample_shape(host.shape()),
                          gate.shape());
    const auto amplitude = static_cast<typename B::Scalar>(detail::clamped(alpha));
    if (amplitude == 0) return host;
    return pointwise(detail::BlendGate<typename B::Scalar>{amplitude}, host, seed, gate);
}

template <PointwiseBackend B>
[[nodiscard]] Variable<B> blend_gate(const Variable<B>& host, const Variable<B>& seed,
                                     const Variable<B>& gate, const Variable<B>& alpha) {
    detail::require_shape("blend_gate", "seed", host.shape(), seed.shape());
    detail::require_shape("blend_gate", "gate", detail::per_sample_shape(host.shape()),
                          gate.shape());
    detail::require_amplitudes("blend_gate", host.shape(), alpha.shape());
    return pointwise(detail::BlendGatePerSample{}, host, seed, gate, alpha);
}

template <PointwiseBackend B>
[[nodiscard]] Variable<B> blend_gate(const Variable<B>& host, const Variable<B>& seed,
                                     const Variable<B>& gate,
                                     std::span<const typename B::Scalar> alphas) {
    return blend_gate(host, seed, gate, detail::amplitudes(host, alphas));
}

}  // namespace kasmina::ops
