// The implicit product: a convolution as pixels' windows times a matrix of weights, tile by tile.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backends/cuda/kernels/convolution/windows.hpp>
#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/launch.hpp>

namespace kasmina::backends::cuda_detail {

/// Tiles of the products: 256 threads, each with a few rows and four columns of the result.
struct ProductTile {
    static constexpr int threads = 256;
    static constexpr int columns_each = 4;
    static constexpr int depth = 16;  ///< numbers of the sums that are in shared memory at a time
};

/// y[pixel][n] (+)= sum over k of window(pixel)[k] * matrix[k][n], for each group by itself. A
/// matrix has whole tiles, filled up with zeros. Across threads lie side by side in a tile, and a
/// thread has RowsEach rows. Vectors says whether the map's channels come sixteen bytes at a time.
template <class T, class Window, int Across, int RowsEach, bool Vectors>
struct ImplicitProductKernel {
    static constexpr const char* name = "implicit_product";
    static constexpr int rows = ProductTile::threads / Across * RowsEach;
    static constexpr int tile_columns = Across * ProductTile::columns_each;
    static constexpr int vector = vector_width<T>;
    static constexpr int width = Vectors ? vector : 1;
    /// Rows of the left tile are this long, in vectors: one more, against bank conflicts.
    static constexpr int left_pitch = rows / vector + 1;
    static constexpr int right_pitch = tile_columns / vector;
    static constexpr int shared_bytes = 16 * ProductTile::depth * (left_pitch + right_pitch);

    Window window;
    Index groups;
    Index columns;  ///< of the result, of one group
    Index pitch;    ///< of the matrix: columns in whole tiles
    bool whole;     ///< the result's columns, too, can be written sixteen bytes at a time
    const T* x;
    const T* matrix;
    GradientTarget<T> y;

    [[nodiscard]] Launch launch() const {
        return {groups * parts(window.pixels, rows) * (pitch / tile_columns), ProductTile::threads,
                shared_bytes};
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index column_tiles = pitch / tile_columns;
        const Index line = block.index() / column_tiles;
        const Index row_tiles = (window.pixels + rows - 1) / rows;
        const Index group = Window::grouped ? line / row_tiles : 0;
        const Index first_row = (line - group * row_tiles) * rows;
        const Index first_column = (block.index() - line * column_tiles) * tile_columns;
        const auto left = block.template shared<Vector<T>>(0, ProductTile::depth * left_pitch);
        const auto right = block.template shared<Vector<T>>(16 * ProductTile::depth * left_pitch,
                                                            ProductTile::depth * right_pitch);

        const int tiles =
            static_cast<int>((window.depth + ProductTile::depth - 1) / ProductTile::depth);
        Loader loader = loader_for(block.thread(), first_row, first_column);
        loader.x = x + group * window.channels;
        loader.matrix_row += group * tiles * ProductTile::depth * pitch;
        T sums[static_cast<unsigned>(RowsEach)][static_cast<unsigned>(ProductTile::columns_each)] =
            {};
        loader.load(*this);
        for (int tile = 0; tile < tiles; ++tile) {
            loader.store(left, right);
            block.barrier();
            if (tile + 1 < tiles) loader.load(*this);
            multiply(block.thread(), left, right, sums);
            block.barrier();
        }
        store(block.thread(), group, first_row, first_column, sums);
    }

private:
    /// What one thread brings from memory for each tile: through registers, so that the next tile
    /// is under way while this one is multiplied.
    struct Loader {
        static constexpr int parts_of_row = ProductTile::depth / width;
        static constexpr int rows_at_once = ProductTile::threads / parts_of_row;
        static constexpr int left_parts = rows / rows_at_once;
        static constexpr int right_vectors = ProductTile::depth * right_pitch;
        static constexpr int right_parts =
            (right_vectors + ProductTile::threads - 1) / ProductTile::threads;

        int part;  ///< which numbers of a row's window
        int row;   ///< the first of its rows in the tile
        int thread;
        WindowCursor place;
        typename Window::Pixel pixels[static_cast<unsigned>(left_parts)];
        const T* x;
        const T* matrix_row;
        Lanes<T, width> left_values[static_cast<unsigned>(left_parts)];
        Vector<T> right_values[static_cast<unsigned>(right_parts)];

