// The plain structs that a backend's kernels take: geometries, operands and gradient targets.
#pragma once

#include <array>
#include <cstdint>

#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// Where a kernel puts a gradient: `data` null means that it is not wanted; `accumulate` says
/// whether to add to what is there or to overwrite it.
template <class T>
struct GradientTarget {
    T* data = nullptr;
    bool accumulate = false;

    [[nodiscard]] explicit operator bool() const noexcept { return data != nullptr; }
};

/// How an operand of a pointwise function is stretched over the output
/// (samples, positions, channels).
enum class Broadcast : std::uint8_t {
    full,            ///< one value per element
    channel,         ///< shape (channels): one value per channel
    sample,          ///< shape (samples, 1, ..., 1): one value per sample
    sample_channel,  ///< shape (samples, 1, ..., channels): one value per sample and channel
    scalar,          ///< one value
};

/// The output of a pointwise function seen as (samples, positions, channels), row-major.
struct MapGeometry {
    Index samples = 1;
    Index positions = 1;
    Index channels = 1;

    [[nodiscard]] constexpr Index elements() const noexcept {
        return samples * positions * channels;
    }
};

template <class T>
struct Operand {
    const T* data = nullptr;
    Broadcast broadcast = Broadcast::full;
};

/// Stride 1, "same" zero padding, odd kernel extents. Input (batch, height, width,
/// in_channels), weight in PyTorch's order (out_channels, in_channels, kernel_height,
/// kernel_width), output (batch, height, width, out_channels). For a depthwise convolution
/// in_channels == out_channels and the weight is (channels, 1, kernel_height, kernel_width).
struct ConvShape {
    Index batch = 0;
    Index height = 0;
    Index width = 0;
    Index in_channels = 0;
    Index out_channels = 0;
    Index kernel_height = 0;
    Index kernel_width = 0;
};

/// A feature map as normalisations see it: statistics run over `positions` and the channels of a
/// group (group norm; layer norm is one group and one position), or over samples and positions
/// per channel (batch norm).
struct NormGeometry {
    Index samples = 1;
    Index positions = 1;
    Index channels = 1;
    Index groups = 1;
};

/// A feature map (batch, height, width, channels).
struct MapShape {
    Index batch = 0;
    Index height = 0;
    Index width = 0;
    Index channels = 0;
};

/// What follows a batch normalisation in the same pass over memory.
struct NormEpilogue {
    bool relu = false;
    bool max_pool = false;  ///< 2x2, stride 2, odd rows and columns at the end dropped
};

/// Cross-entropy over classes (spec H-7): targets below 0 are ignored when equal to
/// `ignore_index`; the mean runs over the others.
struct CrossEntropyOptions {
    double label_smoothing = 0.0;
    std::int32_t ignore_index = -100;
};

/// One parameter tensor in a multi-tensor optimiser step. `first`, `second`: the optimiser's
/// state (momentum; or first and second moment).
template <class T>
struct OptimiserSlice {
    T* value = nullptr;
    const T* gradient = nullptr;
    T* first = nullptr;
    T* second = nullptr;
    Index size = 0;
};

/// v = momentum*v + g (v = g on the first step), with g including weight_decay*w; the step is
/// v, or g + momentum*v with Nesterov. PyTorch's torch.optim.SGD with dampening 0.
struct SgdStep {
    double learning_rate = 0.0;
    double momentum = 0.0;
    double weight_decay = 0.0;
    bool nesterov = false;
    bool first_step = false;
};

/// PyTorch's torch.optim.AdamW. The bias corrections 1 - beta^t are computed by the caller.
struct AdamWStep {
    double learning_rate = 0.0;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 0.0;
    double bias_correction1 = 1.0;
    double bias_correction2 = 1.0;
};

template <class T>
struct TensorSlice {
    const T* data = nullptr;
    Index size = 0;
};

}  // namespace kasmina
