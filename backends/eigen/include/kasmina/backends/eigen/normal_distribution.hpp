// erf and the normal distribution of a register of numbers, to a few units in the last place.
#pragma once

#include <cmath>
#include <concepts>

#include <kasmina/backends/eigen/elementary.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/pointwise/math.hpp>

/// \file
/// The polynomials are Moshier's (elementary.hpp), but for the tails in float, which were fitted
/// for this file: what is far from 0 needs no more digits than 1 has.
namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail::elementary {

#if defined(__GNUC__)

template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> magnitude(Vector<T> x) {
    return x < Vector<T>{} ? -x : x;
}

/// erf(x) / x by x^2, where |x| is at most 1.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> erf_share(Vector<T> square) {
    if constexpr (std::same_as<T, float>) {
        return polynomial(square, 7.853861353153693e-5F, -8.010193625184903e-4F,
                          5.188327685732524e-3F, -2.685381193529856e-2F, 1.128358514861418e-1F,
                          -3.761262582423300e-1F, 1.128379165726710e0F);
    } else {
        return polynomial(square, 9.60497373987051638749e0, 9.00260197203842689217e1,
                          2.23200534594684319226e3, 7.00332514112805075473e3,
                          5.55923013010394962768e4) /
               polynomial(square, 1.0, 3.35617141647503099647e1, 5.21357949780152679795e2,
                          4.59432382970980127987e3, 2.26290000613890934246e4,
                          4.92673942608635921086e4);
    }
}

/// (1 - erf(x)) * e^(x^2) for x from 1 to 8.
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<double> scaled_erfc(Vector<double> x) {
    return polynomial(x, 2.46196981473530512524e-10, 5.64189564831068821977e-1,
                      7.46321056442269912687e0, 4.86371970985681366614e1, 1.96520832956077098242e2,
                      5.26445194995477358631e2, 9.34528527171957607540e2, 1.02755188689515710272e3,
                      5.57535335369399327526e2) /
           polynomial(x, 1.0, 1.32281951154744992508e1, 8.67072140885989742329e1,
                      3.54937778887819891062e2, 9.75708501743205489753e2, 1.82390916687909736289e3,
                      2.24633760818710981792e3, 1.65666309194161350182e3, 5.57535340817727675546e2);
}

template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> erf(Vector<T> x) {
    using V = Vector<T>;
    // Beyond this it is 1 to the last digit.
    const V most = all<T>(static_cast<T>(std::same_as<T, float> ? 4.0 : 6.0));
    V size = magnitude<T>(x);
    size = size > most ? most : size;
    V rest;  // 1 - erf
    if constexpr (std::same_as<T, float>) {
        rest = exp_within<T>(polynomial(size, -1.881459473e-5F, 4.045790138e-4F, -4.008729361e-3F,
                                        2.464535043e-2F, -1.074757400e-1F, -6.341404255e-1F,
                                        -1.129093014e0F, 8.129241415e-5F));
    } else {
        rest = exp_within<T>(-(size * size)) * scaled_erfc(size);
    }
    const V far = static_cast<T>(1) - rest;
    const V result =
        size < all<T>(static_cast<T>(1)) ? x * erf_share<T>(size * size) : (x < V{} ? -far : far);
    return is_not_a_number<T>(x) ? x : result;
}

/// e^(-x^2 / 2), and 0 from where that would be no normal number.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> bell(Vector<T> x) {
    const Vector<T> most = all<T>(static_cast<T>(std::same_as<T, float> ? 13.0 : 37.5));
    const Vector<T> size = magnitude<T>(x);
    const Vector<T> held = size > most ? most : size;
    const Vector<T> power = exp_within<T>(held * held * static_cast<T>(-0.5));
    return size > most ? Vector<T>{} : power;
}

/// The normal density e^(-x^2 / 2) / sqrt(2 pi), to a few units.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> normal_density(Vector<T> x) {
    const Vector<T> result = bell<T>(x) * static_cast<T>(0.39894228040143267794);
    return is_not_a_number<T>(x) ? x : result;
}

/// The normal distribution function (1 + erf(x / sqrt(2))) / 2. Exact to some units of what is next
/// to 1: small values, on the left, are that too, and no closer.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> normal_cdf(Vector<T> x) {
    using V = Vector<T>;
    constexpr T one = static_cast<T>(1);
    const V size = magnitude<T>(x);
    V result;
    if constexpr (std::same_as<T, float>) {
        // The left tail, divided by the bell, which is a part of normal_density too.
        const V most = all<T>(5.6F);
        const V held = size > most ? most : size;
        const V tail = bell<T>(x) * polynomial(held, 4.297568338e-8F, -1.254269905e-6F,
                                               1.652161647e-5F, -1.314468503e-4F, 7.175704814e-4F,
                                               -2.919162697e-3F, 9.464501393e-3F, -2.588850395e-2F,
                                               6.215857022e-2F, -1.328824049e-1F, 2.499852971e-1F,
                                               -3.989414193e-1F, 4.999999917e-1F);
        result = x < V{} ? tail : one - tail;
    } else {
        constexpr T root_half = 0.70710678118654752440;
        const V most = all<T>(8.0);
        const V scaled = size * root_half;
        const V held = scaled > most ? most : scaled;
        const V tail = bell<T>(x) * scaled_erfc(held) * 0.5;
        const V near = x * erf_share<T>(held * held) * (0.5 * root_half) + 0.5;
        result = held < all<T>(one) ? near : (x < V{} ? tail : one - tail);
    }
    return is_not_a_number<T>(x) ? x : result;
}

#else

template <class T>
[[nodiscard]] Vector<T> erf(Vector<T> x) {
    return std::erf(x);
}
template <class T>
[[nodiscard]] Vector<T> normal_density(Vector<T> x) {
    return math::normal_density(x);
}
template <class T>
[[nodiscard]] Vector<T> normal_cdf(Vector<T> x) {
    return math::normal_cdf(x);
}

#endif

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail::elementary
