// Vectors of the width the compiler may use, and the register tile that the matrix kernels share.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/tensor/index.hpp>
#include <limits>
#include <type_traits>

#if defined(__AVX__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

/// \file
/// GCC's vector extensions (g++ and clang) generate better code here than intrinsics wrapped in
/// classes, and serve every instruction set. The width is chosen when compiling: wider vectors
/// than the target has are legal but slow by a factor of 50. Elsewhere a "vector" is one number.

#if defined(__GNUC__)
#define KASMINA_ALWAYS_INLINE inline __attribute__((always_inline))
#define KASMINA_NEVER_INLINE __attribute__((noinline))
/// Everything that the function calls is inlined into it.
#define KASMINA_FLATTEN __attribute__((flatten))
#else
#define KASMINA_ALWAYS_INLINE inline
#define KASMINA_NEVER_INLINE
#define KASMINA_FLATTEN
#endif

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
inline constexpr int tile_rows = 8;  ///< 16 of 32 registers hold sums
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32;
inline constexpr int tile_rows = 6;  ///< 12 of 16 registers hold sums
#else
inline constexpr int vector_bytes = 16;
inline constexpr int tile_rows = 6;
#endif

#if defined(__GNUC__)
template <class T>
struct VectorOf {
    typedef T type __attribute__((vector_size(vector_bytes)));
};
#else
template <class T>
struct VectorOf {
    using type = T;
};
#endif

/// As many numbers of type T as a register holds; arithmetic works on all of them at once.
template <class T>
using Vector = typename VectorOf<T>::type;

/// How many numbers of type T a Vector holds.
template <class T>
inline constexpr Index lanes = static_cast<Index>(sizeof(Vector<T>) / sizeof(T));

/// Reads a Vector (or a single number: `V` is either) from any address.
template <class V, class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE V load(const T* from) {
    V value;
    std::memcpy(&value, from, sizeof(V));
    return value;
}

template <class V, class T>
KASMINA_ALWAYS_INLINE void store(T* to, V value) {
    std::memcpy(to, &value, sizeof(V));
}

/// a * b + c, rounded once where the target can. For what two kernels must compute to the same
/// bits: whether the compiler fuses a * b + c by itself depends on the code around it.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> multiply_add(Vector<T> a, Vector<T> b, Vector<T> c) {
#if defined(__GNUC__) && defined(__AVX512F__)
    if constexpr (std::same_as<T, float>) {
        return _mm512_fmadd_ps(a, b, c);
    } else {
        return _mm512_fmadd_pd(a, b, c);
    }
#elif defined(__GNUC__) && defined(__FMA__)
    if constexpr (std::same_as<T, float>) {
        return _mm256_fmadd_ps(a, b, c);
    } else {
        return _mm256_fmadd_pd(a, b, c);
    }
#else
    return a * b + c;
#endif
}

/// Which lanes are NaN: a mask as comparisons of vectors give it.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE auto is_not_a_number(Vector<T> x) {
#if defined(__GNUC__)
    if constexpr (numbers_are_taken_for_finite) {
        // Compared as what the masks are, integers of their width: x != x would be dropped.
        using Mask = decltype(x == x);
        using Whole = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
        constexpr auto infinity = static_cast<Whole>(detail::infinity_bits<T>);
        constexpr Whole magnitude = std::numeric_limits<Whole>::max();
        return (load<Mask>(&x) & magnitude) > infinity;
    } else {
        return x != x;
    }
#else
    return is_nan(x);
#endif
}

/// Which lanes are below 0, and which are at most 0: no NaN is.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE auto is_below_zero(Vector<T> x) {
    if constexpr (numbers_are_taken_for_finite) {
        return (x < Vector<T>{}) & ~is_not_a_number<T>(x);
    } else {
        return x < Vector<T>{};
    }
}
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE auto is_at_most_zero(Vector<T> x) {
    if constexpr (numbers_are_taken_for_finite) {
        return (x <= Vector<T>{}) & ~is_not_a_number<T>(x);
    } else {
        return x <= Vector<T>{};
    }
}

/// max(x, 0); a NaN stays one.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> rectified(Vector<T> x) {
    return is_below_zero<T>(x) ? Vector<T>{} : x;
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
