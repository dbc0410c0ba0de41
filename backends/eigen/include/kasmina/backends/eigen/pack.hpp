// Pack: a register of numbers, as pointwise callables see it.
#pragma once

#include <cmath>
#include <cstddef>

#include <Eigen/Core>

#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/pointwise/dual.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// `lanes<T>` numbers on which arithmetic works at once. Elementary functions are Eigen's
/// vectorised ones where it has them, else the standard library's, lane by lane.
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

    friend Pack exp_of(const Pack& x) {
        return through_eigen(x, [](const auto& array) { return array.exp(); });
    }
    friend Pack log_of(const Pack& x) {
        return through_eigen(x, [](const auto& array) { return array.log(); });
    }
    friend Pack sqrt_of(const Pack& x) { return Pack(square_root<T>(x.values)); }
    friend Pack tanh_of(const Pack& x) {
        return through_eigen(x, [](const auto& array) { return array.tanh(); });
    }
    friend Pack erf_of(const Pack& x) {
        return through_eigen(
            x, [](const auto& array) { return array.unaryExpr([](T v) { return std::erf(v); }); });
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

private:
// GCC's own AVX-512 intrinsics begin with a register that they leave uninitialised, and g++ 12
// warns of it in whatever they are inlined into. It asks each function on the way there, so this
// one speaks for them, whatever flags a program is compiled with, if they are inlined into it.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
    /// The compiler keeps it all in registers.
    template <class F>
    KASMINA_FLATTEN static Pack through_eigen(const Pack& x, F&& function) {
        using Array = ::Eigen::Array<T, static_cast<int>(lanes<T>), 1>;
        Array argument;
        store(argument.data(), x.values);
        const Array result = function(argument);
        return Pack(load<Vector<T>>(result.data()));
    }
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
};

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
