// Row-major matrix product on the register tile: no transposed copies of the left operand, the
// right one repacked into panels only where its rows cannot be read as they are.
#pragma once

#include <algorithm>
#include <cstring>

#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::eigen_detail {

/// The right operand of a product as panels: columns [p * panel_width, ...) of row k start at
/// data + p * panel_stride + k * row_stride, and whole vectors can be read there.
template <class T>
struct PanelView {
    const T* data = nullptr;
    Index panel_stride = 0;
    Index row_stride = 0;
};

/// Copies op(b) (depth x columns) into panels of panel_width columns, the last one zero-filled.
template <class T>
void pack_panels(Context& context, bool transposed, Index depth, Index columns, const T* b,
                 T* panels) {
    constexpr Index width = panel_width<T>;
    constexpr Index rows_per_chunk = 256;
    const Index row_chunks = ceil_div(depth, rows_per_chunk);
    context.parallel_for(ceil_div(columns, width) * row_chunks, [&](Index chunk) {
        const Index panel = chunk / row_chunks;
        const Index first_row = chunk % row_chunks * rows_per_chunk;
        const Index last_row = std::min(depth, first_row + rows_per_chunk);
        const Index first_column = panel * width;
        const Index count = std::min(width, columns - first_column);
        T* to = panels + panel * depth * width;
        for (Index k = first_row; k < last_row; ++k) {
            T* row = to + k * width;
            if (transposed) {
                for (Index j = 0; j < count; ++j) row[j] = b[(first_column + j) * depth + k];
            } else {
                std::copy_n(b + k * columns + first_column, count, row);
            }
            std::fill(row + count, row + width, T{0});
        }
    });
}

/// c (rows x columns) = op(a) (rows x depth) * op(b) (depth x columns), added to c if
/// `accumulate`, otherwise overwriting it. All dense and row-major; `trans_a` says that a is
/// stored as (depth x rows), `trans_b` that b is stored as (columns x depth).
template <class T>
void gemm(Context& context, bool trans_a, bool trans_b, Index rows, Index columns, Index depth,
          const T* a, const T* b, T* c, bool accumulate) {
    // A panel's block stays in the first-level cache, a block of A in the second.
    constexpr Index depth_block = 256;
    constexpr Index width = panel_width<T>;
    if (rows <= 0 || columns <= 0) return;
    if (depth <= 0) {
        if (!accumulate) std::fill_n(c, rows * columns, T{0});
        return;
    }

    const Index panels = ceil_div(columns, width);
    // Packing pays off when many rows read it again.
    const bool pack = trans_b || columns % lanes<T> != 0;
    Buffer<T> packed;
    PanelView<T> view{b, width, columns};
    if (pack) {
        packed = context.buffer<T>(panels * depth * width);
        pack_panels(context, trans_b, depth, columns, b, packed.data());
        view = {packed.data(), depth * width, width};
    }
    const Index a_row = trans_a ? 1 : depth;
    const Index a_depth = trans_a ? rows : 1;

    const Index rows_per_chunk = std::min<Index>(rows, 16 * tile_rows);
    const Index panels_per_chunk = 4;
    const Index row_chunks = ceil_div(rows, rows_per_chunk);
    const Index panel_chunks = ceil_div(panels, panels_per_chunk);
    context.parallel_for(row_chunks * panel_chunks, [&](Index chunk) {
        const Index first_row = chunk / panel_chunks * rows_per_chunk;
        const Index chunk_rows = std::min(rows_per_chunk, rows - first_row);
        const Index first_panel = chunk % panel_chunks * panels_per_chunk;
        const Index last_panel = std::min(panels, first_panel + panels_per_chunk);
        for (Index k = 0; k < depth; k += depth_block) {
            const Index block = std::min(depth_block, depth - k);
            const bool add = accumulate || k > 0;
            for (Index panel = first_panel; panel < last_panel; ++panel) {
                const Index column = panel * width;
                const T* b_block = view.data + panel * view.panel_stride + k * view.row_stride;
                for_each_tile(
                    chunk_rows, panel_vectors<T>(column, columns),
                    [&]<int Rows, int Vectors>(Index tile) {
                        const T* a_tile = a + (first_row + tile) * a_row + k * a_depth;
                        T* c_tile = c + (first_row + tile) * columns + column;
                        RegisterTile<T, Rows, Vectors> sums;
                        sums.clear();
                        sums.accumulate(a_tile, a_row, a_depth, b_block,
                                                   view.row_stride, block);
                        if (add) sums.add_stored(c_tile, columns, columns - column);
                        sums.write(c_tile, columns, columns - column);
                    });
            }
        }
    });
}

}  // namespace kasmina::backends::eigen_detail