        KASMINA_DEVICE void load(const ImplicitProductKernel& kernel) {
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < left_parts; ++i) {
                left_values[i] = kernel.window.template load<width>(x, pixels[i], place);
            }
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < right_parts; ++i) {
                const int at = thread + i * ProductTile::threads;
                if (at >= right_vectors) continue;
                right_values[i] = load_vector(matrix_row + (at / right_pitch) * kernel.pitch +
                                              at % right_pitch * vector);
            }
            place.advance(kernel.window, ProductTile::depth);
            matrix_row += ProductTile::depth * kernel.pitch;
        }
        template <class Shared>
        KASMINA_DEVICE void store(const Shared& left, const Shared& right) const {
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < left_parts; ++i) {
                const int at = row + i * rows_at_once;
                KASMINA_DEVICE_UNROLL
                for (int lane = 0; lane < width; ++lane) {
                    left[(part * width + lane) * left_pitch + at / vector][at % vector] =
                        left_values[i][lane];
                }
            }
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < right_parts; ++i) {
                const int at = thread + i * ProductTile::threads;
                if (at < right_vectors) right[at] = right_values[i];
            }
        }
    };

    [[nodiscard]] KASMINA_DEVICE Loader loader_for(int thread, Index first_row,
                                                   Index first_column) const {
        Loader loader;
        loader.thread = thread;
        loader.part = thread % Loader::parts_of_row;
        loader.row = thread / Loader::parts_of_row;
        loader.place = WindowCursor::at(window, Index{loader.part} * width);
        loader.matrix_row = matrix + first_column;
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Loader::left_parts; ++i) {
            loader.pixels[i] =
                Window::Pixel::at(window, first_row + loader.row + i * Loader::rows_at_once);
        }
        return loader;
    }

    template <class Shared, class Sums>
    KASMINA_DEVICE void multiply(int thread, const Shared& left, const Shared& right,
                                 Sums& sums) const {
        const int thread_row = thread / Across;
        const int thread_column = thread % Across;
        KASMINA_DEVICE_UNROLL
        for (int k = 0; k < ProductTile::depth; ++k) {
            Vector<T> a[static_cast<unsigned>(RowsEach / vector)];
            Vector<T> b[static_cast<unsigned>(ProductTile::columns_each / vector)];
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < RowsEach / vector; ++i) {
                a[i] = left[k * left_pitch + thread_row * (RowsEach / vector) + i];
            }
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < ProductTile::columns_each / vector; ++i) {
                b[i] = right[k * right_pitch +
                             thread_column * (ProductTile::columns_each / vector) + i];
            }
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < RowsEach; ++i) {
                KASMINA_DEVICE_UNROLL
                for (int j = 0; j < ProductTile::columns_each; ++j) {
                    sums[i][j] += a[i / vector][i % vector] * b[j / vector][j % vector];
                }
            }
        }
    }

    template <class Sums>
    KASMINA_DEVICE void store(int thread, Index group, Index first_row, Index first_column,
                              const Sums& sums) const {
        const Index row = first_row + Index{thread / Across} * RowsEach;
        const Index column = first_column + Index{thread % Across} * ProductTile::columns_each;
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < RowsEach; ++i) {
            if (row + i >= window.pixels) continue;
            T* const to = y.data + ((row + i) * groups + group) * columns;
            if (whole) {
                store_row<vector>(to, column, sums[i]);
            } else {
                store_row<1>(to, column, sums[i]);
            }
        }
    }

    template <int Width, class Row>
    KASMINA_DEVICE void store_row(T* to, Index column, const Row& sums) const {
        KASMINA_DEVICE_UNROLL
        for (int j = 0; j < ProductTile::columns_each; j += Width) {
            if (column + j >= columns) continue;
            Lanes<T, Width> result;
            KASMINA_DEVICE_UNROLL
            for (int lane = 0; lane < Width; ++lane) result[lane] = sums[j + lane];
            put_lanes(GradientTarget<T>{to, y.accumulate}, column + j, result);
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
