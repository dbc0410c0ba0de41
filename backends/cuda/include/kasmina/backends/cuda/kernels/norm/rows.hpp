// Norms of rows: groups whose values lie side by side, one warp each, both ways.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backends/cuda/gradient_put.hpp>
#include <kasmina/backends/cuda/kernels/norm/statistics.hpp>

/// \file
/// Layer norm, and group norm of samples with one position. Row r is group r % groups of a sample.
namespace kasmina::backends::cuda_detail {

/// The row of a warp, and where a lane of it begins.
struct NormRow {
    Index index;
    Index length;
    Index start;    ///< its first element
    Index channel;  ///< that of its first element
    Index first;    ///< the lane's first value in the row
};

template <int Width, Block B>
[[nodiscard]] KASMINA_DEVICE NormRow norm_row_of(const B& block, const NormGroups& groups) {
    const Index index = warp_in_grid(block);
    const Index length = groups.members;
    return {index, length, index * length, index % groups.groups * length,
            Index{lane_of(block)} * Width};
}

/// Statistics and result of each row; y may be x.
template <class T, int Width>
struct NormRowsKernel {
    static constexpr const char* name = "norm_rows";
    GroupNorm<T> call;
    NormGroups groups;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const NormRow row = norm_row_of<Width>(block, groups);
        if (row.index >= call.geometry.samples * groups.groups) return;
        constexpr Index step = Index{warp_size} * Width;
        const T* x = call.x + row.start;

        const double pivot = pivot_of(x);
        SumPair sums;
        for (Index c = row.first; c < row.length; c += step) {
            const Lanes<T, Width> value = load_lanes<Width>(x + c);
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                const double difference = static_cast<double>(value[i]) - pivot;
                sums = sums + SumPair{difference, difference * difference};
            }
        }
        sums.first = warp_sum(block, sums.first);
        sums.second = warp_sum(block, sums.second);
        const Moments moments = Moments::of(sums, pivot, static_cast<double>(row.length));
        const T mean = static_cast<T>(moments.mean);
        const T deviation = static_cast<T>(moments.inverse_deviation(call.epsilon));
        if (lane_of(block) == 0) {
            call.mean[row.index] = mean;
            call.inverse_deviation[row.index] = deviation;
        }
        for (Index c = row.first; c < row.length; c += step) {
            const Lanes<T, Width> scale = load_lanes<Width>(call.scale + row.channel + c);
            const Lanes<T, Width> shift = load_lanes<Width>(call.shift + row.channel + c);
            Lanes<T, Width> value = load_lanes<Width>(x + c);
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                const T result = (value[i] - mean) * (scale[i] * deviation) + shift[i];
                value[i] = call.relu ? rectified(result) : result;
            }
            if (call.residual != nullptr) {
                const Lanes<T, Width> added = load_lanes<Width>(call.residual + row.start + c);
                KASMINA_DEVICE_UNROLL
                for (int i = 0; i < Width; ++i) value[i] += added[i];
            }
            store_lanes(call.y + row.start + c, value);
        }
    }
};

/// grad_x of each row.
template <class T, int Width>
struct NormRowsPullbackKernel {
    static constexpr const char* name = "norm_rows_pullback";
    GroupNormPullback<T> call;
    NormGroups groups;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const NormRow row = norm_row_of<Width>(block, groups);
        if (row.index >= call.geometry.samples * groups.groups) return;
        constexpr Index step = Index{warp_size} * Width;
        const T mean = call.mean[row.index];
        const T deviation = call.inverse_deviation[row.index];

        SumPair sums;
        for (Index c = row.first; c < row.length; c += step) {
            const Part part = part_at(row, c, mean, deviation);
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                const double g = static_cast<double>(part.gradient[i]);
                sums = sums + SumPair{g, g * static_cast<double>(part.centred[i])};
            }
        }
        const double count = static_cast<double>(row.length);
        const double square = static_cast<double>(deviation) * static_cast<double>(deviation);
        const T offset = static_cast<T>(warp_sum(block, sums.first) / count);
        const T slope = static_cast<T>(warp_sum(block, sums.second) / count * square);
        for (Index c = row.first; c < row.length; c += step) {
            const Part part = part_at(row, c, mean, deviation);
            Lanes<T, Width> result;
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                result[i] = part.gradient[i] - offset - part.centred[i] * slope;
            }
            put_lanes(call.grad_x, row.start + c, result);
        }
    }

