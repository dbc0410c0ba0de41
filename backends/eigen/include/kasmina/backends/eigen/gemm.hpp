// Row-major matrix product on the register tile: the left operand is read where
// it is, the right one is repacked into panels only where its rows cannot be
// read as they are.
#pragma once

#include <algorithm>
#include <kasmina/backend/matrix.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// The right operand of a product as panels: columns [p * panel_width, ...) of
/// row k start at data + p * panel_stride + k * row_stride.
template <class T>
struct PanelView {
    const T* data = nullptr;
    Index panel_stride = 0;
    Index row_stride = 0;
};

/// Copies op(b) (depth x columns) of `matrices`, `stride` apart, into panels of
/// panel_width columns, the last one of each matrix zero-filled.
template <class T>
void pack_panels(Context& context, bool transposed, Index depth, Index columns, const T* b,
                 T* panels, Index matrices = 1, Index stride = 0) {
    constexpr Index width = panel_width<T>;
    constexpr Index rows_per_chunk = 256;
    const Index row_chunks = ceil_div(depth, rows_per_chunk);
    const Index panels_of_one = ceil_div(columns, width);
    context.parallel_for(matrices * panels_of_one * row_chunks, [&](Index chunk) {
        const Index panel = chunk / row_chunks;
        const Index first_row = chunk % row_chunks * rows_per_chunk;
        const Index last_row = std::min(depth, first_row + rows_per_chunk);
        const Index first_column = panel % panels_of_one * width;
        const Index count = std::min(width, columns - first_column);
        const T* const from = b + panel / panels_of_one * stride;
        T* to = panels + panel * depth * width;
        for (Index k = first_row; k < last_row; ++k) {
            T* row = to + k * width;
            if (transposed) {
                for (Index j = 0; j < count; ++j) row[j] = from[(first_column + j) * depth + k];
            } else {
                std::copy_n(from + k * columns + first_column, count, row);
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
          // A sum over very many (a weight gradient) makes few chunks: then the
          // depth is cut too.
          parts(std::clamp<Index>(depth / 2048, 1, ceil_div(8, row_chunks * panel_chunks))) {}

    static constexpr Index rows_per_chunk = 16 * tile_rows;
    static constexpr Index panels_per_chunk = 4;
    Index row_chunks, panel_chunks, parts;

    [[nodiscard]] Index blocks() const { return row_chunks * panel_chunks; }

    /// How many matrices of a batch are multiplied at one go, by their extents
    /// alone: enough to give all threads work, and no more than what the cache
    /// holds of packed operands.
    [[nodiscard]] Index matrices_at_once(Index batch, Index packed_size) const {
        constexpr Index enough_blocks = 16;
        constexpr Index most_numbers = 65536;
        if (parts > 1) return 1;
        return std::clamp<Index>(
            std::min(ceil_div(enough_blocks, blocks()), most_numbers / packed_size), 1, batch);
    }
};

/// One chunk: c (rows x columns, `c_stride` apart) from a block of A and up to
/// panels_per_chunk panels. The depth goes in blocks that keep a panel in the
/// first-level cache.
template <class T>
void gemm_chunk(Index rows, Index columns, Index depth, const T* a, Index a_row, Index a_depth,
                const PanelView<T>& b, T* c, Index c_stride, bool accumulate) {
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

/// The right operands of the products that are done at one go.
template <class T>
struct RightOperands {
    PanelView<T> view;
    Index stride = 0;  ///< from matrix to matrix
    Buffer<T> packed{};
};

/// `matrices` of them from matrix `first` on; read where they are, if that can
/// be.
template <class T>
[[nodiscard]] RightOperands<T> right_operands(Context& context, const Gemm<T>& call, Index first,
                                              Index matrices) {
    constexpr Index width = panel_width<T>;
    const T* const b = call.b + first * call.batch_stride_b;
    if (!call.transpose_b && call.n % width == 0) {
        return {{b, width, call.n}, call.batch_stride_b};
    }
    const Index size = ceil_div(call.n, width) * call.k * width;
    const Index different = call.batch_stride_b == 0 ? 1 : matrices;
    RightOperands<T> operands{
        {}, call.batch_stride_b == 0 ? 0 : size, context.buffer<T>(different * size)};
    pack_panels(context, call.transpose_b, call.k, call.n, b, operands.packed.data(), different,
                call.batch_stride_b);
    operands.view = {operands.packed.data(), call.k * width, width};
    return operands;
}

/// `matrices` products from matrix `first` of the batch on.
template <class T>
void multiply_some(Context& context, const Gemm<T>& call, const GemmChunks& chunks,
                   const RightOperands<T>& right, Index first, Index matrices) {
    constexpr Index width = panel_width<T>;
    const Index rows = call.m;
    const Index columns = call.n;
    const Index depth = call.k;
    const Index blocks = chunks.blocks();
    const bool whole = chunks.parts == 1;
    Buffer<T> partial;
    if (!whole) partial = context.buffer<T>(chunks.parts * rows * columns);
    context.parallel_for(matrices * chunks.parts * blocks, [&](Index chunk) {
        const Index matrix = chunk / (chunks.parts * blocks);
        const Index part = chunk / blocks % chunks.parts;
        const Index first_depth = depth * part / chunks.parts;
        const Index part_depth = depth * (part + 1) / chunks.parts - first_depth;
        const Index row = chunk % blocks / chunks.panel_chunks * chunks.rows_per_chunk;
        const Index panel = chunk % chunks.panel_chunks * chunks.panels_per_chunk;
        const Index column = panel * width;
        const Index chunk_rows = std::min(chunks.rows_per_chunk, rows - row);
        const Index chunk_columns = std::min(chunks.panels_per_chunk * width, columns - column);
        const PanelView<T>& view = right.view;
        const PanelView<T> chunk_view{view.data + matrix * right.stride +
                                          panel * view.panel_stride + first_depth * view.row_stride,
                                      view.panel_stride, view.row_stride};
        const T* const a = call.a + (first + matrix) * call.batch_stride_a;
        T* const c = whole ? call.c + (first + matrix) * call.batch_stride_c
                           : partial.data() + part * rows * columns;
        T* const to = c + row * columns + column;
        const bool accumulate = whole && call.accumulate;
        if (call.transpose_a) {
            gemm_chunk(chunk_rows, chunk_columns, part_depth, a + first_depth * rows + row, 1, rows,
                       chunk_view, to, columns, accumulate);
        } else {
            gemm_chunk(chunk_rows, chunk_columns, part_depth, a + row * depth + first_depth, depth,
                       1, chunk_view, to, columns, accumulate);
        }
    });
    if (whole) return;
    T* const c = call.c + first * call.batch_stride_c;
    context.parallel_for(rows, [&](Index row) {
        for (Index i = row * columns; i < (row + 1) * columns; ++i) {
            T sum = partial.data()[i];
            for (Index part = 1; part < chunks.parts; ++part) {
                sum += partial.data()[part * rows * columns + i];
            }
            c[i] = call.accumulate ? c[i] + sum : sum;
        }
    });
}

/// All products of a batch, without bias: matrix.hpp has that.
template <class T>
void gemm(Context& context, const Gemm<T>& call) {
    if (call.m <= 0 || call.n <= 0) return;
    if (call.k <= 0) {
        for (Index i = 0; i < call.batch && !call.accumulate; ++i) {
            std::fill_n(call.c + i * call.batch_stride_c, call.m * call.n, T{0});
        }
        return;
    }
    const Index panels = ceil_div(call.n, panel_width<T>);
    const GemmChunks chunks(call.m, panels, call.k);
    const Index at_once = chunks.matrices_at_once(call.batch, panels * call.k * panel_width<T>);
    for (Index first = 0; first < call.batch; first += at_once) {
        const Index matrices = std::min(at_once, call.batch - first);
        multiply_some(context, call, chunks, right_operands(context, call, first, matrices), first,
                      matrices);
    }
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
