// The inner loop of every matrix-like kernel: a tile of sums kept in registers.
#pragma once

#include <type_traits>
#include <utility>

#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::eigen_detail {

/// Columns of a packed panel: two vectors, as wide as the register tile.
template <class T>
inline constexpr Index panel_width = 2 * lanes<T>;

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

    /// Rows First to Last - 1 only; `a` points at row 0 all the same. The strides and the depth
    /// are an Index, or a Constant where they are known when compiling: addresses then need no
    /// registers and short loops are unrolled.
    template <int First = 0, int Last = Rows, class RowStride, class DepthStride, class BStride,
              class Depth>
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
                asm("" : "+x"(column));
#endif
                columns[v] = column;
            }
            for (int r = First; r < Last; ++r) {
                const T factor = a[r * row_stride];
                for (int v = 0; v < Vectors; ++v) sums[r][v] += columns[v] * factor;
            }
            a += depth_stride;
            b += b_stride;
        }
    }

    /// Adds what is stored at `c` to the sums; `columns` of the tile's columns exist there.
    KASMINA_ALWAYS_INLINE void add_stored(const T* c, Index row_stride, Index columns) {
        for (int r = 0; r < Rows; ++r) {
            for (int v = 0; v < Vectors; ++v) {
                const T* from = c + r * row_stride + v * lanes<T>;
                const Index left = columns - v * lanes<T>;
                sums[r][v] += left >= lanes<T> ? load<Vector<T>>(from) : load_first(from, left);
            }
        }
    }

    KASMINA_ALWAYS_INLINE void write(T* c, Index row_stride, Index columns) const {
        for (int r = 0; r < Rows; ++r) {
            for (int v = 0; v < Vectors; ++v) {
                T* to = c + r * row_stride + v * lanes<T>;
                const Index left = columns - v * lanes<T>;
                if (left >= lanes<T>) {
                    store(to, sums[r][v]);
                } else {
                    store_first(to, sums[r][v], left);
                }
            }
        }
    }
};

/// Calls `body.operator()<rows, vectors>()` for run-time `rows` in 1 ... tile_rows and `vectors`
/// in 1 ... 2, so that the body can keep a RegisterTile of that size.
template <int Rows = tile_rows, class Body>
void with_tile(Index rows, Index vectors, Body&& body) {
    if constexpr (Rows > 1) {
        if (rows < Rows) return with_tile<Rows - 1>(rows, vectors, std::forward<Body>(body));
    }
    if (vectors == 1) {
        body.template operator()<Rows, 1>();
    } else {
        body.template operator()<Rows, 2>();
    }
}

/// Cuts `extent` into runs of at most tile_rows that differ by one at most (short runs leave the
/// arithmetic units waiting), and calls body(first, size) for each.
template <class Body>
void for_each_tile(Index extent, Body&& body) {
    const Index tiles = (extent + tile_rows - 1) / tile_rows;
    for (Index i = 0, first = 0; i < tiles; ++i) {
        const Index end = extent * (i + 1) / tiles;
        body(first, end - first);
        first = end;
    }
}

/// How many vectors cover the columns of a panel that begins at `first` of `columns`.
template <class T>
[[nodiscard]] constexpr Index panel_vectors(Index first, Index columns) {
    return columns - first > lanes<T> ? 2 : 1;
}

[[nodiscard]] constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }

}  // namespace kasmina::backends::eigen_detail
