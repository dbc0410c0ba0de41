// The depthwise filter: each channel with its own kernel, forwards and back to the input.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backends/cuda/kernels/reduction/channel_grid.hpp>

namespace kasmina::backends::cuda_detail {

/// to (+)= from filtered by weight, with its taps turned about where `turned` says so: that is the
/// way back to the input. A thread has a run of pixels of one line, so that each value is read
/// once for a line of taps; the grid's positions are such runs. KernelWidth is the kernel's, or 0
/// where that is known only when it runs.
template <class T, int Width, int KernelWidth>
struct DepthwiseFilterKernel {
    static constexpr const char* name = "depthwise_filter";
    static constexpr int run = 4;
    ChannelGrid grid;
    ConvShape shape;
    Index taps;
    Index runs;  ///< of a line
    bool turned;
    const T* from;
    const T* weight;
    GradientTarget<T> to;

    [[nodiscard]] static Index runs_of(const ConvShape& shape) { return parts(shape.width, run); }
    [[nodiscard]] static Index positions(const ConvShape& shape) {
        return shape.batch * shape.height * runs_of(shape);
    }
    [[nodiscard]] Launch launch() const {
        const Index bytes = taps * grid.columns * static_cast<Index>(sizeof(Lanes<T, Width>));
        return grid.launch(static_cast<int>(bytes));
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        const auto weights =
            block.template shared<Lanes<T, Width>>(0, static_cast<int>(taps) * grid.columns);
        load_weights(block, place, weights);
        block.barrier();
        for (Index position = place.first; position < place.end; position += grid.rows) {
            const Index line = position / runs;
            filter(weights, place, line, (position - line * runs) * run);
        }
    }

private:
    /// The block's kernels, tap by tap.
    template <Block B, class Shared>
    KASMINA_DEVICE void load_weights(const B& block, const ChannelPlace& place,
                                     const Shared& weights) const {
        Index channels = grid.channels - place.tile_channel;
        const Index most = Index{grid.columns} * Width;
        if (channels > most) channels = most;
        const T* first = weight + place.tile_channel * taps;
        for (Index i = block.thread(); i < channels * taps; i += block.threads()) {
            const Index channel = i / taps;
            const Index tap = i - channel * taps;
            const Index to_tap = turned ? taps - 1 - tap : tap;
            const Index at = to_tap * grid.columns + channel / Width;
            weights[static_cast<int>(at)][static_cast<int>(channel % Width)] = first[i];
        }
    }

    template <class Shared>
    KASMINA_DEVICE void filter(const Shared& weights, const ChannelPlace& place, Index line,
                               Index column) const {
        const int kernel_width =
            KernelWidth > 0 ? KernelWidth : static_cast<int>(shape.kernel_width);
        const int kernel_height = static_cast<int>(shape.kernel_height);
        const Index row = line % shape.height;
        Lanes<T, Width> sums[run];
        KASMINA_DEVICE_UNROLL
        for (int q = 0; q < run; ++q) sums[q] = same_lanes<Width>(T{0});
        for (int i = 0; i < kernel_height; ++i) {
            const Index offset = i - kernel_height / 2;
            if (row + offset < 0 || row + offset >= shape.height) continue;
            const T* values = from + (line + offset) * shape.width * grid.channels + place.channel;
            const int first_tap = i * kernel_width;
            KASMINA_DEVICE_UNROLL
            for (int k = 0; k < run + kernel_width - 1; ++k) {
                const Index at = column + k - kernel_width / 2;
                if (at < 0 || at >= shape.width) continue;
                const Lanes<T, Width> value = load_lanes<Width>(values + at * grid.channels);
                KASMINA_DEVICE_UNROLL
                for (int q = 0; q < run; ++q) {
                    const int j = k - q;
                    if (j < 0 || j >= kernel_width) continue;
                    const Lanes<T, Width> by =
                        weights[(first_tap + j) * grid.columns + place.column];
                    KASMINA_DEVICE_UNROLL
                    for (int lane = 0; lane < Width; ++lane)
                        sums[q][lane] += value[lane] * by[lane];
                }
            }
        }
        KASMINA_DEVICE_UNROLL
        for (int q = 0; q < run; ++q) {
            if (column + q >= shape.width) continue;
            put_lanes(to, (line * shape.width + column + q) * grid.channels + place.channel,
                      sums[q]);
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
