// Functions of numbers of any kind - built-in, SIMD, dual - that pointwise callables are made of.
#pragma once

#include <kasmina/requirements.hpp>

#include <cmath>
#include <concepts>

#include <kasmina/finite.hpp>

/// \file
/// A pointwise callable is written once, on numbers of a type V that it does not know:
///
///     struct Swish {
///         template <class V>
///         V operator()(const V& x) const { return x * kasmina::math::sigmoid(x); }
///     };
///
/// V has + - * / with itself and with constants, and the functions below. Other kinds of number
/// provide `exp_of(v)`, `max_of(a, b)` and so on, found by argument-dependent look-up.
namespace kasmina::math {

template <class V>
[[nodiscard]] constexpr V exp(const V& x) {
    if constexpr (std::floating_point<V>) {
        return std::exp(x);
    } else {
        return exp_of(x);
    }
}

template <class V>
[[nodiscard]] constexpr V log(const V& x) {
    if constexpr (std::floating_point<V>) {
        return std::log(x);
    } else {
        return log_of(x);
    }
}

template <class V>
[[nodiscard]] constexpr V sqrt(const V& x) {
    if constexpr (std::floating_point<V>) {
        return std::sqrt(x);
    } else {
        return sqrt_of(x);
    }
}

template <class V>
[[nodiscard]] constexpr V tanh(const V& x) {
    if constexpr (std::floating_point<V>) {
        return std::tanh(x);
    } else {
        return tanh_of(x);
    }
}

template <class V>
[[nodiscard]] constexpr V erf(const V& x) {
    if constexpr (std::floating_point<V>) {
        return std::erf(x);
    } else {
        return erf_of(x);
    }
}

/// The density of the standard normal distribution.
template <class V>
[[nodiscard]] constexpr V normal_density(const V& x) {
    if constexpr (std::floating_point<V>) {
        return std::exp(x * x * V(-0.5)) * V(0.39894228040143267794);
    } else {
        return normal_density_of(x);
    }
}

/// The standard normal distribution function, (1 + erf(x / sqrt(2))) / 2.
template <class V>
[[nodiscard]] constexpr V normal_cdf(const V& x) {
    if constexpr (std::floating_point<V>) {
        return std::erfc(x * V(-0.70710678118654752440)) * V(0.5);
    } else {
        return normal_cdf_of(x);
    }
}

/// log(1 + x), exact next to 0.
template <class V>
[[nodiscard]] constexpr V log1p(const V& x) {
    if constexpr (std::floating_point<V>) {
        return std::log1p(x);
    } else {
        return log1p_of(x);
    }
}

/// e^x - 1, exact next to 0.
template <class V>
[[nodiscard]] constexpr V expm1(const V& x) {
    if constexpr (std::floating_point<V>) {
        return std::expm1(x);
    } else {
        return expm1_of(x);
    }
}

/// The greater of two, NaN if either is; between equals the derivative is split in halves, as
/// PyTorch does.
template <class V>
[[nodiscard]] constexpr V maximum(const V& a, const V& b) {
    if constexpr (std::floating_point<V>) {
        return a > b || is_nan(a) ? a : b;
    } else {
        return max_of(a, b);
    }
}

/// max(x, 0), with derivative 0 at 0; NaN stays NaN.
template <class V>
[[nodiscard]] constexpr V relu(const V& x) {
    if constexpr (std::floating_point<V>) {
        if (numbers_are_taken_for_finite && is_nan(x)) return x;
        return x < V(0) ? V(0) : x;
    } else {
        return relu_of(x);
    }
}

/// `x` held in [low, high]; the derivative is 1 inside and at the bounds, 0 outside.
template <class V>
[[nodiscard]] constexpr V clamp(const V& x, double low, double high) {
    if constexpr (std::floating_point<V>) {
        const V least = static_cast<V>(low);
        const V most = static_cast<V>(high);
        if (numbers_are_taken_for_finite && is_nan(x)) return x;
        return x < least ? least : (x > most ? most : x);
    } else {
        return clamp_of(x, low, high);
    }
}

/// `equal` where key == value, else `other`; the key has no derivative.
template <class V>
[[nodiscard]] constexpr V select_equal(const V& key, double value, const V& equal, const V& other) {
    if constexpr (std::floating_point<V>) {
        return key == static_cast<V>(value) ? equal : other;
    } else {
        return select_equal_of(key, value, equal, other);
    }
}

/// log(1 + e^x), which is max(x, 0) + log(1 + e^-|x|) and never overflows.
template <class V>
[[nodiscard]] constexpr V softplus(const V& x) {
    if constexpr (std::floating_point<V>) {
        return relu(x) + std::log1p(std::exp(x < V(0) ? x : -x));
    } else {
        return softplus_of(x);
    }
}

/// 1 / (1 + e^-x), of e^-|x|, which never overflows.
template <class V>
[[nodiscard]] constexpr V sigmoid(const V& x) {
    if constexpr (std::floating_point<V>) {
        const V e = std::exp(x < V(0) ? x : -x);
        return (x < V(0) ? e : V(1)) / (V(1) + e);
    } else {
        return sigmoid_of(x);
    }
}

}  // namespace kasmina::math
