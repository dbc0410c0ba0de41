// Transposing a square of registers: rows of a small matrix become its columns.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/simd.hpp>

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
#pragma GCC unroll 16
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

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
