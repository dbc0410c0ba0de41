// Pack: a register of numbers, as pointwise callables see it.
#pragma once

#include <cstddef>

#include <kasmina/backends/eigen/elementary.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/normal_distribution.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/pointwise/dual.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// `lanes<T>` numbers on which arithmetic works at once. Elementary functions are those
/// of elementary.hpp and normal_distribution.hpp.
template <class T>
struct Pack {
    Vector<T> values;

    Pack() = default;
    KASMINA_ALWAYS_INLINE explicit Pack(Vector<T> vector) : values(vector) {}

    /// All lanes the same.
    template <Arithmetic C>
    KASMINA_ALWAYS_INLINE explicit Pack(C value) : values(static_cast<T>(value) - Vector<T>{}) {}

    friend Pack operator-(const Pack& a) { return Pack(-a.values); }
    friend Pack operator+(const Pack& a, const Pack& b) { return Pack(a.values + b.values); }
    friend Pack operator-(const Pack& a, const Pack& b) { return Pack(a.values - b.values); }
    friend Pack operator*(const Pack& a, const Pack& b) { return Pack(a.values * b.values); }
    friend Pack operator/(const Pack& a, const Pack& b) { return Pack(a.values / b.values); }

    template <Arithmetic C>
    friend Pack operator+(const Pack& a, C b) {
        return a + Pack(b);
    }
    template <Arithmetic C>
    friend Pack operator+(C a, const Pack& b) {
        return Pack(a) + b;
    }
    template <Arithmetic C>
    friend Pack operator-(const Pack& a, C b) {
        return a - Pack(b);
    }
    template <Arithmetic C>
    friend Pack operator-(C a, const Pack& b) {
        return Pack(a) - b;
    }
    template <Arithmetic C>
    friend Pack operator*(const Pack& a, C b) {
        return a * Pack(b);
    }
    template <Arithmetic C>
    friend Pack operator*(C a, const Pack& b) {
        return Pack(a) * b;
    }
    template <Arithmetic C>
    friend Pack operator/(const Pack& a, C b) {
        return a / Pack(b);
    }
    template <Arithmetic C>
    friend Pack operator/(C a, const Pack& b) {
        return Pack(a) / b;
    }

    friend Pack exp_of(const Pack& x) { return Pack(elementary::exp<T>(x.values)); }
    friend Pack log_of(const Pack& x) { return Pack(elementary::log<T>(x.values)); }
    friend Pack sqrt_of(const Pack& x) { return Pack(elementary::sqrt<T>(x.values)); }
    friend Pack tanh_of(const Pack& x) { return Pack(elementary::tanh<T>(x.values)); }
    friend Pack erf_of(const Pack& x) { return Pack(elementary::erf<T>(x.values)); }
    friend Pack normal_cdf_of(const Pack& x) { return Pack(elementary::normal_cdf<T>(x.values)); }
    friend Pack normal_density_of(const Pack& x) {
        return Pack(elementary::normal_density<T>(x.values));
    }
    friend Pack log1p_of(const Pack& x) { return Pack(elementary::log1p<T>(x.values)); }
    friend Pack expm1_of(const Pack& x) { return Pack(elementary::expm1<T>(x.values)); }
    friend Pack softplus_of(const Pack& x) {
        const auto negative = x.values < Vector<T>{};
        return relu_of(x) + log1p_of(exp_of(Pack(negative ? x.values : -x.values)));
    }
    friend Pack sigmoid_of(const Pack& x) {
        const auto negative = x.values < Vector<T>{};
        const Pack e = exp_of(Pack(negative ? x.values : -x.values));
        return Pack(negative ? e.values : Pack(T{1}).values) / (1 + e);
    }
    friend Pack max_of(const Pack& a, const Pack& b) {
        const auto first = (a.values > b.values) | is_not_a_number<T>(a.values);
        return Pack(first ? a.values : b.values);
    }
    friend Pack relu_of(const Pack& x) { return Pack(rectified<T>(x.values)); }
    friend Pack clamp_of(const Pack& x, double low, double high) {
        const Vector<T> least = Pack(low).values;
        const Vector<T> most = Pack(high).values;
        const Vector<T> raised = x.values < least ? least : x.values;
        const Vector<T> held = raised > most ? most : raised;
        if constexpr (numbers_are_taken_for_finite) {
            return Pack(is_not_a_number<T>(x.values) ? x.values : held);
        } else {
            return Pack(held);
        }
    }
    friend Pack select_equal_of(const Pack& key, double value, const Pack& equal,
                                const Pack& other) {
        return Pack(key.values == Pack(value).values ? equal.values : other.values);
    }
};

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
