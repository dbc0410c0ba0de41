// Norms of rows: groups whose values lie side by side, one warp each, both ways.
#pragma once

#include <kasmina/requirements.hpp>

#include <cmath>

#include <kasmina/backends/cuda/gradient_put.hpp>
#include <kasmina/backends/cuda/kernels/norm/statistics.hpp>

/// \file
/// Layer norm, and group norm of samples with one position. Row r is group r % groups of a sample.
namespace kasmina::backends::cuda_detail {

/// Statistics and result of each row; y may be x.
template <class T, int Width>
struct NormRowsKernel {
    static constexpr const char* name = "norm_rows";
    GroupNorm<T> call;
    NormGroups groups;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index row = warp_in_grid(block);
        if (row >= call.geometry.samples * groups.groups) return;
        const Index length = groups.members;
        const Index start = row * length;
        const Index channel = row % groups.groups * length;
        const Index first = Index{lane_of(block)} * Width;
        constexpr Index step = Index{warp_size} * Width;
        const T* x = call.x + start;

        const double pivot = pivot_of(x);
        SumPair sums;
        for (Index c = first; c < length; c += step) {
            const Lanes<T, Width> value = load_lanes<Width>(x + c);
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                const double difference = static_cast<double>(value[i]) - pivot;
                sums = sums + SumPair{difference, difference * difference};
            }
        }
        sums.first = warp_sum(block, sums.first);
        sums.second = warp_sum(block, sums.second);
        const Moments moments = Moments::of(sums, pivot, static_cast<double>(length));
        const T mean = static_cast<T>(moments.mean);
        const T deviation = static_cast<T>(1.0 / std::sqrt(moments.variance + call.epsilon));
        if (lane_of(block) == 0) {
            call.mean[row] = mean;
            call.inverse_deviation[row] = deviation;
        }
        for (Index c = first; c < length; c += step) {
            const Lanes<T, Width> scale = load_lanes<Width>(call.scale + channel + c);
            const Lanes<T, Width> shift = load_lanes<Width>(call.shift + channel + c);
            Lanes<T, Width> value = load_lanes<Width>(x + c);
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                const T result = (value[i] - mean) * (scale[i] * deviation) + shift[i];
                value[i] = call.relu ? rectified(result) : result;
            }
            if (call.residual != nullptr) {
                const Lanes<T, Width> added = load_lanes<Width>(call.residual + start + c);
                KASMINA_DEVICE_UNROLL
                for (int i = 0; i < Width; ++i) value[i] += added[i];
            }
            store_lanes(call.y + start + c, value);
        }
    }
};

/// The gradient of a normalised value: grad_y where ReLU let it through.
template <class T>
[[nodiscard]] KASMINA_DEVICE T through_relu(bool relu, T normalised, T gradient) {
    return relu && !(normalised > T{0}) ? T{0} : gradient;
}

/// grad_x of each row.
template <class T, int Width>
struct NormRowsPullbackKernel {
    static constexpr const char* name = "norm_rows_pullback";
    GroupNormPullback<T> call;
    NormGroups groups;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index row = warp_in_grid(block);
        if (row >= call.geometry.samples * groups.groups) return;
        const Index length = groups.members;
        const Index start = row * length;
        const Index channel = row % groups.groups * length;
        const Index first = Index{lane_of(block)} * Width;
        constexpr Index step = Index{warp_size} * Width;
        const T mean = call.mean[row];
        const T deviation = call.inverse_deviation[row];

        SumPair sums;
        for (Index c = first; c < length; c += step) {
            const Part part = part_at(start, channel, c, mean, deviation);
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                const double g = static_cast<double>(part.gradient[i]);
                sums = sums + SumPair{g, g * static_cast<double>(part.centred[i])};
            }
        }
        const double count = static_cast<double>(length);
        const double square = static_cast<double>(deviation) * static_cast<double>(deviation);
        const T offset = static_cast<T>(warp_sum(block, sums.first) / count);
        const T slope = static_cast<T>(warp_sum(block, sums.second) / count * square);
        for (Index c = first; c < length; c += step) {
            const Part part = part_at(start, channel, c, mean, deviation);
            Lanes<T, Width> result;
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                result[i] = part.gradient[i] - offset - part.centred[i] * slope;
            }
            put_lanes(call.grad_x, start + c, result);
        }
    }

private:
    struct Part {
        Lanes<T, Width> centred;   ///< x - mean
        Lanes<T, Width> gradient;  ///< of the normalised value, times scale and inverse deviation
    };

    [[nodiscard]] KASMINA_DEVICE Part part_at(Index start, Index channel, Index c, T mean,
                                              T deviation) const {
        Part part;
        part.centred = load_lanes<Width>(call.x + start + c);
        part.gradient = load_lanes<Width>(call.grad_y + start + c);
        const Lanes<T, Width> scale = load_lanes<Width>(call.scale + channel + c);
        const Lanes<T, Width> shift = load_lanes<Width>(call.shift + channel + c);
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
