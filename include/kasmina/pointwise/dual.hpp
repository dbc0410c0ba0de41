// Dual: a number with its derivatives, so that a pointwise callable differentiates itself.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <type_traits>

#include <kasmina/pointwise/math.hpp>

namespace kasmina {

/// A constant in a pointwise callable: it becomes a number of the callable's own kind.
template <class C>
concept Arithmetic = std::is_arithmetic_v<C>;

/// Forward-mode dual number over V (built-in or SIMD) with N derivatives. Conventions where a
/// function has a corner are PyTorch's (see math.hpp).
template <class V, std::size_t N>
struct Dual {
    V value{};
    std::array<V, N> derivatives{};

    constexpr Dual() = default;
    constexpr explicit Dual(const V& number) : value(number) {}
    template <Arithmetic C>
    constexpr explicit Dual(C number) : value(V(number)) {}

    /// The variable that derivative `index` is with respect to.
    [[nodiscard]] static constexpr Dual variable(const V& number, std::size_t index) {
        Dual dual(number);
        dual.derivatives[index] = V(1);
        return dual;
    }

    /// f(value) with derivative `slope` times this one's.
    [[nodiscard]] constexpr Dual chain(const V& result, const V& slope) const {
        Dual dual(result);
        for (std::size_t i = 0; i < N; ++i) dual.derivatives[i] = slope * derivatives[i];
        return dual;
    }

    friend constexpr Dual operator-(const Dual& a) { return a.chain(-a.value, V(-1)); }

    friend constexpr Dual operator+(const Dual& a, const Dual& b) {
        Dual sum(a.value + b.value);
        for (std::size_t i = 0; i < N; ++i) {
            sum.derivatives[i] = a.derivatives[i] + b.derivatives[i];
        }
        return sum;
    }
    friend constexpr Dual operator-(const Dual& a, const Dual& b) {
        Dual difference(a.value - b.value);
        for (std::size_t i = 0; i < N; ++i) {
            difference.derivatives[i] = a.derivatives[i] - b.derivatives[i];
        }
        return difference;
    }
    friend constexpr Dual operator*(const Dual& a, const Dual& b) {
        Dual product(a.value * b.value);
        for (std::size_t i = 0; i < N; ++i) {
            product.derivatives[i] = a.derivatives[i] * b.value + a.value * b.derivatives[i];
        }
        return product;
    }
    friend constexpr Dual operator/(const Dual& a, const Dual& b) {
        const V quotient = a.value / b.value;
        Dual result(quotient);
        for (std::size_t i = 0; i < N; ++i) {
            result.derivatives[i] = (a.derivatives[i] - quotient * b.derivatives[i]) / b.value;
        }
        return result;
    }

    template <Arithmetic C>
    friend constexpr Dual operator+(const Dual& a, C b) {
        Dual sum = a;
        sum.value = a.value + V(b);
        return sum;
    }
    template <Arithmetic C>
    friend constexpr Dual operator+(C a, const Dual& b) {
        return b + a;
    }
    template <Arithmetic C>
    friend constexpr Dual operator-(const Dual& a, C b) {
        Dual difference = a;
        difference.value = a.value - V(b);
        return difference;
    }
    template <Arithmetic C>
    friend constexpr Dual operator-(C a, const Dual& b) {
        return b.chain(V(a) - b.value, V(-1));
    }
    template <Arithmetic C>
    friend constexpr Dual operator*(const Dual& a, C b) {
        return a.chain(a.value * V(b), V(b));
    }
    template <Arithmetic C>
    friend constexpr Dual operator*(C a, const Dual& b) {
        return b * a;
    }
    template <Arithmetic C>
    friend constexpr Dual operator/(const Dual& a, C b) {
        return a.chain(a.value / V(b), V(1) / V(b));
    }
    template <Arithmetic C>
    friend constexpr Dual operator/(C a, const Dual& b) {
        const V quotient = V(a) / b.value;
        return b.chain(quotient, -quotient / b.value);
    }

    friend constexpr Dual exp_of(const Dual& x) {
        const V result = math::exp(x.value);
        return x.chain(result, result);
    }
    friend constexpr Dual log_of(const Dual& x) {
        return x.chain(math::log(x.value), V(1) / x.value);
    }
    friend constexpr Dual sqrt_of(const Dual& x) {
        const V result = math::sqrt(x.value);
        return x.chain(result, V(0.5) / result);
    }
    friend constexpr Dual tanh_of(const Dual& x) {
        const V result = math::tanh(x.value);
        return x.chain(result, V(1) - result * result);
    }
    friend constexpr Dual sigmoid_of(const Dual& x) {
        const V result = math::sigmoid(x.value);
        return x.chain(result, result * (V(1) - result));
    }
    friend constexpr Dual erf_of(const Dual& x) {
        constexpr double two_over_sqrt_pi = 1.1283791670955126;
        return x.chain(math::erf(x.value), math::exp(-(x.value * x.value)) * V(two_over_sqrt_pi));
    }
    friend constexpr Dual normal_density_of(const Dual& x) {
        const V result = math::normal_density(x.value);
        return x.chain(result, -x.value * result);
    }
    friend constexpr Dual normal_cdf_of(const Dual& x) {
        return x.chain(math::normal_cdf(x.value), math::normal_density(x.value));
    }
    friend constexpr Dual log1p_of(const Dual& x) {
        return x.chain(math::log1p(x.value), V(1) / (V(1) + x.value));
    }
    friend constexpr Dual expm1_of(const Dual& x) {
        return x.chain(math::expm1(x.value), math::exp(x.value));
    }
    friend constexpr Dual softplus_of(const Dual& x) {
        return x.chain(math::softplus(x.value), math::sigmoid(x.value));
    }
    friend constexpr Dual max_of(const Dual& a, const Dual& b) {
        const V difference = a.value - b.value;
        const V strictly = math::select_equal(math::relu(difference), 0.0, V(0), V(1));
        const V share = math::select_equal(difference, 0.0, V(0.5), strictly);
        Dual result(math::maximum(a.value, b.value));
        for (std::size_t i = 0; i < N; ++i) {
            result.derivatives[i] = share * a.derivatives[i] + (V(1) - share) * b.derivatives[i];
        }
        return result;
    }
    friend constexpr Dual relu_of(const Dual& x) {
        const V result = math::relu(x.value);
        return x.chain(result, math::select_equal(result, 0.0, V(0), V(1)));
    }
    friend constexpr Dual clamp_of(const Dual& x, double low, double high) {
        const V result = math::clamp(x.value, low, high);
        return x.chain(result, math::select_equal(result - x.value, 0.0, V(1), V(0)));
    }
    friend constexpr Dual select_equal_of(const Dual& key, double match, const Dual& equal,
                                          const Dual& other) {
        Dual result(math::select_equal(key.value, match, equal.value, other.value));
        for (std::size_t i = 0; i < N; ++i) {
            result.derivatives[i] =
                math::select_equal(key.value, match, equal.derivatives[i], other.derivatives[i]);
        }
        return result;
    }
};

}  // namespace kasmina
