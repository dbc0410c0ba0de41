// The gradient of a depthwise filter's weight: products of gradient and input, summed by blocks.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backends/cuda/kernels/reduction/channel_grid.hpp>

namespace kasmina::backends::cuda_detail {

/// partials[channel][tap][chunk] = the sum over a chunk of pixels. A block has `Taps` taps of one
/// line of the kernel; the grid's positions are pixels.
template <class T, int Width, int Taps>
struct DepthwiseWeightSumsKernel {
    static constexpr const char* name = "depthwise_weight_sums";
    static constexpr int batch = 8;  ///< products summed as narrow as the scalar
    ChannelGrid grid;
    ConvShape shape;
    const T* x;
    const T* grad_y;
    double* partials;

    /// How many blocks share the kernel's taps.
    [[nodiscard]] static Index tap_groups(const ConvShape& shape) {
        return shape.kernel_height * (shape.kernel_width / Taps);
    }
    [[nodiscard]] Launch launch() const {
        Launch launch = grid.launch(sum_rows_bytes<Width, double>());
        launch.blocks *= tap_groups(shape);
        return launch;
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        // Blocks of the same pixels run together, so that these come from the cache.
        const Index groups = shape.kernel_height * (shape.kernel_width / Taps);
        const Index index = block.index() / groups;
        const Index group = block.index() - index * groups;
        const Index first_tap = group * Taps;
        const Index kernel_row = first_tap / shape.kernel_width;
        const Index row_offset = kernel_row - shape.kernel_height / 2;
        const Index column_offset =
            first_tap - kernel_row * shape.kernel_width - shape.kernel_width / 2;
        const ChannelPlace place = place_in(grid, block, index);

        double sums[static_cast<unsigned>(Taps)][static_cast<unsigned>(Width)] = {};
        for (Index start = place.first; start < place.end; start += Index{batch} * grid.rows) {
            T narrow[static_cast<unsigned>(Taps)][static_cast<unsigned>(Width)] = {};
            for (int k = 0; k < batch; ++k) {
                const Index pixel = start + Index{k} * grid.rows;
                if (pixel >= place.end) break;
                add(place, pixel, row_offset, column_offset, narrow);
            }
            KASMINA_DEVICE_UNROLL
            for (int tap = 0; tap < Taps; ++tap) {
                KASMINA_DEVICE_UNROLL
                for (int i = 0; i < Width; ++i) {
                    sums[tap][i] += static_cast<double>(narrow[tap][i]);
                }
            }
        }
        const auto shared = block.template shared<double>(0, Width * ChannelGrid::threads);
        const Index taps = shape.kernel_height * shape.kernel_width;
        KASMINA_DEVICE_UNROLL
        for (int tap = 0; tap < Taps; ++tap) {
            if (tap > 0) block.barrier();
            sum_rows(block, grid, place, sums[tap], shared);
            if (!place.active || place.row != 0) continue;
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                const Index segment = (place.channel + i) * taps + first_tap + tap;
                partials[segment * grid.chunks + place.chunk] = sums[tap][i];
            }
        }
    }

private:
    KASMINA_DEVICE void add(
        const ChannelPlace& place, Index pixel, Index row_offset, Index column_offset,
        T (&sums)[static_cast<unsigned>(Taps)][static_cast<unsigned>(Width)]) const {
        const Index line = pixel / shape.width;
        const Index column = pixel - line * shape.width;
        const Index row = line % shape.height + row_offset;
        if (row < 0 || row >= shape.height) return;
        const Lanes<T, Width> gradient =
            load_lanes<Width>(grad_y + pixel * grid.channels + place.channel);
        const T* values = x + (line + row_offset) * shape.width * grid.channels + place.channel;
        KASMINA_DEVICE_UNROLL
        for (int tap = 0; tap < Taps; ++tap) {
            const Index at = column + column_offset + tap;
            if (at < 0 || at >= shape.width) continue;
            const Lanes<T, Width> value = load_lanes<Width>(values + at * grid.channels);
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) sums[tap][i] += gradient[i] * value[i];
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
