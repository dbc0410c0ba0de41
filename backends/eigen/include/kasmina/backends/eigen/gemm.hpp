// Row-major matrix product on the register tile: the left operand is read where it is, the right
// one is repacked into panels only where its rows cannot be read as they are.
#pragma once

#include <algorithm>
#include <kasmina/backend/matrix.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// The right operand of a product as panels: columns [p * panel_width, ...) of row k start at
/// data + p * panel_stride + k * row_stride.
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

/// How a product is cut up, by its extents alone (E-1).
struct GemmChunks {
    GemmChunks(Index rows, Index panels, Index depth)
        : row_chunks(ceil_div(rows, rows_per_chunk)),
          panel_chunks(ceil_div(panels, panels_per_chunk)),
          // A sum over very many (a weight gradient) makes few chunks: then the depth is cut too.
          parts(std::clamp<Index>(depth / 2048, 1, ceil_div(8, row_chunks * panel_chunks))) {}

    static constexpr Index rows_per_chunk = 16 * tile_rows;
    static constexpr Index panels_per_chunk = 4;
    Index row_chunks, panel_chunks, parts;
};

/// One chunk: c (rows x columns, `c_stride` apart) from a block of A and up to panels_per_chunk
/// panels. The depth goes in blocks that keep a panel in the first-level cache.
template <class T, class RowStride, class DepthStride>
void gemm_chunk(Index rows, Index columns, Index depth, const T* a, RowStride a_row,
                DepthStride a_depth, const PanelView<T>& b, T* c, Index c_stride, bool accumulate) {
    constexpr Index depth_block = 256;
    for (Index k = 0; k < depth; k += depth_block) {
        const Index block = std::min(depth_block, depth - k);
        const bool add = accumulate || k > 0;
        for (Index column = 0; column < columns; column += panel_width<T>) {
            const T* panel = b.data + column / panel_width<T> * b.panel_stride + k * b.row_stride;
            auto tile = [&]<int Rows, int Vectors>(Index row) {
                RegisterTile<T, Rows, Vectors> sums;
                T* const to = c + row * c_stride + column;
                sums.clear();
                sums.accumulate(a + row * a_row + k * a_depth, a_row, a_depth, panel, b.row_stride,
                                block);
                if (add) sums.add_stored(to, c_stride, columns - column);
                sums.write(to, c_stride, columns - column);
            };
            for_each_tile_of<2>(rows, tile);
        }
    }
}

/// One product, without bias: matrix.hpp has the rest.
template <class T>
void gemm(Context& context, const Gemm<T>& call) {
    constexpr Index width = panel_width<T>;
    const Index rows = call.m;
    const Index columns = call.n;
    const Index depth = call.k;
    const T* const a = call.a;
    const T* const b = call.b;
    T* const c = call.c;
    const bool trans_a = call.transpose_a;
    const bool trans_b = call.transpose_b;
    const bool accumulate = call.accumulate;
    if (rows <= 0 || columns <= 0) return;
    if (depth <= 0) {
        if (!accumulate) std::fill_n(c, rows * columns, T{0});
        return;
    }

    const Index panels = ceil_div(columns, width);
    PanelView<T> view{b, width, columns};
    Buffer<T> packed;
    if (trans_b || columns % width != 0) {
        packed = context.buffer<T>(panels * depth * width);
        pack_panels(context, trans_b, depth, columns, b, packed.data());
        view = {packed.data(), depth * width, width};
    }

    const GemmChunks chunks(rows, panels, depth);
    Buffer<T> partial;
    if (chunks.parts > 1) partial = context.buffer<T>(chunks.parts * rows * columns);
    const Index blocks = chunks.row_chunks * chunks.panel_chunks;
    context.parallel_for(chunks.parts * blocks, [&](Index chunk) {
        const Index part = chunk / blocks;
        const Index first_depth = depth * part / chunks.parts;
        const Index part_depth = depth * (part + 1) / chunks.parts - first_depth;
        const Index row = chunk % blocks / chunks.panel_chunks * chunks.rows_per_chunk;
        const Index panel = chunk % chunks.panel_chunks * chunks.panels_per_chunk;
        const Index column = panel * width;
        const Index chunk_rows = std::min(chunks.rows_per_chunk, rows - row);
        const Index chunk_columns = std::min(chunks.panels_per_chunk * width, columns - column);
        const PanelView<T> chunk_view{
            view.data + panel * view.panel_stride + first_depth * view.row_stride,
            view.panel_stride, view.row_stride};
        const bool whole = chunks.parts == 1;
        T* const to = (whole ? c : partial.data() + part * rows * columns) + row * columns + column;
        if (trans_a) {
            gemm_chunk(chunk_rows, chunk_columns, part_depth, a + first_depth * rows + row,
                       Constant<1>{}, rows, chunk_view, to, columns, whole && accumulate);
        } else {
            gemm_chunk(chunk_rows, chunk_columns, part_depth, a + row * depth + first_depth, depth,
                       Constant<1>{}, chunk_view, to, columns, whole && accumulate);
        }
    });
    if (chunks.parts == 1) return;
    context.parallel_for(rows, [&](Index row) {
        for (Index i = row * columns; i < (row + 1) * columns; ++i) {
            T sum = partial.data()[i];
            for (Index part = 1; part < chunks.parts; ++part) {
                sum += partial.data()[part * rows * columns + i];
            }
            c[i] = accumulate ? c[i] + sum : sum;
        }
    });
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
