// The order of a convolution's weight: as a matrix of the implicit product, and channels last.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backends/cuda/block.hpp>
#include <kasmina/backends/cuda/gradient_put.hpp>
#include <kasmina/backends/cuda/launch.hpp>

namespace kasmina::backends::cuda_detail {

/// to[group][k][n] for k = tap * depth + i. Forwards i is an input and n an output channel; on the
/// way back to the input it is the other way round, and the taps are turned about. Rows and columns
/// past the weight's are 0. Channels are those of one group.
template <class T>
struct WeightMatrixKernel {
    static constexpr const char* name = "convolution_weight_matrix";
    Index groups;
    Index in_channels;
    Index out_channels;
    Index taps;
    Index rows;
    Index columns;
    bool turned;
    const T* weight;
    T* to;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index depth = turned ? out_channels : in_channels;
        const Index results = turned ? in_channels : out_channels;
        const Index count = groups * rows * columns;
        for (Index at = first_of(block); at < count; at += stride_of(block)) {
            const Index line = at / columns;
            const Index n = at - line * columns;
            const Index group = line / rows;
            const Index row = line - group * rows;
            const Index tap = row / depth;
            const Index k = row - tap * depth;
            T value{0};
            if (tap < taps && n < results) {
                const Index out = turned ? k : n;
                const Index in = turned ? n : k;
                const Index from_tap = turned ? taps - 1 - tap : tap;
                value = weight[((group * out_channels + out) * in_channels + in) * taps + from_tap];
            }
            to[at] = value;
        }
    }
};

/// to[out][tap][in] = weight[out][in][tap].
template <class T>
struct ChannelsLastWeightKernel {
    static constexpr const char* name = "channels_last_weight";
    Index out_channels;
    Index in_channels;
    Index taps;
    const T* weight;
    T* to;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index depth = in_channels * taps;
        const Index count = out_channels * depth;
        for (Index at = first_of(block); at < count; at += stride_of(block)) {
            const Index out = at / depth;
            const Index tap = (at - out * depth) / in_channels;
            const Index in = at - out * depth - tap * in_channels;
            to[at] = weight[(out * in_channels + in) * taps + tap];
        }
    }
};

/// weight[out][in][tap] (+)= from[out][tap][in].
template <class T>
struct WeightInOrderKernel {
    static constexpr const char* name = "weight_in_order";
    Index out_channels;
    Index in_channels;
    Index taps;
    const T* from;
    GradientTarget<T> weight;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index depth = in_channels * taps;
        const Index count = out_channels * depth;
        for (Index at = first_of(block); at < count; at += stride_of(block)) {
            const Index out = at / depth;
            const Index in = (at - out * depth) / taps;
            const Index tap = at - out * depth - in * taps;
            put(weight, at, from[(out * taps + tap) * in_channels + in]);
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
