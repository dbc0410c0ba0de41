// Group norm in one pass: a block keeps what its groups hold in registers, both ways.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backends/cuda/kernels/norm/geometry.hpp>
#include <kasmina/backends/cuda/kernels/norm/pullback.hpp>
#include <kasmina/backends/cuda/kernels/norm/statistics.hpp>
#include <kasmina/backends/cuda/kernels/reduction/partial_sums.hpp>

/// \file
/// A block has some whole groups of a sample. Its threads read these once, sum them, wait for each
/// other and write, where the kernels for groups of any size read them twice and are three
/// launches.
namespace kasmina::backends::cuda_detail {

/// How a sample's groups are shared out; `held` is 0 where registers do not hold a group. Of the
/// shape alone.
struct GroupBlocks {
    ChannelGrid grid{};
    int held = 0;  ///< positions of a thread, at most

    /// Groups of more channels than this are left to the kernels for any size.
    static constexpr Index most_members = 64;

    /// As many groups to a block as leave enough blocks to fill a card, else as few as can be.
    [[nodiscard]] static GroupBlocks of(const NormGeometry& geometry, int width, Index most_held) {
        const Index members = geometry.channels / geometry.groups;
        GroupBlocks best;
        if (members > most_members) return best;
        for (Index groups = geometry.groups; groups > 0; --groups) {
            if (geometry.groups % groups != 0 || groups * members % width != 0) continue;
            const Index columns = groups * members / width;
            if (columns > ChannelGrid::threads) continue;
            const Index rows = ChannelGrid::threads / columns;
            const Index held = parts(geometry.positions, rows);
            if (held > most_held) continue;
            const Index tiles = geometry.groups / groups;
            best.held = static_cast<int>(held);
            best.grid = {geometry.samples,
                         geometry.positions,
                         geometry.channels,
                         width,
                         static_cast<int>(columns),
                         static_cast<int>(rows),
                         tiles,
                         geometry.positions,
                         1};
            if (geometry.samples * tiles >= most_partial_blocks) break;
        }
        return best;
    }

    /// Room for what the rows of threads add up, and for the sums of each channel.
    [[nodiscard]] Launch launch() const {
        return grid.launch(2 * grid.width * ChannelGrid::threads *
                               static_cast<int>(sizeof(double)) +
                           grid.columns * grid.width * static_cast<int>(sizeof(SumPair)));
    }
};

/// The positions that a thread keeps: every `rows`-th from `first` on, an element of memory.
struct HeldPositions {
    Index first;
    int step;
    int rows;
    int left;  ///< positions from the first one to the end

    KASMINA_DEVICE HeldPositions(const ChannelGrid& grid, const ChannelPlace& place)
        : first((place.sample * grid.positions + place.first) * grid.channels + place.channel),
          step(grid.rows * static_cast<int>(grid.channels)),
          rows(grid.rows),
          left(static_cast<int>(place.end - place.first)) {}

    /// Whether there is a k-th.
    [[nodiscard]] KASMINA_DEVICE bool has(int k) const { return k * rows < left; }
};

/// Calls use(i, sums) with the sums, over the whole block, of the group of each of a thread's
/// channels, from the sums of each channel in the thread's own positions. `weigh(i, sums)` may
/// change those of a channel before its group's are added up; it is called once for each channel.
template <int Width, Block B, class Weigh, class Use>
KASMINA_DEVICE void sum_groups(B& block, const ChannelGrid& grid, const ChannelPlace& place,
                               const NormGroups& groups,
                               double (&sums)[2 * static_cast<unsigned>(Width)], const Weigh& weigh,
                               const Use& use) {
    constexpr int numbers = 2 * Width * ChannelGrid::threads;
    sum_rows(block, grid, place, sums, block.template shared<double>(0, numbers));
    auto of_channel = block.template shared<SumPair>(numbers * static_cast<int>(sizeof(double)),
                                                     grid.columns * Width);
    if (place.active && place.row == 0) {
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Width; ++i) {
            of_channel[place.column * Width + i] = weigh(i, SumPair{sums[i], sums[Width + i]});
        }
    }
    block.barrier();
    if (!place.active) return;
    Index last = -1;
    SumPair sum;
    KASMINA_DEVICE_UNROLL
    for (int i = 0; i < Width; ++i) {
        const Index group = groups.group(place.channel + i);
        if (group != last) {
            last = group;
            sum = {};
            const int first = static_cast<int>(group * groups.members - place.tile_channel);
            const int end = first + static_cast<int>(groups.members);
            for (int channel = first; channel < end; ++channel) sum = sum + of_channel[channel];
        }
        use(i, sum);
    }
}

