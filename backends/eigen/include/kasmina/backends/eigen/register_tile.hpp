// The inner loop of every matrix-like kernel: a tile of sums kept in registers.
#pragma once

#include <algorithm>
#include <kasmina/backends/eigen/instruction_set.hpp>
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

/// Copies a corner of a matrix; apart from the tiles, which are many, to keep them small.
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
        for (int r = 0; r < Rows; ++r) {
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
            for (int v = 0; v < Vectors; ++v) {
                Vector<T> column = load<Vector<T>>(b + v * lanes<T>);
#if defined(__GNUC__) && defined(__x86_64__)
                // Keep it in a register: folding the load into each multiplication reads it
                // Rows times.
                asm("" : "+v"(column));
#endif
                columns[v] = column;
            }
            for (int r = 0; r < Rows; ++r) {
                const T factor = a[r * row_stride];
                for (int v = 0; v < Vectors; ++v) sums[r][v] += columns[v] * factor;
            }
            a += depth_stride;
            b += b_stride;
        }
    }

    /// Adds what is stored at `c` to the sums; the first `columns` of the tile's columns exist.
    KASMINA_ALWAYS_INLINE void add_stored(const T* c, Index row_stride, Index columns) {
        constexpr Index width = Vectors * lanes<T>;
        if (columns >= width) {
            add_rows(c, row_stride);
        } else {
            T copy[Rows * width] = {};
            copy_columns(c, row_stride, copy, width, Rows, columns);
            add_rows(copy, width);
        }
    }

    /// Writes the sums to `c`, the first `columns` columns only.
    KASMINA_ALWAYS_INLINE void write(T* c, Index row_stride, Index columns) const {
        constexpr Index width = Vectors * lanes<T>;
        if (columns >= width) {
            write_rows(c, row_stride);
        } else {
            T copy[Rows * width];
            write_rows(copy, width);
            copy_columns(copy, width, c, row_stride, Rows, columns);
        }
    }

private:
    KASMINA_ALWAYS_INLINE void add_rows(const T* c, Index row_stride) {
        for (int r = 0; r < Rows; ++r) {
            for (int v = 0; v < Vectors; ++v) {
                sums[r][v] += load<Vector<T>>(c + r * row_stride + v * lanes<T>);
            }
        }
    }

    KASMINA_ALWAYS_INLINE void write_rows(T* c, Index row_stride) const {
        for (int r = 0; r < Rows; ++r) {
            for (int v = 0; v < Vectors; ++v) store(c + r * row_stride + v * lanes<T>, sums[r][v]);
        }
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
template <int Vectors, class Body>
void for_each_tile_of(Index extent, Body& body) {
    constexpr int max_rows = Vectors == 1 ? 8 : tile_rows;
    const Index tiles = (extent + max_rows - 1) / max_rows;
    for (Index i = 0, first = 0; i < tiles; ++i) {
        const Index end = extent * (i + 1) / tiles;
        with_rows<Vectors, max_rows>(end - first, first, body);
        first = end;
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
