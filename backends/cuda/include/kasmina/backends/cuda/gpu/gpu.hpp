// Gpu: the device that is a card, with NVIDIA's libraries for products and convolutions.
#pragma once

#include <kasmina/requirements.hpp>

#include <type_traits>

#include <kasmina/backends/cuda/device.hpp>
#include <kasmina/backends/cuda/gpu/context.hpp>
#include <kasmina/backends/cuda/kernels/matrix.hpp>

namespace kasmina::backends::cuda_detail {

struct Gpu {
    using Context = GpuContext;
    using Memory = GpuMemory;
    using Reading = GpuReading;
    using Recording = StepGraph;

    template <class T>
    static void gemm(Context& context, const Gemm<T>& call) {
        // The library adds no bias to products of doubles.
        const bool bias_apart = std::is_same_v<T, double> && call.bias != nullptr;
        Gemm<T> product = call;
        if (bias_apart) product.bias = nullptr;
        context.cublaslt().gemm(product, context.precision());
        context.finish("gemm");
        if (bias_apart) add_rows(context, call, true);
    }

#if defined(KASMINA_CUDA_HAS_CUDNN)
    /// Convolutions answer whether the library did them; where not, the backend's own kernels do.
    template <class T>
    static bool conv2d(Context& context, const Conv2d<T>& call) {
        if constexpr (std::is_same_v<T, float>) {
            const bool done = context.cudnn().template conv2d<Gpu>(context, call);
            context.finish("conv2d");
            return done;
        } else {
            return false;
        }
    }
    template <class T>
    static bool conv2d_pullback_input(Context& context, const Conv2dPullbackInput<T>& call) {
        if constexpr (std::is_same_v<T, float>) {
            const bool done = context.cudnn().template conv2d_pullback_input<Gpu>(context, call);
            context.finish("conv2d_pullback_input");
            return done;
        } else {
            return false;
        }
    }
    template <class T>
    static bool conv2d_pullback_weight(Context& context, const Conv2dPullbackWeight<T>& call) {
        if constexpr (std::is_same_v<T, float>) {
            const bool done = context.cudnn().template conv2d_pullback_weight<Gpu>(context, call);
            context.finish("conv2d_pullback_weight");
            return done;
        } else {
            return false;
        }
    }
#endif
};

static_assert(Device<Gpu>);

}  // namespace kasmina::backends::cuda_detail
