// The weight product: a convolution's weight gradient as gradients times windows, over all pixels.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backends/cuda/gradient_put.hpp>
#include <kasmina/backends/cuda/kernels/convolution/implicit_product.hpp>

namespace kasmina::backends::cuda_detail {

/// partials[split][out][k] = sum over the split's pixels of grad_y[pixel][out] * window(pixel)[k].
/// Splits, of the shape alone, are added in order by the next kernel.
template <class T, bool Vectors>
struct WeightProductKernel {
    static constexpr const char* name = "weight_product";
    static constexpr int side = 16;  ///< threads side by side, and below each other
    static constexpr int each = ProductTile::columns_each;
    static constexpr int tile = side * each;  ///< rows and columns of the result
    static constexpr int vector = vector_width<T>;
    static constexpr int width = Vectors ? vector : 1;
    static constexpr int pitch = tile / vector;
    static constexpr int shared_bytes = 2 * 16 * ProductTile::depth * pitch;

    SlidingWindow window;
    Index out_channels;
    Index splits;
    Index split_pixels;  ///< a multiple of the tile's depth
    const T* x;
    const T* grad_y;
    T* partials;

    [[nodiscard]] static Index tiles(const SlidingWindow& window, Index out_channels) {
        return parts(out_channels, tile) * parts(window.depth, tile);
    }
    [[nodiscard]] Launch launch() const {
        return {tiles(window, out_channels) * splits, ProductTile::threads, shared_bytes};
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index depth = window.depth;
        const Index out_tiles = (out_channels + tile - 1) / tile;
        const Index depth_tiles = (depth + tile - 1) / tile;
        const Index split = block.index() / (out_tiles * depth_tiles);
        const Index rest = block.index() - split * (out_tiles * depth_tiles);
        const Index first_out = rest / depth_tiles * tile;
        const Index first_k = rest % depth_tiles * tile;
        const auto left = block.template shared<Vector<T>>(0, ProductTile::depth * pitch);
        const auto right = block.template shared<Vector<T>>(16 * ProductTile::depth * pitch,
                                                            ProductTile::depth * pitch);

        const Index first_pixel = split * split_pixels;
        Index end = first_pixel + split_pixels;
        if (end > window.pixels) end = window.pixels;
        Loader loader = loader_for(block.thread(), first_pixel, end, first_out, first_k);
        T sums[static_cast<unsigned>(each)][static_cast<unsigned>(each)] = {};
        const Index steps = (end - first_pixel + ProductTile::depth - 1) / ProductTile::depth;
        loader.load(*this);
        for (Index step = 0; step < steps; ++step) {
            loader.store(left, right);
            block.barrier();
            if (step + 1 < steps) loader.load(*this);
            multiply(block.thread(), left, right, sums);
            block.barrier();
        }
        store(block.thread(), split, first_out, first_k, sums);
    }

private:
    struct Loader {
        static constexpr int parts_of_row = tile / width;
        static constexpr int rows_at_once = ProductTile::threads / parts_of_row;
        static constexpr int count = ProductTile::depth / rows_at_once;

        int row;     ///< the first of its pixels in the tile
        int column;  ///< the first of its numbers in the tile
        Index end;
        Index out;
        WindowCursor place;
        PixelCursor pixels[static_cast<unsigned>(count)];
        Lanes<T, width> left_values[static_cast<unsigned>(count)];
        Lanes<T, width> right_values[static_cast<unsigned>(count)];

        KASMINA_DEVICE void load(const WeightProductKernel& kernel) {
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < count; ++i) {
                const bool any = pixels[i].pixel < end;
                left_values[i] =
                    any && out < kernel.out_channels
                        ? load_lanes<width>(kernel.grad_y + pixels[i].pixel * kernel.out_channels +
                                            out)
                        : same_lanes<width>(T{0});
                right_values[i] =
                    any ? load_window<width>(kernel.window, kernel.x, pixels[i], place)
                        : same_lanes<width>(T{0});
                pixels[i].advance(kernel.window, ProductTile::depth);
            }
        }
        template <class Shared>
        KASMINA_DEVICE void store(const Shared& left, const Shared& right) const {
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < count; ++i) {
                const int first = (row + i * rows_at_once) * tile + column;
                KASMINA_DEVICE_UNROLL
                for (int lane = 0; lane < width; ++lane) {
                    const int at = first + lane;
                    left[at / vector][at % vector] = left_values[i][lane];
                    right[at / vector][at % vector] = right_values[i][lane];
                }
            }
        }
    };

    [[nodiscard]] KASMINA_DEVICE Loader loader_for(int thread, Index first_pixel, Index end,
                                                   Index first_out, Index first_k) const {
        Loader loader;
        loader.row = thread / Loader::parts_of_row;
        loader.column = thread % Loader::parts_of_row * width;
        loader.end = end;
        loader.out = first_out + loader.column;
        loader.place = WindowCursor::at(window, first_k + loader.column);
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Loader::count; ++i) {
            loader.pixels[i] =
                PixelCursor::at(window, first_pixel + loader.row + i * Loader::rows_at_once);
        }
        return loader;
    }

    template <class Shared, class Sums>
    KASMINA_DEVICE void multiply(int thread, const Shared& left, const Shared& right,
                                 Sums& sums) const {
        const int thread_row = thread / side;
        const int thread_column = thread % side;
        KASMINA_DEVICE_UNROLL
        for (int k = 0; k < ProductTile::depth; ++k) {
            Vector<T> a[static_cast<unsigned>(each / vector)];
            Vector<T> b[static_cast<unsigned>(each / vector)];
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < each / vector; ++i) {
                a[i] = left[k * pitch + thread_row * (each / vector) + i];
                b[i] = right[k * pitch + thread_column * (each / vector) + i];
            }
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < each; ++i) {
                KASMINA_DEVICE_UNROLL
                for (int j = 0; j < each; ++j) {
                    sums[i][j] += a[i / vector][i % vector] * b[j / vector][j % vector];
                }
            }
        }
    }

    template <class Sums>
    KASMINA_DEVICE void store(int thread, Index split, Index first_out, Index first_k,
                              const Sums& sums) const {
        const Index depth = window.depth;
        const Index out = first_out + Index{thread / side} * each;
        const Index k = first_k + Index{thread % side} * each;
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < each; ++i) {
            if (out + i >= out_channels) continue;
            KASMINA_DEVICE_UNROLL
            for (int j = 0; j < each; ++j) {
                if (k + j >= depth) continue;
                partials[(split * out_channels + out + i) * depth + k + j] = sums[i][j];
            }
        }
    }
};

/// grad_weight (+)= the sum of the splits, in PyTorch's order.
template <class T>
struct WeightSplitsKernel {
    static constexpr const char* name = "weight_splits";
    Index out_channels;
    Index in_channels;
    Index taps;
    Index splits;
    const T* partials;
    GradientTarget<T> grad_weight;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index depth = taps * in_channels;
        const Index count = out_channels * depth;
        for (Index at = first_of(block); at < count; at += stride_of(block)) {
            double sum = 0.0;
            for (Index split = 0; split < splits; ++split) {
                sum += static_cast<double>(partials[split * count + at]);
            }
            const Index out = at / depth;
            const Index tap = (at - out * depth) / in_channels;
            const Index in = at - out * depth - tap * in_channels;
            put(grad_weight, (out * in_channels + in) * taps + tap, static_cast<T>(sum));
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
