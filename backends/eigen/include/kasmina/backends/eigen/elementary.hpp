// Elementary functions of a register of numbers, to two units in the last place: exp, log and tanh,
// and what stays exact next to 0 of them.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/simd.hpp>

/// \file
/// The reductions and the polynomials are those of Moshier, "Methods and Programs for Mathematical
/// Functions" (1989): exp and log after Cody and Waite (1980). Every lane is computed alike, so a
/// number's value does not depend on where it stands. Where a "vector" is one number, the standard
/// library does it.
namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail::elementary {

/// `function` of each lane by itself.
template <class T, class F>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> lane_by_lane(Vector<T> x, F&& function) {
    T numbers[static_cast<std::size_t>(lanes<T>)];
    store(numbers, x);
    for (T& number : numbers) number = function(number);
    return load<Vector<T>>(numbers);
}

#if defined(__GNUC__)

template <class T>
struct Format;

template <>
struct Format<float> {
    using Bits = std::int32_t;
    static constexpr int fraction = 23;
    static constexpr Bits bias = 127;
    static constexpr float ln2_high = 0.693359375F;  ///< times a small whole number it is exact
    static constexpr float ln2_low = -2.12194440e-4F;
    static constexpr float least_exponent = -104.0F;  ///< e to that is 0, or the smallest number
    static constexpr float most_exponent = 89.0F;     ///< e to that is infinite
};

template <>
struct Format<double> {
    using Bits = std::int64_t;
    static constexpr int fraction = 52;
    static constexpr Bits bias = 1023;
    static constexpr double ln2_high = 6.93145751953125e-1;
    static constexpr double ln2_low = 1.42860682030941723212e-6;
    static constexpr double least_exponent = -746.0;
    static constexpr double most_exponent = 710.0;
};

template <class T>
struct BitsOf {
    typedef typename Format<T>::Bits type __attribute__((vector_size(vector_bytes)));
};

/// The bits of a Vector<T>, as whole numbers.
template <class T>
using BitVector = typename BitsOf<T>::type;

template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> all(T value) {
    return value - Vector<T>{};
}

template <class To, class From>
[[nodiscard]] KASMINA_ALWAYS_INLINE To same_bits(From from) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    std::memcpy(&to, &from, sizeof(To));
    return to;
}

/// Coefficients from the highest power down.
template <class V, class T, class... Rest>
[[nodiscard]] KASMINA_ALWAYS_INLINE V polynomial(V x, T first, Rest... rest) {
    V value = first - V{};
    ((value = value * x + rest), ...);
    return value;
}

/// 2 to the power of whole numbers for which that is a normal number.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> power_of_two(BitVector<T> exponent) {
    return same_bits<Vector<T>>((exponent + Format<T>::bias) << Format<T>::fraction);
}

/// fraction * 2^power.
template <class T>
struct Scaled {
    Vector<T> fraction;
    BitVector<T> power;
};

/// e^x, for x of which that is neither 0 nor infinite.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Scaled<T> scaled_exp(Vector<T> x) {
    using F = Format<T>;
    using V = Vector<T>;
    // Added to a number of this size, a sum has no room for a fraction: that rounds it, and the
    // whole number stands in its last bits.
    constexpr T large = T{3} * static_cast<T>(std::int64_t{1} << (F::fraction - 1));
    V rounded = x * static_cast<T>(1.44269504088896340736) + large;
#if defined(__x86_64__)
    asm("" : "+x"(rounded));  // else -ffast-math takes the sum apart again
#endif
    const V whole = rounded - large;
    const BitVector<T> power =
        same_bits<BitVector<T>>(rounded) - same_bits<BitVector<T>>(all<T>(large));
    const V r = x - whole * F::ln2_high - whole * F::ln2_low;
    V result;
    if constexpr (std::same_as<T, float>) {
        result = polynomial(r, 1.9875691500e-4F, 1.3981999507e-3F, 8.3334519073e-3F,
                            4.1665795894e-2F, 1.6666665459e-1F, 5.0000001201e-1F);
        result = result * (r * r) + r + 1.0F;
    } else {
        const V square = r * r;
        const V odd =
            r * polynomial(square, 1.26177193074810590878e-4, 3.02994407707441961300e-2, 1.0);
        const V even = polynomial(square, 3.00198505138664455042e-6, 2.52448340349684104192e-3,
                                  2.27265548208155028766e-1, 2.0);
        result = 1.0 + 2.0 * (odd / (even - odd));
    }
    return {result, power};
}

