// Part of a register to and from memory, for the last numbers of a row.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>

/// Before a loop over a few registers: they stay registers only if it is written out.
#if defined(__clang__)
#define KASMINA_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define KASMINA_UNROLL _Pragma("GCC unroll 8")
#else
#define KASMINA_UNROLL
#endif

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// All lanes of a register, as a count that is known when compiling.
template <class T>
using AllLanes = std::integral_constant<Index, lanes<T>>;

/// Masked access of the instruction set, which touches no memory outside: some cycles, where
/// copying a variable number of bytes is a call. What is read fills the other lanes with the first
/// number: they then compute what the first lane does, and no division by 0 that nobody asked for.
namespace masked {

#if defined(__AVX512F__)

template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> load_first(const T* from, Index count) {
    const std::uint32_t mask = (std::uint32_t{1} << count) - 1;
    if constexpr (std::same_as<T, float>) {
        return _mm512_mask_loadu_ps(_mm512_set1_ps(*from), static_cast<__mmask16>(mask), from);
    } else {
        return _mm512_mask_loadu_pd(_mm512_set1_pd(*from), static_cast<__mmask8>(mask), from);
    }
}

template <class T>
KASMINA_ALWAYS_INLINE void store_first(T* to, Vector<T> vector, Index count) {
    const std::uint32_t mask = (std::uint32_t{1} << count) - 1;
    if constexpr (std::same_as<T, float>) {
        _mm512_mask_storeu_ps(to, static_cast<__mmask16>(mask), vector);
    } else {
        _mm512_mask_storeu_pd(to, static_cast<__mmask8>(mask), vector);
    }
}

#elif defined(__AVX__)

/// The first `count` lanes all ones.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE __m256i mask(Index count) {
    if constexpr (std::same_as<T, float>) {
        const __m256 numbers = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);
        const __m256 limit = _mm256_set1_ps(static_cast<float>(count));
        return _mm256_castps_si256(_mm256_cmp_ps(numbers, limit, _CMP_LT_OQ));
    } else {
        const __m256d numbers = _mm256_setr_pd(0, 1, 2, 3);
        const __m256d limit = _mm256_set1_pd(static_cast<double>(count));
        return _mm256_castpd_si256(_mm256_cmp_pd(numbers, limit, _CMP_LT_OQ));
    }
}

template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> load_first(const T* from, Index count) {
    const __m256i used = mask<T>(count);
    if constexpr (std::same_as<T, float>) {
        return _mm256_blendv_ps(_mm256_set1_ps(*from), _mm256_maskload_ps(from, used),
                                _mm256_castsi256_ps(used));
    } else {
        return _mm256_blendv_pd(_mm256_set1_pd(*from), _mm256_maskload_pd(from, used),
                                _mm256_castsi256_pd(used));
    }
}

template <class T>
KASMINA_ALWAYS_INLINE void store_first(T* to, Vector<T> vector, Index count) {
    if constexpr (std::same_as<T, float>) {
        _mm256_maskstore_ps(to, mask<T>(count), vector);
    } else {
        _mm256_maskstore_pd(to, mask<T>(count), vector);
    }
}

#else

// The copy is a call as it is: these are one too, which keeps the many places small.
template <class T>
[[nodiscard]] KASMINA_NEVER_INLINE Vector<T> load_first(const T* from, Index count) {
    Vector<T> vector = *from - Vector<T>{};
    std::memcpy(&vector, from, static_cast<std::size_t>(count) * sizeof(T));
    return vector;
}

template <class T>
KASMINA_NEVER_INLINE void store_first(T* to, Vector<T> vector, Index count) {
    std::memcpy(to, &vector, static_cast<std::size_t>(count) * sizeof(T));
}

#endif

}  // namespace masked

/// Reads `count` numbers: AllLanes, or fewer, of which there is one at least; the other lanes are
/// as the first.
template <class T, class Count>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> load_lanes(const T* from, Count count) {
    if constexpr (std::same_as<Count, Index>) {
        return masked::load_first(from, count);
    } else {
        return load<Vector<T>>(from);
    }
}

/// Writes the first `count` lanes.
template <class T, class Count>
KASMINA_ALWAYS_INLINE void store_lanes(T* to, Vector<T> vector, Count count) {
    if constexpr (std::same_as<Count, Index>) {
        masked::store_first(to, vector, count);
    } else {
        store(to, vector);
    }
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