private:
    struct Part {
        Lanes<T, Width> centred;   ///< x - mean
        Lanes<T, Width> gradient;  ///< of the normalised value, times scale and inverse deviation
    };

    [[nodiscard]] KASMINA_DEVICE Part part_at(const NormRow& row, Index c, T mean,
                                              T deviation) const {
        Part part;
        part.centred = load_lanes<Width>(call.x + row.start + c);
        part.gradient = load_lanes<Width>(call.grad_y + row.start + c);
        const Lanes<T, Width> scale = load_lanes<Width>(call.scale + row.channel + c);
        const Lanes<T, Width> shift = load_lanes<Width>(call.shift + row.channel + c);
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Width; ++i) {
            const T factor = scale[i] * deviation;
            part.centred[i] -= mean;
            part.gradient[i] = factor * through_relu(call.relu, part.centred[i] * factor + shift[i],
                                                     part.gradient[i]);
        }
        return part;
    }
};

/// partials[channel][chunk] = sum(g), sum(g * (x - mean) * inverse_deviation) over rows; the
/// grid's positions are samples.
template <class T, int Width>
struct NormRowsParameterSumsKernel {
    static constexpr const char* name = "norm_rows_parameter_sums";
    ChannelGrid grid;
    GroupNormPullback<T> call;
    NormGroups groups;
    SumPair* partials;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        double sums[2 * static_cast<unsigned>(Width)] = {};
        if (place.active) {
            const Lanes<T, Width> scale = load_lanes<Width>(call.scale + place.channel);
            const Lanes<T, Width> shift = load_lanes<Width>(call.shift + place.channel);
            for (Index sample = place.first; sample < place.end; sample += grid.rows) {
                const Index at = sample * grid.channels + place.channel;
                const Lanes<T, Width> value = load_lanes<Width>(call.x + at);
                const Lanes<T, Width> gradient = load_lanes<Width>(call.grad_y + at);
                KASMINA_DEVICE_UNROLL
                for (int i = 0; i < Width; ++i) {
                    const Index row = groups.statistic(sample, place.channel + i);
                    const T deviation = call.inverse_deviation[row];
                    const T centred = value[i] - call.mean[row];
                    const T normalised = centred * (scale[i] * deviation) + shift[i];
                    const T g = through_relu(call.relu, normalised, gradient[i]);
                    sums[i] += static_cast<double>(g);
                    sums[Width + i] += static_cast<double>(g * (centred * deviation));
                }
            }
        }
        sum_rows(block, grid, place, sums,
                 block.template shared<double>(0, 2 * Width * ChannelGrid::threads));
        if (!place.active || place.row != 0) return;
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Width; ++i) {
            partials[(place.channel + i) * grid.chunks + place.chunk] = {sums[i], sums[Width + i]};
        }
    }
};

/// The gradients of scale and shift from the blocks' sums; one warp for each channel.
template <class T>
struct NormRowsParametersKernel {
    static constexpr const char* name = "norm_rows_parameters";
    Index channels;
    Index chunks;
    const SumPair* partials;
    GradientTarget<T> grad_scale;
    GradientTarget<T> grad_shift;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index channel = warp_in_grid(block);
        if (channel >= channels) return;
        const SumPair* from = partials + channel * chunks;
        const SumPair sums = warp_sum_pairs(block, chunks, [&](Index i) { return from[i]; });
        if (lane_of(block) != 0) return;
        put(grad_shift, channel, static_cast<T>(sums.first));
        put(grad_scale, channel, static_cast<T>(sums.second));
    }
};

}  // namespace kasmina::backends::cuda_detail
