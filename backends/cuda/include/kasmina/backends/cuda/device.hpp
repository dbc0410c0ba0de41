// Device: what the CUDA backend asks of that on which it runs - a card, or the tests' emulation.
#pragma once

#include <kasmina/requirements.hpp>

#include <concepts>
#include <cstddef>
#include <memory>

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backend/matrix.hpp>
#include <kasmina/backend/precision.hpp>
#include <kasmina/backends/cuda/block.hpp>
#include <kasmina/backends/cuda/launch.hpp>

namespace kasmina::backends::cuda_detail {

/// A kernel that does nothing; stands for all in the concept below.
struct AnyKernel {
    static constexpr const char* name = "any_kernel";
    template <class B>
    KASMINA_DEVICE void operator()(B&) const {}
};

/// One stream of work in order. `Memory` is shared by a context and all that outlives it: what it
/// gives back may be given out again at once, because the next user's work is ordered behind the
/// last one's. Bytes of any number; addresses are multiples of 256. A `Reading` is a copy to the
/// host under way, and `get()` waits for it.
template <class D>
concept Device =
    requires(typename D::Context& context, typename D::Memory& memory, typename D::Reading& reading,
             const void* from, void* to, std::size_t bytes, const Launch& launch,
             const AnyKernel& kernel, const Gemm<float>& gemm) {
        { context.memory() } -> std::convertible_to<std::shared_ptr<typename D::Memory>>;
        { memory.allocate(bytes) } -> std::same_as<void*>;
        { memory.release(to, bytes) } noexcept;
        context.upload(from, to, bytes);
        context.copy(from, to, bytes);
        { context.read(from, bytes) } -> std::same_as<typename D::Reading>;
        { reading.get() } -> std::same_as<const void*>;
        context.launch(launch, kernel);
        context.synchronise();
        { context.precision() } -> std::same_as<Precision>;
        // What is ordered between the two is taken down and not done (backend/recording.hpp).
        context.begin_recording();
        { context.end_recording() } -> std::same_as<typename D::Recording>;
        // Products, by a library where there is one.
        D::gemm(context, gemm);
    };

}  // namespace kasmina::backends::cuda_detail