template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> exp(Vector<T> x) {
    using F = Format<T>;
    using V = Vector<T>;
    const V least = all<T>(F::least_exponent);
    const V most = all<T>(F::most_exponent);
    V clamped = x < least ? least : x;
    clamped = clamped > most ? most : clamped;
    const auto [fraction, power] = scaled_exp<T>(clamped);
    // In two steps, so that results next to overflow and underflow come out.
    const BitVector<T> half = power >> 1;
    const V result = fraction * power_of_two<T>(half) * power_of_two<T>(power - half);
    return is_not_a_number<T>(x) ? x : result;
}

/// The same where e^x is a normal number, or x is NaN.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> exp_within(Vector<T> x) {
    const auto [fraction, power] = scaled_exp<T>(x);
    return fraction * power_of_two<T>(power);
}

/// log(1 + f) + power * ln 2, for f between sqrt(1/2) - 1 and sqrt(2) - 1.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> log_of_parts(Vector<T> f, Vector<T> power) {
    using V = Vector<T>;
    const V square = f * f;
    V result;
    if constexpr (std::same_as<T, float>) {
        result = f * square *
                 polynomial(f, 7.0376836292e-2F, -1.1514610310e-1F, 1.1676998740e-1F,
                            -1.2420140846e-1F, 1.4249322787e-1F, -1.6668057665e-1F,
                            2.0000714765e-1F, -2.4999993993e-1F, 3.3333331174e-1F);
    } else {
        const V above = polynomial(f, 1.01875663804580931796e-4, 4.97494994976747001425e-1,
                                   4.70579119878881725854e0, 1.44989225341610930846e1,
                                   1.79368678507819816313e1, 7.70838733755885391666e0);
        const V below = polynomial(f, 1.0, 1.12873587189167450590e1, 4.52279145837532221105e1,
                                   8.29875266912776603211e1, 7.11544750618563894466e1,
                                   2.31251620126765340583e1);
        result = f * square * (above / below);
    }
    // ln 2 in two parts, of which the first times any exponent is exact.
    constexpr T ln2_low = static_cast<T>(-2.121944400546905827679e-4);
    constexpr T ln2_high = static_cast<T>(0.693359375);
    result = result + power * ln2_low - square * static_cast<T>(0.5);
    return f + result + power * ln2_high;
}

template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> log(Vector<T> x) {
    using F = Format<T>;
    using V = Vector<T>;
    using Bits = BitVector<T>;
    constexpr auto denormal_power = F::fraction + 2;
    const auto small = x < all<T>(std::numeric_limits<T>::min());
    const V normal = small ? x * static_cast<T>(std::int64_t{1} << denormal_power) : x;
    const Bits bits = same_bits<Bits>(normal);
    // x = fraction * 2^power with the fraction between sqrt(1/2) and sqrt(2).
    Bits power = ((bits >> F::fraction) & (2 * F::bias + 1)) - (F::bias - 1);
    const Bits kept =
        (bits & ((typename F::Bits{1} << F::fraction) - 1)) | ((F::bias - 1) << F::fraction);
    V fraction = same_bits<V>(kept);
    const auto low = fraction < all<T>(static_cast<T>(0.70710678118654752440));
    power = power + (low ? Bits{} - 1 : Bits{});
    power = power - (small ? Bits{} + denormal_power : Bits{});
    const V f = (low ? fraction + fraction : fraction) - static_cast<T>(1);
    V result = log_of_parts<T>(f, __builtin_convertvector(power, V));
    constexpr T infinity = std::numeric_limits<T>::infinity();
    result = x == all<T>(infinity) ? x : result;
    result = x == Vector<T>{} ? all<T>(-infinity) : result;
    const auto none = (x < Vector<T>{}) | is_not_a_number<T>(x);
    return none ? all<T>(std::numeric_limits<T>::quiet_NaN()) : result;
}

