// Blocks of attention: a head's rows packed and transposed, and products of a few rows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include <kasmina/backend/attention.hpp>
#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/backends/eigen/register_transpose.hpp>
#include <kasmina/backends/eigen/rows.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>

// Extents of arrays are Index here: constants, of which g++ warns in templates all the same.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// Numbers that a packed row of a head takes: whole registers.
template <class T>
[[nodiscard]] constexpr Index packed_width(Index head_size) {
    return ceil_div(head_size, lanes<T>) * lanes<T>;
}

/// Copies rows of a head, times `factor`; what is behind head_size is 0.
template <class T>
void pack_rows(const T* from, Index from_row, Index rows, Index head_size, T factor, T* to) {
    const Index width = packed_width<T>(head_size);
    for (Index r = 0; r < rows; ++r) {
        const T* const row = from + r * from_row;
        T* const packed = to + r * width;
        Index c = 0;
        for (; c + lanes<T> <= head_size; c += lanes<T>) {
            store(packed + c, load<Vector<T>>(row + c) * factor);
        }
        for (; c < head_size; ++c) packed[c] = row[c] * factor;
        std::fill(packed + c, packed + width, T{0});
    }
}

/// The sum of products of two rows of a head, which is 0 behind head_size in the packed one.
template <class T>
[[nodiscard]] inline T row_product(const T* packed, const T* row, Index head_size) {
    T sum{0};
    Vector<T> sums{};
    Index c = 0;
    for (; c + lanes<T> <= head_size; c += lanes<T>) {
        sums += load<Vector<T>>(packed + c) * load<Vector<T>>(row + c);
    }
    T numbers[static_cast<std::size_t>(lanes<T>)];
    store(numbers, sums);
    for (const T number : numbers) sum += number;
    for (; c < head_size; ++c) sum += packed[c] * row[c];
    return sum;
}

/// Writes up to attention_tile rows of a head as its columns: to[c * attention_tile + row], 0 for
/// rows that do not exist.
template <class T>
void pack_transposed(const T* from, Index from_row, Index rows, Index head_size, T* to) {
    constexpr Index tile = attention_tile;
    const Index whole_columns = head_size - head_size % lanes<T>;
    Index r = 0;
    for (; r + lanes<T> <= rows; r += lanes<T>) {
        for (Index c = 0; c < whole_columns; c += lanes<T>) {
            transpose_square(from + r * from_row + c, from_row, to + c * tile + r, tile);
        }
        for (Index c = whole_columns; c < head_size; ++c) {
            for (Index i = r; i < r + lanes<T>; ++i) to[c * tile + i] = from[i * from_row + c];
        }
    }
    for (Index c = 0; c < head_size; ++c) {
        for (Index i = r; i < rows; ++i) to[c * tile + i] = from[i * from_row + c];
        std::fill(to + c * tile + rows, to + (c + 1) * tile, T{0});
    }
}

/// Puts packed rows times `factor` where a gradient of a head is wanted.
template <class T>
void put_rows(const GradientTarget<T>& target, Index place, Index row, Index rows, Index head_size,
              const T* packed, T factor) {
    const Index width = packed_width<T>(head_size);
    for (Index r = 0; r < rows; ++r) {
        for_each_vector<T>(head_size, [=](Index c, auto count) {
            put_lanes(target, place + r * row + c, load<Vector<T>>(packed + r * width + c) * factor,
                      count);
        });
    }
}

/// How a product treats what stands in its place.
enum class Start { zero, add, scale };

/// c (rows x columns, whole registers) = [c +] [factor of the row * c +] a (rows x depth) * b
/// (depth x columns). Strides are an Index or a Constant.
template <Start start, class T, class ARow, class ADepth, class BRow>
void block_product(Index rows, Index columns, Index depth, const T* a, ARow a_row, ADepth a_depth,
                   const T* b, BRow b_row, T* c, Index c_row, const T* factors = nullptr) {
    for (Index column = 0; column < columns; column += panel_width<T>) {
        auto tile = [&]<int Rows, int Vectors>(Index row) {
            RegisterTile<T, Rows, Vectors> sums;
            T* const to = c + row * c_row + column;
            for (int r = 0; r < Rows; ++r) {
                for (int v = 0; v < Vectors; ++v) {
                    if constexpr (start == Start::zero) {
                        sums.sums[r][v] = Vector<T>{};
                    } else {
                        sums.sums[r][v] = load<Vector<T>>(to + r * c_row + v * lanes<T>);
                        if constexpr (start == Start::scale) sums.sums[r][v] *= factors[row + r];
                    }
                }
            }
            sums.accumulate(a + row * a_row, a_row, a_depth, b + column, b_row, depth);
            for (int r = 0; r < Rows; ++r) {
                for (int v = 0; v < Vectors; ++v) {
                    store(to + r * c_row + v * lanes<T>, sums.sums[r][v]);
                }
            }
        };
        for_each_tile(rows, panel_vectors<T>(column, columns), tile);
    }
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
