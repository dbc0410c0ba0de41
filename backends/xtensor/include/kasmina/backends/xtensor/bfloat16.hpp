// bfloat16: what is left of a number that is stored in 16 bits, eight of them significant.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>

#include <kasmina/backends/xtensor/context.hpp>
#include <kasmina/finite.hpp>

namespace kasmina::backends::xtensor_detail {

/// The nearest bfloat16 number, ties to even: a float's range with a significand of 8 bits. Above
/// the greatest one it is infinite; NaN stays NaN.
template <std::floating_point T>
[[nodiscard]] T rounded_to_bfloat16(T value) {
    constexpr int significant_bits = 8;
    constexpr int least_exponent = -133;  // of the least number above 0
    if (value == T{0} || !is_finite(value)) return value;
    int exponent = 0;
    std::frexp(value, &exponent);
    const int last_bit = std::max(exponent - significant_bits, least_exponent);
    // nearbyint rounds ties to even; scaling by a power of two is exact.
    const double rounded =
        std::ldexp(std::nearbyint(std::ldexp(static_cast<double>(value), -last_bit)), last_bit);
    if (std::abs(rounded) >= 0x1.0p128) {
        return std::copysign(std::numeric_limits<T>::infinity(), value);
    }
    return static_cast<T>(rounded);
}

/// Multiplies as the context says: with operands as they are, or rounded to bfloat16. The product
/// of two rounded floats is exact in a float.
struct Multiplication {
    bool fast;

    explicit Multiplication(const Context& context)
        : fast(context.precision() == Precision::fast) {}

    template <class T>
    [[nodiscard]] T operator()(T a, T b) const {
        return fast ? rounded_to_bfloat16(a) * rounded_to_bfloat16(b) : a * b;
    }
};

}  // namespace kasmina::backends::xtensor_detail
