// The inner loop of every matrix-like kernel: a tile of sums kept in registers.
#pragma once

#include <algorithm>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/partial_register.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>
#include <type_traits>

// Extents of arrays are Index here: constants, of which g++ warns in templates all the same.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// Columns of a packed panel: two vectors, as wide as the register tile.
template <class T>
inline constexpr Index panel_width = 2 * lanes<T>;

/// Copies a corner of a matrix; apart from the tiles, which are many, to keep them small. `columns`
/// is below the width of the tile.
template <class T>
KASMINA_NEVER_INLINE void copy_columns(const T* from, Index from_stride, T* to, Index to_stride,
                                       Index rows, Index columns) {
    for (Index r = 0; r < rows; ++r) {
        std::copy_n(from + r * from_stride, columns, to + r * to_stride);
    }
}

/// A number known when compiling, for RegisterTile::accumulate.
template <Index Value>
using Constant = std::integral_constant<Index, Value>;

/// Rows x (Vectors * lanes) sums in registers. `accumulate` adds the product of a matrix A (rows
/// x depth, any strides) and a panel B (depth x columns, rows `b_stride` apart).
template <class T, int Rows, int Vectors>
struct RegisterTile {
    Vector<T> sums[Rows][Vectors];

    KASMINA_ALWAYS_INLINE void clear() {
        KASMINA_UNROLL
        for (int r = 0; r < Rows; ++r) {
            KASMINA_UNROLL
            for (int v = 0; v < Vectors; ++v) sums[r][v] = Vector<T>{};
        }
    }

    /// The strides and the depth are an Index, or a Constant where they are known when compiling:
    /// addresses then need no registers and short loops are unrolled.
    template <class RowStride, class DepthStride, class BStride, class Depth>
    KASMINA_ALWAYS_INLINE void accumulate(const T* a, RowStride row_stride,
                                          DepthStride depth_stride, const T* b, BStride b_stride,
                                          Depth depth) {
        for (Index k = 0; k < depth; ++k) {
            Vector<T> columns[Vectors];
            KASMINA_UNROLL
            for (int v = 0; v < Vectors; ++v) {
                Vector<T> column = load<Vector<T>>(b + v * lanes<T>);
#if defined(__GNUC__) && defined(__x86_64__)
                // Keep it in a register: folding the load into each multiplication reads it
                // Rows times.
                asm("" : "+v"(column));
#endif
                columns[v] = column;
            }
            KASMINA_UNROLL
            for (int r = 0; r < Rows; ++r) {
                const T factor = a[r * row_stride];
                KASMINA_UNROLL
                for (int v = 0; v < Vectors; ++v) sums[r][v] += columns[v] * factor;
            }
            a += depth_stride;
            b += b_stride;
        }
    }

    /// Adds what is stored at `c` to the sums; the first `columns` of the tile's columns exist.
    KASMINA_ALWAYS_INLINE void add_stored(const T* c, Index row_stride, Index columns) {
        constexpr Index width = Vectors * lanes<T>;
        T copy[Rows * width];
        const bool whole = columns >= width;
        if (!whole) {
            std::fill_n(copy, Rows * width, T{0});
            copy_columns(c, row_stride, copy, width, Rows, columns);
        }
        const T* const from = whole ? c : copy;
        const Index stride = whole ? row_stride : width;
        KASMINA_UNROLL
        for (int r = 0; r < Rows; ++r) {
            KASMINA_UNROLL
            for (int v = 0; v < Vectors; ++v) {
                sums[r][v] += load<Vector<T>>(from + r * stride + v * lanes<T>);
            }
        }
    }

    /// Writes the sums to `c`, the first `columns` columns only.
    KASMINA_ALWAYS_INLINE void write(T* c, Index row_stride, Index columns) const {
        constexpr Index width = Vectors * lanes<T>;
        T copy[Rows * width];
        const bool whole = columns >= width;
        T* const to = whole ? c : copy;
        const Index stride = whole ? row_stride : width;
        KASMINA_UNROLL
        for (int r = 0; r < Rows; ++r) {
            KASMINA_UNROLL
            for (int v = 0; v < Vectors; ++v) store(to + r * stride + v * lanes<T>, sums[r][v]);
        }
        if (!whole) copy_columns(copy, width, c, row_stride, Rows, columns);
    }
};

/// Calls body.operator()<Rows, Vectors>(first) with Rows = `rows`, at most MaxRows.
template <int Vectors, int MaxRows, class Body>
KASMINA_ALWAYS_INLINE void with_rows(Index rows, Index first, Body& body) {
    if constexpr (MaxRows > 1) {
        if (rows < MaxRows) return with_rows<Vectors, MaxRows - 1>(rows, first, body);
    }
    body.template operator()<MaxRows, Vectors>(first);
}

/// Cuts `extent` rows into tiles whose sums fit the registers and calls
/// body.operator()<Rows, Vectors>(first) for each, so that the body can keep a RegisterTile<T,
/// Rows, Vectors>. Tiles differ by one row at most: short ones leave the arithmetic units waiting.
/// Single vectors, which are the exception, come in 8, 4, 2 and 1 rows: fewer bodies to compile.
template <int Vectors, class Body>
void for_each_tile_of(Index extent, Body& body) {
    if constexpr (Vectors == 1) {
        Index first = 0;
        for (; first + 8 <= extent; first += 8) body.template operator()<8, 1>(first);
        if (first + 4 <= extent) {
            body.template operator()<4, 1>(first);
            first += 4;
        }
        if (first + 2 <= extent) {
            body.template operator()<2, 1>(first);
            first += 2;
        }
        if (first < extent) body.template operator()<1, 1>(first);
    } else {
        const Index tiles = (extent + tile_rows - 1) / tile_rows;
        for (Index i = 0, first = 0; i < tiles; ++i) {
            const Index end = extent * (i + 1) / tiles;
            with_rows<Vectors, tile_rows>(end - first, first, body);
            first = end;
        }
    }
}

template <class Body>
void for_each_tile(Index extent, Index vectors, Body&& body) {
    if (vectors == 1) {
        for_each_tile_of<1>(extent, body);
    } else {
        for_each_tile_of<2>(extent, body);
    }
}

/// How many vectors cover the columns of a panel that begins at `first` of `columns`.
template <class T>
[[nodiscard]] constexpr Index panel_vectors(Index first, Index columns) {
    return columns - first > lanes<T> ? 2 : 1;
}

[[nodiscard]] constexpr Index ceil_div(Index a, Index b) {
    return (a + b - 1) / b;
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
