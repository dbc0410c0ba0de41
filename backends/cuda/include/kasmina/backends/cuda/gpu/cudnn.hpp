// Cudnn: a context's convolutions by cuDNN, with plans that are made once for each shape.
#pragma once

#include <kasmina/requirements.hpp>

#include <cuda_runtime_api.h>

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backends/cuda/buffer.hpp>
#include <kasmina/backends/cuda/gpu/cudnn/plans.hpp>
#include <kasmina/backends/cuda/kernels/convolution/weight_order.hpp>
#include <kasmina/backends/cuda/vector_access.hpp>

namespace kasmina::backends::cuda_detail {

/// One handle on one stream. Each function says whether cuDNN did the work: it has no engine for
/// some shapes, and none of ours for doubles. A plan's choice depends on the shape, the precision,
/// the GPU and cuDNN's version alone. Making a plan is no work for a stream that is captured: run a
/// step before.
class Cudnn {
public:
    /// Errors: CudaError.
    Cudnn(int device, cudaStream_t stream) : handle_(device, stream), device_(handle_.get()) {}

    template <class D>
    [[nodiscard]] bool conv2d(typename D::Context& context, const Conv2d<float>& call) {
        const ConvolutionKey key{ConvolutionKind::forward, context.precision(), false, call.shape};
        const ConvolutionPlan* plan = plan_of(key, call.x, call.y);
        if (plan == nullptr) return false;
        OrderedWeight<D> weight(context, call.shape, call.weight);
        execute<D>(context, *plan, call.x, weight.data(), call.y);
        return true;
    }

    template <class D>
    [[nodiscard]] bool conv2d_pullback_input(typename D::Context& context,
                                             const Conv2dPullbackInput<float>& call) {
        const ConvolutionKey key{ConvolutionKind::to_input, context.precision(),
                                 call.grad_x.accumulate, call.shape};
        const ConvolutionPlan* plan = plan_of(key, call.grad_x.data, call.grad_y);
        if (plan == nullptr) return false;
        OrderedWeight<D> weight(context, call.shape, call.weight);
        execute<D>(context, *plan, call.grad_x.data, weight.data(), call.grad_y);
        return true;
    }

    template <class D>
    [[nodiscard]] bool conv2d_pullback_weight(typename D::Context& context,
                                              const Conv2dPullbackWeight<float>& call) {
        const ConvolutionKey key{ConvolutionKind::to_weight, context.precision(), false,
                                 call.shape};
        const ConvolutionPlan* plan = plan_of(key, call.x, call.grad_y);
        if (plan == nullptr) return false;
        const ConvShape& shape = call.shape;
        const Index taps = shape.kernel_height * shape.kernel_width;
        const Index count = weight_size(shape);
        Scratch<float, D> weight(context, count);
        execute<D>(context, *plan, call.x, weight.data(), call.grad_y);
        context.launch(
            over_elements(count),
            WeightInOrderKernel<float>{shape.out_channels, shape.in_channels / shape.groups, taps,
                                       weight.data(), call.grad_weight});
        return true;
    }

    /// The GPU's description, by which plans can be made elsewhere.
    [[nodiscard]] const DeviceDescription& device() const noexcept { return device_; }

    /// Orders a plan's work. The pointers are those of the maps and the weight, channels last.
    template <class D>
    void execute(typename D::Context& context, const ConvolutionPlan& plan, const float* x,
                 const float* weight, const float* y) {
        Scratch<std::byte, D> workspace(context, plan.workspace_bytes);
        constexpr std::array<std::int64_t, 3> ids{tensor_id::x, tensor_id::weight, tensor_id::y};
        // cuDNN takes all pointers alike; it writes to the operation's result alone.
        const std::array<void*, 3> pointers{const_cast<float*>(x), const_cast<float*>(weight),
                                            const_cast<float*>(y)};
        void* room = workspace.data();
        Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
        pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::span<const std::int64_t>(ids));
        pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, std::span<void* const>(pointers));
        pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, room);
        pack.finalise("take a plan's pointers");
        context.memory()->order();
        check_cudnn(cudnnBackendExecute(handle_.get(), plan.plan.get(), pack.get()),
                    "order a convolution");
    }

private:
    class Handle {
    public:
        Handle(int device, cudaStream_t stream) {
            check(cudaSetDevice(device), "cudaSetDevice");
            check_cudnn(cudnnCreate(&handle_), "start");
            const cudnnStatus_t status = cudnnSetStream(handle_, stream);
            if (status == CUDNN_STATUS_SUCCESS) return;
            cudnnDestroy(handle_);
            check_cudnn(status, "use the context's stream");
        }
        Handle(const Handle&) = delete;
        Handle& operator=(const Handle&) = delete;
        ~Handle() { cudnnDestroy(handle_); }
        [[nodiscard]] cudnnHandle_t get() const noexcept { return handle_; }

    private:
        cudnnHandle_t handle_ = nullptr;
    };

    /// A weight with its channels last: a copy, but where the order is the same.
    template <class D>
    class OrderedWeight {
    public:
        OrderedWeight(typename D::Context& context, const ConvShape& shape, const float* weight)
            : copy_(context, needs_copy(shape, weight) ? weight_size(shape) : 0) {
            data_ = weight;
            if (!needs_copy(shape, weight)) return;
            data_ = copy_.data();
            context.launch(over_elements(weight_size(shape)),
                           ChannelsLastWeightKernel<float>{
                               shape.out_channels, shape.in_channels / shape.groups,
                               shape.kernel_height * shape.kernel_width, weight, copy_.data()});
        }
        [[nodiscard]] const float* data() const noexcept { return data_; }

    private:
        [[nodiscard]] static bool needs_copy(const ConvShape& shape, const float* weight) {
            return shape.kernel_height * shape.kernel_width > 1 || !aligned_for_vectors(weight);
        }

        Scratch<float, D> copy_;
        const float* data_;
    };

    /// Null where there is none, where our own products are faster, and where the maps are not as
    /// plans take them.
    [[nodiscard]] const ConvolutionPlan* plan_of(const ConvolutionKey& key, const float* x,
                                                 const float* y) {
        if (!cudnn_describes(key.shape) || own_is_faster(key)) return nullptr;
        if (!aligned_for_vectors(x) || !aligned_for_vectors(y)) return nullptr;
        auto at = plans_.find(key);
        if (at == plans_.end()) at = plans_.emplace(key, convolution_plan(key, device_)).first;
        return at->second ? &*at->second : nullptr;
    }

    Handle handle_;
    DeviceDescription device_;
    std::unordered_map<ConvolutionKey, std::optional<ConvolutionPlan>, ConvolutionKeyHash> plans_;
};

}  // namespace kasmina::backends::cuda_detail