/// log(1 + x), which is about x next to 0.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> log1p(Vector<T> x) {
    const auto near = (x > all<T>(static_cast<T>(-0.29))) & (x < all<T>(static_cast<T>(0.41)));
    return near ? log_of_parts<T>(near ? x : Vector<T>{}, Vector<T>{})
                : log<T>(x + static_cast<T>(1));
}

template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> tanh(Vector<T> x) {
    using V = Vector<T>;
    // Beyond this it is 1 to the last digit, and nothing on the way to it overflows.
    const V most = all<T>(static_cast<T>(22));
    V held = x > most ? most : x;
    held = held < -most ? -most : held;
    const V size = held < V{} ? -held : held;
    const V square = held * held;
    V near;
    if constexpr (std::same_as<T, float>) {
        near = polynomial(square, -5.70498872745e-3F, 2.06390887954e-2F, -5.37397155531e-2F,
                          1.33314422036e-1F, -3.33332819422e-1F);
    } else {
        const V above = polynomial(square, -9.64399179425052238628e-1, -9.92877231001918586564e1,
                                   -1.61468768441708447952e3);
        const V below = polynomial(square, 1.0, 1.12811678491632931402e2, 2.23548839060100448583e3,
                                   4.84406305325125486048e3);
        near = above / below;
    }
    near = held + held * (square * near);
    const V far = static_cast<T>(1) - static_cast<T>(2) / (exp<T>(size + size) + static_cast<T>(1));
    const V result = size < all<T>(static_cast<T>(0.625)) ? near : (held < V{} ? -far : far);
    return is_not_a_number<T>(x) ? x : result;
}

/// e^x - 1, which is about x next to 0: by e^x - 1 = 2 t / (1 - t) with t = tanh(x / 2).
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> expm1(Vector<T> x) {
    using V = Vector<T>;
    constexpr T one = static_cast<T>(1);
    const auto near = (x > all<T>(static_cast<T>(-0.7))) & (x < all<T>(static_cast<T>(0.5)));
    const V t = tanh<T>((near ? x : V{}) * static_cast<T>(0.5));
    return near ? (t + t) / (one - t) : exp<T>(x) - one;
}

#else

template <class T>
[[nodiscard]] Vector<T> exp(Vector<T> x) {
    return std::exp(x);
}
template <class T>
[[nodiscard]] Vector<T> log(Vector<T> x) {
    return std::log(x);
}
template <class T>
[[nodiscard]] Vector<T> tanh(Vector<T> x) {
    return std::tanh(x);
}
template <class T>
[[nodiscard]] Vector<T> log1p(Vector<T> x) {
    return std::log1p(x);
}
template <class T>
[[nodiscard]] Vector<T> expm1(Vector<T> x) {
    return std::expm1(x);
}
#endif

/// The square roots, rounded once each.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> sqrt(Vector<T> x) {
#if defined(__GNUC__) && defined(__AVX512F__)
    // Masked: the plain intrinsic begins with a register that g++ 12 finds uninitialised.
    if constexpr (std::same_as<T, float>) {
        return _mm512_maskz_sqrt_ps(static_cast<__mmask16>(0xffff), x);
    } else {
        return _mm512_maskz_sqrt_pd(static_cast<__mmask8>(0xff), x);
    }
#elif defined(__GNUC__) && defined(__AVX__)
    if constexpr (std::same_as<T, float>) {
        return _mm256_sqrt_ps(x);
    } else {
        return _mm256_sqrt_pd(x);
    }
#elif defined(__GNUC__) && defined(__SSE2__)
    if constexpr (std::same_as<T, float>) {
        return _mm_sqrt_ps(x);
    } else {
        return _mm_sqrt_pd(x);
    }
#else
    return lane_by_lane<T>(x, [](T number) { return std::sqrt(number); });
#endif
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail::elementary
