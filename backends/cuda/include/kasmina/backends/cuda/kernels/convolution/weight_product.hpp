// The weight product: a convolution's weight gradient as gradients times windows, over all pixels.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backends/cuda/gradient_put.hpp>
#include <kasmina/backends/cuda/kernels/convolution/implicit_product.hpp>

namespace kasmina::backends::cuda_detail {

/// partials[split][out][k] = sum over the split's pixels of grad_y[pixel][out] * window(pixel)[k],
/// for each group's outputs and windows by themselves. Splits, of the shape alone, are added in
/// order by the next kernel. OutAcross threads lie side by side along the result's channels; what
/// is left of the block's threads lies along the windows' numbers. OutVectors and InVectors say
/// whether the channels come sixteen bytes at a time.
template <class T, class Window, int OutAcross, bool OutVectors, bool InVectors>
struct WeightProductKernel {
    static constexpr const char* name = "weight_product";
    static constexpr int each = ProductTile::columns_each;
    static constexpr int vector = vector_width<T>;
    /// One side of the tile, and how it is brought from memory.
    template <int Across, bool Vectors>
    struct Side {
        static constexpr int across = Across;
        static constexpr int tile = Across * each;
        static constexpr int pitch = tile / vector;
        static constexpr int width = Vectors ? vector : 1;
        static constexpr int parts_of_row = tile / width;
        static constexpr int rows_at_once = ProductTile::threads / parts_of_row;
        static constexpr int count =
            rows_at_once < ProductTile::depth ? ProductTile::depth / rows_at_once : 1;
        static constexpr int shared_bytes = 16 * ProductTile::depth * pitch;
        using Values = Lanes<T, width>[static_cast<unsigned>(count)];

        /// The row and the number of part `i` of a thread.
        [[nodiscard]] static KASMINA_DEVICE int row(int thread, int i) {
            return thread / parts_of_row + i * rows_at_once;
        }
        [[nodiscard]] static KASMINA_DEVICE int column(int thread) {
            return thread % parts_of_row * width;
        }
        template <class Shared>
        static KASMINA_DEVICE void store(int thread, const Shared& shared, const Values& values) {
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < count; ++i) {
                if (row(thread, i) >= ProductTile::depth) continue;
                const int first = row(thread, i) * tile + column(thread);
                KASMINA_DEVICE_UNROLL
                for (int lane = 0; lane < width; ++lane) {
                    const int at = first + lane;
                    shared[at / vector][at % vector] = values[i][lane];
                }
            }
        }
    };
    using Out = Side<OutAcross, OutVectors>;
    using In = Side<ProductTile::threads / OutAcross, InVectors>;
    static constexpr int shared_bytes = Out::shared_bytes + In::shared_bytes;

    Window window;
    Index groups;
    Index out_channels;  ///< of one group
    Index splits;
    Index split_pixels;  ///< a multiple of the tile's depth
    const T* x;
    const T* grad_y;
    T* partials;

