// Direct convolution: each result sums what it sees by itself. For groups of few channels.
#pragma once

#include <kasmina/requirements.hpp>

#include <algorithm>

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backends/cuda/buffer.hpp>
#include <kasmina/backends/cuda/kernels/convolution/windows.hpp>
#include <kasmina/backends/cuda/kernels/reduction/channel_grid.hpp>
#include <kasmina/backends/cuda/kernels/reduction/partial_sums.hpp>

namespace kasmina::backends::cuda_detail {

/// to (+)= the windows' sums, forwards or back to the input. The grid's positions are the results'
/// pixels and its channels theirs. More than one lane are channels that are each a group.
template <class T, int Width>
struct DirectConvolutionKernel {
    static constexpr const char* name = "direct_convolution";
    ChannelGrid grid;
    StridedWindow window;
    bool turned;         ///< the taps
    Index results;       ///< channels of a group of results
    Index result_step;   ///< in kernels, of the weight from one of them to the next
    Index channel_step;  ///< in kernels, from one channel of what they see to the next
    const T* x;
    const T* weight;
    GradientTarget<T> to;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        if (!place.active) return;
        const Index group = place.channel / results;
        const Index inside = place.channel - group * results;
        const T* map = x + group * window.channels;
        // A group's kernels lie together, as many as it has results times channels.
        const Index taps = Index{window.kernel_height} * window.kernel_width;
        const T* kernel =
            weight + (group * results * window.channels + inside * result_step) * taps;
        for (Index position = place.first; position < place.end; position += grid.rows) {
            const Lanes<T, Width> sums =
                sum(StridedWindow::Pixel::at(window, position), map, kernel, taps);
            put_lanes(to, position * grid.channels + place.channel, sums);
        }
    }

private:
    [[nodiscard]] KASMINA_DEVICE Lanes<T, Width> sum(const StridedWindow::Pixel& pixel,
                                                     const T* map, const T* kernel,
                                                     Index taps) const {
        Lanes<T, Width> sums = same_lanes<Width>(T{0});
        for (int i = 0; i < window.kernel_height; ++i) {
            const int row = window.rows.at(pixel.row, i);
            if (row < 0) continue;
            for (int j = 0; j < window.kernel_width; ++j) {
                const int column = window.columns.at(pixel.column, j);
                if (column < 0) continue;
                const Index tap = Index{i} * window.kernel_width + j;
                const T* by = kernel + (turned ? taps - 1 - tap : tap);
                const T* from = map + pixel.sample +
                                (Index{row} * window.columns.extent + column) * window.pitch;
                for (int c = 0; c < window.channels; ++c) {
                    const Lanes<T, Width> value = load_lanes<Width>(from + c);
                    KASMINA_DEVICE_UNROLL
                    for (int lane = 0; lane < Width; ++lane) {
                        sums[lane] += value[lane] * by[lane * taps];
                    }
                    by += channel_step * taps;
                }
            }
        }
        return sums;
    }
};

/// partials[weight][chunk] = the sum over a chunk of pixels, for one number of each output
/// channel's kernels. The grid's positions are the outputs' pixels and its channels theirs.
template <class T, int Width>
struct DirectWeightSumsKernel {
    static constexpr const char* name = "direct_weight_sums";
    static constexpr int batch = 8;  ///< products summed as narrow as the scalar
    ChannelGrid grid;
    StridedWindow window;
    Index results;  ///< channels of a group of outputs
    const T* x;
    const T* grad_y;
    double* partials;

