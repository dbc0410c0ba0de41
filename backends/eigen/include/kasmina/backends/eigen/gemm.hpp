// Row-major matrix product on the register tile: the left operand is read where
// it is, the right one is packed into panels where many rows read it, or where
// it cannot be read as it is.
#pragma once

#include <algorithm>
#include <kasmina/backend/matrix.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/backends/eigen/register_transpose.hpp>
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

/// Packs rows [first, last) of a panel whose columns, `count` of them, are `depth`
/// apart and dense; 0 in columns that do not exist.
template <class T>
void pack_transposed_panel(const T* from, Index depth, Index count, Index first, Index last,
                           T* panel) {
    constexpr Index width = panel_width<T>;
    for (Index column = 0; column < width; column += lanes<T>) {
        Index k = first;
        for (; column + lanes<T> <= count && k + lanes<T> <= last; k += lanes<T>) {
            transpose_square(from + column * depth + k, depth, panel + k * width + column, width);
        }
        for (; k < last; ++k) {
            for (Index j = column; j < column + lanes<T>; ++j) {
                panel[k * width + j] = j < count ? from[j * depth + k] : T{0};
            }
        }
    }
}

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
        if (transposed) {
            return pack_transposed_panel(from + first_column * depth, depth, count, first_row,
                                         last_row, to);
        }
        for (Index k = first_row; k < last_row; ++k) {
            T* row = to + k * width;
            std::copy_n(from + k * columns + first_column, count, row);
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
/// panels_per_chunk panels, plus a bias for each column, or none where that is
/// null. The depth goes in blocks of which all panels and rows of a chunk stay in
/// the second-level cache.
template <class T, class RowStride, class DepthStride>
void gemm_chunk(Index rows, Index columns, Index depth, const T* a, RowStride a_row,
                DepthStride a_depth, const PanelView<T>& b, const T* bias, T* c, Index c_stride,
                bool accumulate) {
    constexpr Index depth_block = 384;
    for (Index k = 0; k < depth; k += depth_block) {
        const Index block = std::min(depth_block, depth - k);
        // What is added to the products, through one loop that is compiled once: c, then the bias.
        const int first_added = accumulate || k > 0 ? 0 : 1;
        const int end_added = bias != nullptr && k == 0 ? 2 : 1;
        for (Index column = 0; column < columns; column += panel_width<T>) {
            const T* panel = b.data + column / panel_width<T> * b.panel_stride + k * b.row_stride;
            auto tile = [&]<int Rows, int Vectors>(Index row) {
                RegisterTile<T, Rows, Vectors> sums;
                T* const to = c + row * c_stride + column;
                sums.clear();
                sums.accumulate(a + row * a_row + k * a_depth, a_row, a_depth, panel, b.row_stride,
                                block);
                for (int i = first_added; i < end_added; ++i) {
                    sums.add_stored(i == 0 ? to : bias + column, i == 0 ? c_stride : 0,
                                    columns - column);
                }
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
/// be and there are too few rows to make up for a copy.
template <class T>
[[nodiscard]] RightOperands<T> right_operands(Context& context, const Gemm<T>& call, Index first,
                                              Index matrices) {
    constexpr Index width = panel_width<T>;
    constexpr Index many_rows = 256;
    const T* const b = call.b + first * call.batch_stride_b;
    if (!call.transpose_b && call.n % width == 0 && call.m < many_rows) {
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
        const T* const bias = whole && call.bias != nullptr ? call.bias + column : nullptr;
        const bool accumulate = whole && call.accumulate;
        if (call.transpose_a) {
            gemm_chunk(chunk_rows, chunk_columns, part_depth, a + first_depth * rows + row,
                       Constant<1>{}, rows, chunk_view, bias, to, columns, accumulate);
        } else {
            gemm_chunk(chunk_rows, chunk_columns, part_depth, a + row * depth + first_depth, depth,
                       Constant<1>{}, chunk_view, bias, to, columns, accumulate);
        }
    });
    if (whole) return;
    T* const c = call.c + first * call.batch_stride_c;
    context.parallel_for(rows, [&](Index row) {
        for (Index column = 0; column < columns; ++column) {
            const Index i = row * columns + column;
            T sum = partial.data()[i];
            for (Index part = 1; part < chunks.parts; ++part) {
                sum += partial.data()[part * rows * columns + i];
            }
            if (call.bias != nullptr) sum += call.bias[column];
            c[i] = call.accumulate ? c[i] + sum : sum;
        }
    });
}

/// c where the sums have no terms: 0, or the bias.
template <class T>
void product_of_no_depth(const Gemm<T>& call) {
    for (Index row = 0; row < call.batch * call.m; ++row) {
        T* const c = call.c + row / call.m * call.batch_stride_c + row % call.m * call.n;
        if (!call.accumulate) std::fill_n(c, call.n, T{0});
        for (Index j = 0; j < call.n && call.bias != nullptr; ++j) c[j] += call.bias[j];
    }
}

/// All products of a batch.
template <class T>
void gemm(Context& context, const Gemm<T>& call) {
    if (call.m <= 0 || call.n <= 0) return;
    if (call.k <= 0) return product_of_no_depth(call);
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
