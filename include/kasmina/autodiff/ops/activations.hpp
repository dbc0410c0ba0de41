// relu, sigmoid, gelu and their like: activations by themselves, where nothing is fused with them.
#pragma once

#include <limits>

#include <kasmina/autodiff/ops/pointwise.hpp>
#include <kasmina/check_option.hpp>
#include <kasmina/pointwise/math.hpp>

namespace kasmina::ops {

struct Relu {
    template <class V>
    constexpr V operator()(const V& x) const {
        return math::relu(x);
    }
};

struct Sigmoid {
    template <class V>
    constexpr V operator()(const V& x) const {
        return math::sigmoid(x);
    }
};

struct Tanh {
    template <class V>
    constexpr V operator()(const V& x) const {
        return math::tanh(x);
    }
};

namespace detail {

/// x up to 0, and 0 above it; the derivative at 0 is 1.
template <class Scalar, class V>
[[nodiscard]] constexpr V up_to_zero(const V& x) {
    return math::clamp(x, -std::numeric_limits<Scalar>::infinity(), 0.0);
}

}  // namespace detail

struct Gelu {
    template <class V>
    constexpr V operator()(const V& x) const {
        return x * math::normal_cdf(x);
    }
};

// Constants are numbers of the backend's own kind: a double would take all of it to double.

template <class Scalar>
struct GeluTanh {
    template <class V>
    constexpr V operator()(const V& x) const {
        constexpr Scalar root_two_over_pi = Scalar(0.79788456080286535588);
        const V inner = (x + x * x * x * Scalar(0.044715)) * root_two_over_pi;
        return x * (math::tanh(inner) + Scalar(1)) * Scalar(0.5);
    }
};

struct Silu {
    template <class V>
    constexpr V operator()(const V& x) const {
        return x * math::sigmoid(x);
    }
};

template <class Scalar>
struct LeakyRelu {
    Scalar negative_slope;

    template <class V>
    constexpr V operator()(const V& x) const {
        return math::relu(x) + detail::up_to_zero<Scalar>(x) * negative_slope;
    }
};

template <class Scalar>
struct Elu {
    Scalar alpha;

    template <class V>
    constexpr V operator()(const V& x) const {
        return math::relu(x) + math::expm1(detail::up_to_zero<Scalar>(x)) * alpha;
    }
};

template <class Scalar>
struct Softplus {
    Scalar beta;

    template <class V>
    constexpr V operator()(const V& x) const {
        return math::softplus(x * beta) / beta;
    }
};

/// max(x, 0), with gradient 0 at 0.
template <PointwiseBackend B>
[[nodiscard]] Variable<B> relu(const Variable<B>& input) {
    return pointwise(Relu{}, input);
}

/// 1 / (1 + exp(-x)).
template <PointwiseBackend B>
[[nodiscard]] Variable<B> sigmoid(const Variable<B>& input) {
    return pointwise(Sigmoid{}, input);
}

template <PointwiseBackend B>
[[nodiscard]] Variable<B> tanh(const Variable<B>& input) {
    return pointwise(Tanh{}, input);
}

/// x times the normal distribution function of x, exactly (Hendrycks and Gimpel, "Gaussian error
/// linear units", 2016): PyTorch's default.
template <PointwiseBackend B>
[[nodiscard]] Variable<B> gelu(const Variable<B>& input) {
    return pointwise(Gelu{}, input);
}

/// The same by a tanh, as GPT-2 has it: PyTorch's approximate="tanh".
template <PointwiseBackend B>
[[nodiscard]] Variable<B> gelu_tanh(const Variable<B>& input) {
    return pointwise(GeluTanh<typename B::Scalar>{}, input);
}

/// x * sigmoid(x), also known as swish.
template <PointwiseBackend B>
[[nodiscard]] Variable<B> silu(const Variable<B>& input) {
    return pointwise(Silu{}, input);
}

/// x above 0, else negative_slope * x, with that derivative at 0 too. Errors: OptionError for a
/// slope that is no number.
template <PointwiseBackend B>
[[nodiscard]] Variable<B> leaky_relu(const Variable<B>& input, double negative_slope = 0.01) {
    check_option("ops::leaky_relu", "negative_slope", negative_slope,
                 OptionRange::any().as<typename B::Scalar>());
    return pointwise(LeakyRelu<typename B::Scalar>{static_cast<typename B::Scalar>(negative_slope)},
                     input);
}

/// x above 0, else alpha * (e^x - 1). Errors: OptionError for an alpha that is no number.
template <PointwiseBackend B>
[[nodiscard]] Variable<B> elu(const Variable<B>& input, double alpha = 1.0) {
    check_option("ops::elu", "alpha", alpha, OptionRange::any().as<typename B::Scalar>());
    return pointwise(Elu<typename B::Scalar>{static_cast<typename B::Scalar>(alpha)}, input);
}

/// log(1 + e^(beta * x)) / beta. Errors: OptionError unless beta is above 0.
template <PointwiseBackend B>
[[nodiscard]] Variable<B> softplus(const Variable<B>& input, double beta = 1.0) {
    check_option("ops::softplus", "beta", beta, OptionRange::above(0.0).as<typename B::Scalar>());
    return pointwise(Softplus<typename B::Scalar>{static_cast<typename B::Scalar>(beta)}, input);
}

}  // namespace kasmina::ops
