// The implicit product: a convolution as pixels' windows times a matrix of weights, tile by tile.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/launch.hpp>

namespace kasmina::backends::cuda_detail {

/// The maps that a window slides over, and its extent; "same" padding with zeros.
struct SlidingWindow {
    Index pixels = 0;  ///< batch * height * width
    int height = 0;
    int width = 0;
    int kernel_height = 0;
    int kernel_width = 0;
    int channels = 0;  ///< of the map: numbers per tap
    Index depth = 0;   ///< numbers of a window
};

/// Numbers of a window by their place in it: tap by tap, channels last. Walks on in steps.
struct WindowCursor {
    int channel;
    int row;     ///< of the kernel
    int column;  ///< of the kernel

    [[nodiscard]] static KASMINA_DEVICE WindowCursor at(const SlidingWindow& window, Index k) {
        const int tap = static_cast<int>(k / window.channels);
        return {static_cast<int>(k - Index{tap} * window.channels), tap / window.kernel_width,
                tap % window.kernel_width};
    }
    KASMINA_DEVICE void advance(const SlidingWindow& window, int step) {
        channel += step;
        while (channel >= window.channels) {
            channel -= window.channels;
            if (++column == window.kernel_width) {
                column = 0;
                ++row;
            }
        }
    }
    /// Whether it is still inside the window.
    [[nodiscard]] KASMINA_DEVICE bool inside(const SlidingWindow& window) const {
        return row < window.kernel_height;
    }
};

/// A pixel with its place in its map.
struct PixelCursor {
    Index pixel;
    int row;
    int column;

    [[nodiscard]] static KASMINA_DEVICE PixelCursor at(const SlidingWindow& window, Index pixel) {
        const Index line = pixel / window.width;
        return {pixel, static_cast<int>(line % window.height),
                static_cast<int>(pixel - line * window.width)};
    }
    KASMINA_DEVICE void advance(const SlidingWindow& window, int step) {
        pixel += step;
        column += step;
        while (column >= window.width) {
            column -= window.width;
            if (++row == window.height) row = 0;
        }
    }
};

/// `Width` numbers of a pixel's window; zeros where it leaves the map.
template <int Width, class T>
[[nodiscard]] KASMINA_DEVICE Lanes<T, Width> load_window(const SlidingWindow& window, const T* x,
                                                         const PixelCursor& pixel,
                                                         const WindowCursor& place) {
    const int down = place.row - window.kernel_height / 2;
    const int right = place.column - window.kernel_width / 2;
    const int row = pixel.row + down;
    const int column = pixel.column + right;
    const bool on_map = place.inside(window) && pixel.pixel < window.pixels && row >= 0 &&
                        row < window.height && column >= 0 && column < window.width;
    if (!on_map) return same_lanes<Width>(T{0});
    const Index from = pixel.pixel + Index{down} * window.width + right;
    return load_lanes<Width>(x + from * window.channels + place.channel);
}

/// Tiles of the products: 256 threads, each with a few rows and four columns of the result.
struct ProductTile {
    static constexpr int threads = 256;
    static constexpr int columns_each = 4;
    static constexpr int depth = 16;  ///< numbers of the sums that are in shared memory at a time
};

/// y[pixel][n] (+)= sum over k of window(pixel)[k] * matrix[k][n]. `matrix` has whole tiles, filled
/// up with zeros. Across threads lie side by side in a tile, and a thread has RowsEach rows.
/// Vectors says whether the map's channels come sixteen bytes at a time.
template <class T, int Across, int RowsEach, bool Vectors>
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

    SlidingWindow window;
    Index columns;  ///< of the result
    Index pitch;    ///< of the matrix: columns in whole tiles
    bool whole;     ///< the result's columns, too, can be written sixteen bytes at a time
    const T* x;
    const T* matrix;
    GradientTarget<T> y;

    [[nodiscard]] Launch launch() const {
        return {parts(window.pixels, rows) * (pitch / tile_columns), ProductTile::threads,
                shared_bytes};
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index column_tiles = pitch / tile_columns;
        const Index row_tile = block.index() / column_tiles;
        const Index first_row = row_tile * rows;
        const Index first_column = (block.index() - row_tile * column_tiles) * tile_columns;
        const auto left = block.template shared<Vector<T>>(0, ProductTile::depth * left_pitch);
        const auto right = block.template shared<Vector<T>>(16 * ProductTile::depth * left_pitch,
                                                            ProductTile::depth * right_pitch);

        Loader loader = loader_for(block.thread(), first_row, first_column);
        T sums[static_cast<unsigned>(RowsEach)][static_cast<unsigned>(ProductTile::columns_each)] =
            {};
        const int tiles =
            static_cast<int>((window.depth + ProductTile::depth - 1) / ProductTile::depth);
        loader.load(*this);
        for (int tile = 0; tile < tiles; ++tile) {
            loader.store(left, right);
            block.barrier();
            if (tile + 1 < tiles) loader.load(*this);
            multiply(block.thread(), left, right, sums);
            block.barrier();
        }
        store(block.thread(), first_row, first_column, sums);
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
        PixelCursor pixels[static_cast<unsigned>(left_parts)];
        const T* matrix_row;
        Lanes<T, width> left_values[static_cast<unsigned>(left_parts)];
        Vector<T> right_values[static_cast<unsigned>(right_parts)];

        KASMINA_DEVICE void load(const ImplicitProductKernel& kernel) {
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < left_parts; ++i) {
                left_values[i] = load_window<width>(kernel.window, kernel.x, pixels[i], place);
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
                PixelCursor::at(window, first_row + loader.row + i * Loader::rows_at_once);
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
    KASMINA_DEVICE void store(int thread, Index first_row, Index first_column,
                              const Sums& sums) const {
        const Index row = first_row + Index{thread / Across} * RowsEach;
        const Index column = first_column + Index{thread % Across} * ProductTile::columns_each;
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < RowsEach; ++i) {
            if (row + i >= window.pixels) continue;
            T* const to = y.data + (row + i) * columns;
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