    [[nodiscard]] Launch launch() const {
        Launch launch = grid.launch(sum_rows_bytes<Width, double>());
        launch.blocks *= window.depth;
        return launch;
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        // Blocks of the same pixels run together, so that these come from the cache.
        const Index index = block.index() / window.depth;
        const Index number = block.index() - index * window.depth;
        const int taps = window.kernel_height * window.kernel_width;
        const int channel = static_cast<int>(number / taps);
        const int tap = static_cast<int>(number - Index{channel} * taps);
        const int tap_row = tap / window.kernel_width;
        const int tap_column = tap - tap_row * window.kernel_width;
        const ChannelPlace place = place_in(grid, block, index);
        const T* map = x + place.channel / results * window.channels + channel;

        double sums[static_cast<unsigned>(Width)] = {};
        for (Index start = place.first; start < place.end; start += Index{batch} * grid.rows) {
            Lanes<T, Width> narrow = same_lanes<Width>(T{0});
            for (int k = 0; k < batch; ++k) {
                const Index pixel = start + Index{k} * grid.rows;
                if (pixel >= place.end) break;
                const auto at = StridedWindow::Pixel::at(window, pixel);
                const int row = window.rows.at(at.row, tap_row);
                const int column = window.columns.at(at.column, tap_column);
                if (row < 0 || column < 0) continue;
                const Lanes<T, Width> value = load_lanes<Width>(
                    map + at.sample + (Index{row} * window.columns.extent + column) * window.pitch);
                const Lanes<T, Width> gradient =
                    load_lanes<Width>(grad_y + pixel * grid.channels + place.channel);
                KASMINA_DEVICE_UNROLL
                for (int lane = 0; lane < Width; ++lane) {
                    narrow[lane] += value[lane] * gradient[lane];
                }
            }
            KASMINA_DEVICE_UNROLL
            for (int lane = 0; lane < Width; ++lane) {
                sums[lane] += static_cast<double>(narrow[lane]);
            }
        }
        sum_rows(block, grid, place, sums,
                 block.template shared<double>(0, Width * ChannelGrid::threads));
        if (!place.active || place.row != 0) return;
        KASMINA_DEVICE_UNROLL
        for (int lane = 0; lane < Width; ++lane) {
            const Index segment = (place.channel + lane) * window.depth + number;
            partials[segment * grid.chunks + place.chunk] = sums[lane];
        }
    }
};

/// Convolutions by these kernels.
template <class T, class D>
struct DirectConvolutions {
    using Context = typename D::Context;

    static void forward(Context& context, const Conv2d<T>& call) {
        const ConvShape& shape = call.shape;
        run(context, shape, StridedWindow::forward(shape), false, shape.out_channels,
            shape.in_channels / shape.groups, 1, call.x, call.weight, {call.y, false});
    }
    static void to_input(Context& context, const Conv2dPullbackInput<T>& call) {
        const ConvShape& shape = call.shape;
        run(context, shape, StridedWindow::back(shape), true, shape.in_channels, 1,
            shape.in_channels / shape.groups, call.grad_y, call.weight, call.grad_x);
    }
    static void to_weight(Context& context, const Conv2dPullbackWeight<T>& call) {
        const ConvShape& shape = call.shape;
        const StridedWindow window = StridedWindow::forward(shape);
        const Index weights = shape.out_channels * window.depth;
        const bool vectors =
            each_a_group(shape) && in_vectors<T>(shape.out_channels, call.x, call.grad_y);
        with_lanes<T>(vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            using Kernel = DirectWeightSumsKernel<T, width>;
            const Index most_blocks = std::max<Index>(1, most_partial_blocks / window.depth);
            const ChannelGrid grid = channel_grid(1, window.pixels, shape.out_channels, width,
                                                  Kernel::batch, most_blocks);
            Scratch<double, D> partials(context, weights * grid.chunks);
            const Kernel kernel{grid,   window,      shape.out_channels / shape.groups,
                                call.x, call.grad_y, partials.data()};
            context.launch(kernel.launch(), kernel);
            context.launch(over_warps(weights),
                           SumSegmentsKernel<T, double>{partials.data(), weights, grid.chunks,
                                                        call.grad_weight});
        });
    }

private:
    [[nodiscard]] static bool each_a_group(const ConvShape& shape) {
        return shape.groups == shape.in_channels && shape.groups == shape.out_channels;
    }

    static void run(Context& context, const ConvShape& shape, const StridedWindow& window,
                    bool turned, Index channels, Index result_step, Index channel_step,
                    const T* from, const T* weight, const GradientTarget<T>& to) {
        const bool vectors = each_a_group(shape) && in_vectors<T>(channels, from, to.data);
        with_lanes<T>(vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            const ChannelGrid grid = channel_grid(1, window.pixels, channels, width, 1, any_blocks);
            context.launch(grid.launch(), DirectConvolutionKernel<T, width>{
                                              grid, window, turned, channels / shape.groups,
                                              result_step, channel_step, from, weight, to});
        });
    }
};

}  // namespace kasmina::backends::cuda_detail
