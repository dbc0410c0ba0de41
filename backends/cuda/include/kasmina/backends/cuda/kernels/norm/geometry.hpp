// NormGroups: whose mean and deviation a channel has, for batch norm and for group norm.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/batch_norm.hpp>
#include <kasmina/backend/group_norm.hpp>
#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/kernels/reduction/channel_grid.hpp>

/// \file
/// Batch norm is group norm of one sample that has all positions of the batch, with as many groups
/// as channels. So both run the same kernels.
namespace kasmina::backends::cuda_detail {

[[nodiscard]] inline NormGeometry over_batch(const MapShape& shape) {
    return {1, shape.batch * shape.height * shape.width, shape.channels, shape.channels};
}

/// The groups of a sample and the channels of a group.
struct NormGroups {
    Index groups = 1;
    Index members = 1;

    NormGroups() = default;
    explicit NormGroups(const NormGeometry& geometry)
        : groups(geometry.groups), members(geometry.channels / geometry.groups) {}

    /// The place of a channel's mean and deviation.
    [[nodiscard]] KASMINA_DEVICE Index statistic(Index sample, Index channel) const {
        return sample * groups + group(channel);
    }
    /// A card divides slowly, and batch norm need not.
    [[nodiscard]] KASMINA_DEVICE Index group(Index channel) const {
        return members == 1 ? channel : channel / members;
    }
};

/// What normalises a thread's channels: y = (x - mean) * factor + shift.
template <class T, int Width>
struct NormLanes {
    Lanes<T, Width> mean;
    Lanes<T, Width> factor;  ///< scale * inverse deviation
    Lanes<T, Width> shift;

    [[nodiscard]] KASMINA_DEVICE T normalised(T x, int i) const {
        return (x - mean[i]) * factor[i] + shift[i];
    }
};

/// The statistics and parameters of a normalisation, as its call gives them.
template <class T>
struct NormParameters {
    NormGroups groups;
    const T* mean;
    const T* inverse_deviation;
    const T* scale;
    const T* shift;

    template <int Width>
    [[nodiscard]] KASMINA_DEVICE NormLanes<T, Width> at(Index sample, Index channel) const {
        NormLanes<T, Width> lanes;
        lanes.shift = load_lanes<Width>(shift + channel);
        lanes.factor = load_lanes<Width>(scale + channel);
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Width; ++i) {
            const Index statistic = groups.statistic(sample, channel + i);
            lanes.mean[i] = mean[statistic];
            lanes.factor[i] *= inverse_deviation[statistic];
        }
        return lanes;
    }
};

/// max(x, 0), where NaN stays NaN.
template <class T>
[[nodiscard]] KASMINA_DEVICE T rectified(T x) {
    return x < T{0} ? T{0} : x;
}

/// The gradient of a normalised value: grad_y where ReLU let it through.
template <class T>
[[nodiscard]] KASMINA_DEVICE T through_relu(bool relu, T normalised, T gradient) {
    return relu && !(normalised > T{0}) ? T{0} : gradient;
}

}  // namespace kasmina::backends::cuda_detail
