// Transposing a square of registers: rows of a small matrix become its columns.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>

/// Before a loop over the rows of a square, which stay registers only if it is written out.
#if defined(__clang__)
#define KASMINA_UNROLL_SQUARE _Pragma("unroll")
#elif defined(__GNUC__)
#define KASMINA_UNROLL_SQUARE _Pragma("GCC unroll 16")
#else
#define KASMINA_UNROLL_SQUARE
#endif

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// As many registers as one of them holds numbers.
template <class T>
using RegisterSquare = std::array<Vector<T>, static_cast<std::size_t>(lanes<T>)>;

#if defined(__GNUC__)

/// Rows i and i + Step exchange the blocks of Step columns that lie across from each other
/// (Eklundh, "A fast computer method for matrix transposing", 1972).
template <class T, std::size_t Step, std::size_t... Is>
KASMINA_ALWAYS_INLINE void exchange_blocks(Vector<T>& upper, Vector<T>& lower,
                                           std::index_sequence<Is...>) {
    constexpr std::size_t width = sizeof...(Is);
    const Vector<T> above = upper;
    upper = __builtin_shufflevector(above, lower,
                                    static_cast<int>((Is & Step) == 0 ? Is : width + Is - Step)...);
    lower = __builtin_shufflevector(above, lower,
                                    static_cast<int>((Is & Step) == 0 ? Is + Step : width + Is)...);
}

template <class T, std::size_t Step = 1>
KASMINA_ALWAYS_INLINE void transpose_square(RegisterSquare<T>& rows) {
    constexpr std::size_t width = static_cast<std::size_t>(lanes<T>);
    if constexpr (Step < width) {
        KASMINA_UNROLL_SQUARE
        for (std::size_t i = 0; i < width; ++i) {
            if ((i & Step) != 0) continue;
            exchange_blocks<T, Step>(rows[i], rows[i + Step], std::make_index_sequence<width>{});
        }
        transpose_square<T, 2 * Step>(rows);
    }
}

#else

template <class T>
void transpose_square(RegisterSquare<T>&) {}

#endif

/// Writes a square of lanes x lanes numbers the other way round.
template <class T>
KASMINA_NEVER_INLINE void transpose_square(const T* from, Index from_row, T* to, Index to_row) {
    RegisterSquare<T> rows;
    KASMINA_UNROLL_SQUARE
    for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i] = load<Vector<T>>(from + static_cast<Index>(i) * from_row);
    }
    transpose_square<T>(rows);
    KASMINA_UNROLL_SQUARE
    for (std::size_t i = 0; i < rows.size(); ++i) {
        store(to + static_cast<Index>(i) * to_row, rows[i]);
    }
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
