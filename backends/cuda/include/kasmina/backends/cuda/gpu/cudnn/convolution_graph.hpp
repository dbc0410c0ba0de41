// The graph of one convolution, forwards or back, as cuDNN is told of it. Needs no device.
#pragma once

#include <kasmina/requirements.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backend/precision.hpp>
#include <kasmina/backends/cuda/gpu/cudnn/descriptor.hpp>

namespace kasmina::backends::cuda_detail {

enum class ConvolutionKind : std::uint8_t { forward, to_input, to_weight };

/// All that a plan depends on.
struct ConvolutionKey {
    ConvolutionKind kind = ConvolutionKind::forward;
    Precision precision = Precision::full;
    bool accumulate = false;  ///< the result is added to
    ConvShape shape;

    [[nodiscard]] std::array<std::int64_t, 19> values() const noexcept {
        return {static_cast<std::int64_t>(kind),
                static_cast<std::int64_t>(precision),
                accumulate ? 1 : 0,
                shape.batch,
                shape.height,
                shape.width,
                shape.in_channels,
                shape.out_channels,
                shape.kernel_height,
                shape.kernel_width,
                shape.out_height,
                shape.out_width,
                shape.stride_height,
                shape.stride_width,
                shape.dilation_height,
                shape.dilation_width,
                shape.pad_top,
                shape.pad_left,
                shape.groups};
    }
    friend bool operator==(const ConvolutionKey& a, const ConvolutionKey& b) noexcept {
        return a.values() == b.values();
    }
};

struct ConvolutionKeyHash {
    [[nodiscard]] std::size_t operator()(const ConvolutionKey& key) const noexcept {
        std::size_t hash = 0;
        for (const std::int64_t value : key.values()) {
            hash = hash * 1099511628211U + std::hash<std::int64_t>{}(value);
        }
        return hash;
    }
};

/// By which numbers a plan knows its tensors.
namespace tensor_id {
inline constexpr std::int64_t x = 1;
inline constexpr std::int64_t weight = 2;
inline constexpr std::int64_t y = 3;
}  // namespace tensor_id

/// A tensor of floats whose addresses are multiples of sixteen.
[[nodiscard]] inline Descriptor cudnn_tensor(std::int64_t id,
                                             const std::array<std::int64_t, 4>& extents,
                                             const std::array<std::int64_t, 4>& strides) {
    Descriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_DATA_FLOAT);
    tensor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::span<const std::int64_t>(extents));
    tensor.set(CUDNN_ATTR_TENSOR_STRIDES, std::span<const std::int64_t>(strides));
    tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
    tensor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, std::int64_t{16});
    tensor.finalise("describe a tensor");
    return tensor;
}

/// Extents in cuDNN's order (batch or out, channels, height, width), channels last in memory. With
/// one tap that is PyTorch's order of weights, too.
[[nodiscard]] inline Descriptor cudnn_channels_last(std::int64_t id, std::int64_t outer,
                                                    std::int64_t channels, std::int64_t height,
                                                    std::int64_t width) {
    return cudnn_tensor(id, {outer, channels, height, width},
                        {height * width * channels, 1, width * channels, channels});
}

/// How far along one side a convolution goes: cuDNN wants to know of zeros behind the map, too.
struct ConvolutionSide {
    Index extent;
    Index out_extent;
    Index kernel;
    Index stride;
    Index dilation;
    Index pad;

    [[nodiscard]] static ConvolutionSide rows(const ConvShape& shape) {
        return {shape.height,        shape.out_height,      shape.kernel_height,
                shape.stride_height, shape.dilation_height, shape.pad_top};
    }
    [[nodiscard]] static ConvolutionSide columns(const ConvShape& shape) {
        return {shape.width,        shape.out_width,      shape.kernel_width,
                shape.stride_width, shape.dilation_width, shape.pad_left};
    }

    /// How far the last window goes beyond the map; negative where it ends before.
    [[nodiscard]] Index beyond() const {
        return (out_extent - 1) * stride + (kernel - 1) * dilation + 1 - pad - extent;
    }
    [[nodiscard]] Index pad_behind() const { return beyond() > 0 ? beyond() : 0; }
    /// Whether cuDNN makes as many results of these paddings: it leaves out no window that fits.
    [[nodiscard]] bool fills() const { return beyond() > -stride; }
};

/// Whether cuDNN can be asked for such a convolution: it has no word for outputs that are left out,
/// and none for nothing.
[[nodiscard]] inline bool cudnn_describes(const ConvShape& shape) {
    return shape.batch > 0 && shape.out_height > 0 && shape.out_width > 0 &&
           ConvolutionSide::rows(shape).fills() && ConvolutionSide::columns(shape).fills();
}

/// Sums in float.
[[nodiscard]] inline Descriptor cudnn_convolution(const ConvShape& shape) {
    const std::array<std::int64_t, 2> before{shape.pad_top, shape.pad_left};
    const std::array<std::int64_t, 2> behind{ConvolutionSide::rows(shape).pad_behind(),
                                             ConvolutionSide::columns(shape).pad_behind()};
    const std::array<std::int64_t, 2> dilations{shape.dilation_height, shape.dilation_width};
    const std::array<std::int64_t, 2> strides{shape.stride_height, shape.stride_width};
    Descriptor convolution(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    convolution.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2});
    convolution.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
    convolution.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION);
    convolution.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, std::span<const std::int64_t>(before));
    convolution.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, std::span<const std::int64_t>(behind));
    convolution.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, std::span<const std::int64_t>(dilations));
    convolution.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, std::span<const std::int64_t>(strides));
    convolution.finalise("describe a convolution");
    return convolution;
}

/// What an operation calls its parts.
struct ConvolutionAttributes {
    cudnnBackendDescriptorType_t operation;
    cudnnBackendAttributeName_t convolution;
    cudnnBackendAttributeName_t x;
    cudnnBackendAttributeName_t weight;
    cudnnBackendAttributeName_t y;
    cudnnBackendAttributeName_t alpha;
    cudnnBackendAttributeName_t beta;
};

[[nodiscard]] inline ConvolutionAttributes attributes_of(ConvolutionKind kind) {
    switch (kind) {
        case ConvolutionKind::to_input:
            return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
        case ConvolutionKind::to_weight:
            return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
        case ConvolutionKind::forward: break;
    }
    return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
}

/// The graph of a convolution that cuDNN can be asked for, whose maps and weight have their
/// channels last. Errors: CudaError.
[[nodiscard]] inline Descriptor convolution_graph(const ConvolutionKey& key) {
    const ConvShape& shape = key.shape;
    const ConvolutionAttributes names = attributes_of(key.kind);
    Descriptor operation(names.operation);
    operation.set(names.convolution, cudnn_convolution(shape));
    operation.set(names.x, cudnn_channels_last(tensor_id::x, shape.batch, shape.in_channels,
                                               shape.height, shape.width));
    // How many groups there are follows from the channels.
    operation.set(names.weight, cudnn_channels_last(tensor_id::weight, shape.out_channels,
                                                    shape.in_channels / shape.groups,
                                                    shape.kernel_height, shape.kernel_width));
    operation.set(names.y, cudnn_channels_last(tensor_id::y, shape.batch, shape.out_channels,
                                               shape.out_height, shape.out_width));
    operation.set(names.alpha, 1.0F);
    operation.set(names.beta, key.accumulate ? 1.0F : 0.0F);
    operation.finalise("describe a convolution's operation");
    Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
    graph.finalise("describe a convolution's graph");
    return graph;
}

}  // namespace kasmina::backends::cuda_detail