/// Statistics, and y = [residual +] [relu](scale * (x - mean) * inverse_deviation + shift); y may
/// be x or the residual.
template <class T, int Width, int Held>
struct OnePassNormKernel {
    static constexpr const char* name = "one_pass_norm";
    ChannelGrid grid;
    NormGroups groups;
    GroupNorm<T> call;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        const HeldPositions held(grid, place);
        Lanes<T, Width> values[static_cast<unsigned>(Held)];
        double pivot[static_cast<unsigned>(Width)];
        double sums[2 * static_cast<unsigned>(Width)] = {};
        if (place.active) {
            const T* x = call.x + held.first;
            KASMINA_DEVICE_UNROLL
            for (int k = 0; k < Held; ++k) {
                if (held.has(k)) values[k] = load_lanes<Width>(x + k * held.step);
            }
            const T* sample = call.x + place.sample * grid.positions * grid.channels;
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                pivot[i] = pivot_of(sample + groups.group(place.channel + i) * groups.members);
            }
            KASMINA_DEVICE_UNROLL
            for (int k = 0; k < Held; ++k) {
                if (!held.has(k)) continue;
                KASMINA_DEVICE_UNROLL
                for (int i = 0; i < Width; ++i) {
                    const double difference = static_cast<double>(values[k][i]) - pivot[i];
                    sums[i] += difference;
                    sums[Width + i] += difference * difference;
                }
            }
        }
        NormLanes<T, Width> norm;
        const double count = static_cast<double>(grid.positions * groups.members);
        const auto unchanged = [](int, const SumPair& sum) { return sum; };
        sum_groups<Width>(
            block, grid, place, groups, sums, unchanged, [&](int i, const SumPair& sum) {
                const Moments moments = Moments::of(sum, pivot[i], count);
                norm.mean[i] = static_cast<T>(moments.mean);
                norm.factor[i] = static_cast<T>(moments.inverse_deviation(call.epsilon));
                put_statistics(place, i, norm);
            });
        if (!place.active) return;
        const Lanes<T, Width> scale = load_lanes<Width>(call.scale + place.channel);
        norm.shift = load_lanes<Width>(call.shift + place.channel);
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Width; ++i) norm.factor[i] *= scale[i];
        KASMINA_DEVICE_UNROLL
        for (int k = 0; k < Held; ++k) {
            if (held.has(k)) put_normalised(norm, held.first + k * held.step, values[k]);
        }
    }

private:
    /// Of the group that begins with the thread's i-th channel, if one does.
    KASMINA_DEVICE void put_statistics(const ChannelPlace& place, int i,
                                       const NormLanes<T, Width>& norm) const {
        const Index channel = place.channel + i;
        const Index group = groups.group(channel);
        if (place.row != 0 || channel != group * groups.members) return;
        const Index statistic = place.sample * groups.groups + group;
        call.mean[statistic] = norm.mean[i];
        call.inverse_deviation[statistic] = norm.factor[i];
    }

    KASMINA_DEVICE void put_normalised(const NormLanes<T, Width>& norm, Index at,
                                       Lanes<T, Width>& values) const {
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Width; ++i) {
            const T value = norm.normalised(values[i], i);
            values[i] = call.relu ? rectified(value) : value;
        }
        if (call.residual != nullptr) {
            const Lanes<T, Width> added = load_lanes<Width>(call.residual + at);
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) values[i] += added[i];
        }
        store_lanes(call.y + at, values);
    }
};

/// grad_x, as in norm/pullback.hpp, and partials[sample][channel] = sum(g), sum(g * (x - mean)).
template <class T, int Width, int Held>
struct OnePassNormPullbackKernel {
    static constexpr const char* name = "one_pass_norm_pullback";
    ChannelGrid grid;
    NormParameters<T> parameters;
    GroupNormPullback<T> call;
    SumPair* partials;  ///< null where no gradient of a parameter is wanted

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        const NormGroups& groups = parameters.groups;
        const HeldPositions held(grid, place);
        Lanes<T, Width> values[static_cast<unsigned>(Held)];  // in the end x - mean
        Lanes<T, Width> gradients[static_cast<unsigned>(Held)];
        Lanes<T, Width> factor{};
        double sums[2 * static_cast<unsigned>(Width)] = {};
        if (place.active) {
            const T* x = call.x + held.first;
            const T* grad_y = call.grad_y + held.first;
            KASMINA_DEVICE_UNROLL
            for (int k = 0; k < Held; ++k) {
                if (!held.has(k)) continue;
                values[k] = load_lanes<Width>(x + k * held.step);
                gradients[k] = load_lanes<Width>(grad_y + k * held.step);
            }
            const auto norm = parameters.template at<Width>(place.sample, place.channel);
            factor = norm.factor;
            // A thread's positions are few: their sums are as narrow as the scalar.
            T narrow[2 * static_cast<unsigned>(Width)] = {};
            KASMINA_DEVICE_UNROLL
            for (int k = 0; k < Held; ++k) {
                if (!held.has(k)) continue;
                KASMINA_DEVICE_UNROLL
                for (int i = 0; i < Width; ++i) {
                    const T normalised = norm.normalised(values[k][i], i);
                    gradients[k][i] = through_relu(call.relu, normalised, gradients[k][i]);
                    values[k][i] -= norm.mean[i];
                    narrow[i] += gradients[k][i];
                    narrow[Width + i] += gradients[k][i] * values[k][i];
                }
            }
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < 2 * Width; ++i) sums[i] = static_cast<double>(narrow[i]);
        }
        const auto weigh = [&](int i, const SumPair& sum) {
            const Index channel = place.channel + i;
            if (partials != nullptr) partials[place.sample * grid.channels + channel] = sum;
            const double scale = static_cast<double>(parameters.scale[channel]);
            return SumPair{scale * sum.first, scale * sum.second};
        };
        Lanes<T, Width> offset;
        Lanes<T, Width> slope;
        sum_groups<Width>(block, grid, place, groups, sums, weigh, [&](int i, const SumPair& sum) {
            const Index statistic = groups.statistic(place.sample, place.channel + i);
            const auto of_group = GroupCoefficients<T>::of(
                sum, parameters.inverse_deviation[statistic], grid.positions * groups.members);
            offset[i] = of_group.offset;
            slope[i] = of_group.slope;
        });
        if (!place.active) return;
        KASMINA_DEVICE_UNROLL
        for (int k = 0; k < Held; ++k) {
            if (!held.has(k)) continue;
            Lanes<T, Width> result;
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                result[i] = factor[i] * gradients[k][i] - offset[i] - values[k][i] * slope[i];
            }
            put_lanes(call.grad_x, held.first + k * held.step, result);
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