    [[nodiscard]] static Index tiles(const Window& window, Index out_channels) {
        return parts(out_channels, Out::tile) * parts(window.depth, In::tile);
    }
    [[nodiscard]] Launch launch() const {
        return {tiles(window, out_channels) * splits * groups, ProductTile::threads, shared_bytes};
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index out_tiles = (out_channels + Out::tile - 1) / Out::tile;
        const Index depth_tiles = (window.depth + In::tile - 1) / In::tile;
        const Index part = block.index() / (out_tiles * depth_tiles);
        const Index group = Window::grouped ? part / splits : 0;
        const Index split = part - group * splits;
        const Index rest = block.index() - part * (out_tiles * depth_tiles);
        const Index first_out = rest / depth_tiles * Out::tile;
        const Index first_k = rest % depth_tiles * In::tile;
        const auto left = block.template shared<Vector<T>>(0, ProductTile::depth * Out::pitch);
        const auto right =
            block.template shared<Vector<T>>(Out::shared_bytes, ProductTile::depth * In::pitch);

        const Index first_pixel = split * split_pixels;
        Index end = first_pixel + split_pixels;
        if (end > window.pixels) end = window.pixels;
        Loader loader = loader_for(block.thread(), first_pixel, end, first_out, first_k);
        loader.x = x + group * window.channels;
        loader.grad_y = grad_y + group * out_channels;
        T sums[static_cast<unsigned>(each)][static_cast<unsigned>(each)] = {};
        const Index steps = (end - first_pixel + ProductTile::depth - 1) / ProductTile::depth;
        loader.load(*this);
        for (Index step = 0; step < steps; ++step) {
            Out::store(block.thread(), left, loader.out_values);
            In::store(block.thread(), right, loader.in_values);
            block.barrier();
            if (step + 1 < steps) loader.load(*this);
            multiply(block.thread(), left, right, sums);
            block.barrier();
        }
        store(block.thread(), split * groups + group, first_out, first_k, sums);
    }

private:
    /// What one thread brings for each tile: through registers, so that the next tile is under way
    /// while this one is multiplied.
    struct Loader {
        Index end;
        Index out;        ///< the first of its channels
        Index out_pixel;  ///< the first of its pixels
        const T* x;
        const T* grad_y;
        WindowCursor place;
        typename Window::Pixel pixels[static_cast<unsigned>(In::count)];
        typename Out::Values out_values;
        typename In::Values in_values;

        KASMINA_DEVICE void load(const WeightProductKernel& kernel) {
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Out::count; ++i) {
                const Index pixel = out_pixel + i * Out::rows_at_once;
                out_values[i] =
                    pixel < end && out < kernel.out_channels
                        ? load_lanes<Out::width>(grad_y +
                                                 pixel * kernel.groups * kernel.out_channels + out)
                        : same_lanes<Out::width>(T{0});
            }
            out_pixel += ProductTile::depth;
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < In::count; ++i) {
                in_values[i] = pixels[i].pixel < end
                                   ? kernel.window.template load<In::width>(x, pixels[i], place)
                                   : same_lanes<In::width>(T{0});
                pixels[i].advance(kernel.window, ProductTile::depth);
            }
        }
    };

    [[nodiscard]] KASMINA_DEVICE Loader loader_for(int thread, Index first_pixel, Index end,
                                                   Index first_out, Index first_k) const {
        Loader loader;
        loader.end = end;
        loader.out = first_out + Out::column(thread);
        loader.out_pixel = first_pixel + Out::row(thread, 0);
        loader.place = WindowCursor::at(window, first_k + In::column(thread));
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < In::count; ++i) {
            loader.pixels[i] = Window::Pixel::at(window, first_pixel + In::row(thread, i));
        }
        return loader;
    }

    template <class Shared, class Sums>
    KASMINA_DEVICE void multiply(int thread, const Shared& left, const Shared& right,
                                 Sums& sums) const {
        const int thread_row = thread / In::across;
        const int thread_column = thread % In::across;
        KASMINA_DEVICE_UNROLL
        for (int k = 0; k < ProductTile::depth; ++k) {
            Vector<T> a[static_cast<unsigned>(each / vector)];
            Vector<T> b[static_cast<unsigned>(each / vector)];
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < each / vector; ++i) {
                a[i] = left[k * Out::pitch + thread_row * (each / vector) + i];
                b[i] = right[k * In::pitch + thread_column * (each / vector) + i];
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
    KASMINA_DEVICE void store(int thread, Index part, Index first_out, Index first_k,
                              const Sums& sums) const {
        const Index out = first_out + Index{thread / In::across} * each;
        const Index k = first_k + Index{thread % In::across} * each;
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < each; ++i) {
            if (out + i >= out_channels) continue;
            KASMINA_DEVICE_UNROLL
            for (int j = 0; j < each; ++j) {
                if (k + j >= window.depth) continue;
                partials[(part * out_channels + out + i) * window.depth + k + j] = sums[i][j];
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
