// Statistics of norms: sums about a pivot by blocks, and mean and deviation from them.
#pragma once

#include <kasmina/requirements.hpp>

#include <cmath>

#include <kasmina/backends/cuda/kernels/norm/geometry.hpp>
#include <kasmina/backends/cuda/kernels/reduction/partial_sums.hpp>
#include <kasmina/finite.hpp>

/// \file
/// Values are summed in double as they differ from the first value of their group, so that little
/// cancels where all lie far from 0, and blocks' sums can simply be added.
namespace kasmina::backends::cuda_detail {

/// The value about which a group's values are summed.
template <class T>
[[nodiscard]] KASMINA_DEVICE double pivot_of(const T* x) {
    const double pivot = static_cast<double>(*x);
    // An infinite one would make NaNs of all others.
    return is_finite(pivot) ? pivot : 0.0;
}

/// partials[sample][channel][chunk] = the sum, and the sum of squares, of what differs from the
/// pivot.
template <class T, int Width>
struct NormSumsKernel {
    static constexpr const char* name = "norm_sums";
    static constexpr int batch = 8;  ///< positions whose loads are under way together
    ChannelGrid grid;
    NormGroups groups;
    const T* x;
    SumPair* partials;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        double sums[2 * static_cast<unsigned>(Width)] = {};
        if (place.active) {
            const T* sample = x + place.sample * grid.positions * grid.channels;
            double pivot[static_cast<unsigned>(Width)];
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                const Index channel = place.channel + i;
                pivot[i] = pivot_of(sample + groups.group(channel) * groups.members);
            }
            const Index step = grid.rows * grid.channels;
            const T* from = sample + place.first * grid.channels + place.channel;
            for (Index position = place.first; position < place.end;
                 position += batch * grid.rows, from += batch * step) {
                Lanes<T, Width> values[batch];
                KASMINA_DEVICE_UNROLL
                for (int k = 0; k < batch; ++k) {
                    // Past the end nothing differs from the pivot.
                    KASMINA_DEVICE_UNROLL
                    for (int i = 0; i < Width; ++i) values[k][i] = static_cast<T>(pivot[i]);
                    if (position + k * grid.rows < place.end) {
                        values[k] = load_lanes<Width>(from + k * step);
                    }
                }
                KASMINA_DEVICE_UNROLL
                for (int k = 0; k < batch; ++k) {
                    KASMINA_DEVICE_UNROLL
                    for (int i = 0; i < Width; ++i) {
                        const double difference = static_cast<double>(values[k][i]) - pivot[i];
                        sums[i] += difference;
                        sums[Width + i] += difference * difference;
                    }
                }
            }
        }
        sum_rows(block, grid, place, sums,
                 block.template shared<double>(0, 2 * Width * ChannelGrid::threads));
        if (!place.active || place.row != 0) return;
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Width; ++i) {
            const Index segment = place.sample * grid.channels + place.channel + i;
            partials[segment * grid.chunks + place.chunk] = {sums[i], sums[Width + i]};
        }
    }
};

/// The mean and the variance of values whose sums about a pivot are known. A variance that
/// overflows is infinite.
struct Moments {
    double mean;
    double variance;

    [[nodiscard]] static KASMINA_DEVICE Moments of(const SumPair& sums, double pivot,
                                                   double count) {
        const double average = sums.first / count;
        double variance = sums.second / count;
        if (is_finite(variance)) {
            variance -= average * average;
            if (variance < 0.0) variance = 0.0;
        } else if (!is_finite(average)) {
            variance = average - average;  // infinite values have no variance: NaN
        }
        return {pivot + average, variance};
    }
    [[nodiscard]] KASMINA_DEVICE double inverse_deviation(double epsilon) const {
        return 1.0 / std::sqrt(variance + epsilon);
    }
};

/// Mean and inverse deviation of each sample's groups from the blocks' sums; moves the running ones
/// of batch norm, where there are any. One warp for each group.
template <class T>
struct NormStatisticsKernel {
    static constexpr const char* name = "norm_statistics";
    ChannelGrid grid;
    NormGroups groups;
    double epsilon;
    double momentum;
    const T* x;
    const SumPair* partials;
    T* mean;
    T* inverse_deviation;
    T* running_mean;
    T* running_variance;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index statistic = warp_in_grid(block);
        if (statistic >= grid.samples * groups.groups) return;
        const Index length = groups.members * grid.chunks;
        const SumPair* from = partials + statistic * length;
        const SumPair sums = warp_sum_pairs(block, length, [&](Index i) { return from[i]; });
        if (lane_of(block) != 0) return;
        const Index sample = statistic / groups.groups;
        const Index group = statistic - sample * groups.groups;
        const double count = static_cast<double>(grid.positions * groups.members);
        const T* first = x + sample * grid.positions * grid.channels + group * groups.members;
        const Moments moments = Moments::of(sums, pivot_of(first), count);
        mean[statistic] = static_cast<T>(moments.mean);
        inverse_deviation[statistic] = static_cast<T>(moments.inverse_deviation(epsilon));
        move(running_mean, statistic, moments.mean);
        // A single value has no unbiased variance; its spread of 0 stands.
        const double others = count - 1.0 > 1.0 ? count - 1.0 : 1.0;
        move(running_variance, statistic, moments.variance * count / others);
    }

private:
    KASMINA_DEVICE void move(T* running, Index at, double to) const {
        if (running == nullptr) return;
        const double from = static_cast<double>(running[at]);
        running[at] = static_cast<T>((1.0 - momentum) * from + momentum * to);
    }
};

template <class T>
struct InverseDeviationKernel {
    static constexpr const char* name = "inverse_deviation";
    InverseDeviation<T> call;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        for (Index c = first_of(block); c < call.channels; c += stride_of(block)) {
            const double variance = static_cast<double>(call.variance[c]);
            call.inverse_deviation[c] = static_cast<T>(1.0 / std::sqrt(variance + call.epsilon));
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
