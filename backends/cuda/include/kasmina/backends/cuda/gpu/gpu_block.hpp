// GpuBlock: a block of threads as it is on a card.
#pragma once

#include <kasmina/backends/cuda/block.hpp>

namespace kasmina::backends::cuda_detail {

/// The memory that the threads of a block share; the launch says how much there is.
[[nodiscard]] __device__ inline unsigned char* shared_memory() {
    extern __shared__ __align__(16) unsigned char kasmina_shared_memory[];
    return kasmina_shared_memory;
}

struct GpuBlock {
    static constexpr unsigned all_lanes = 0xffffffffU;

    [[nodiscard]] __device__ int thread() const { return static_cast<int>(threadIdx.x); }
    [[nodiscard]] __device__ int threads() const { return static_cast<int>(blockDim.x); }
    [[nodiscard]] __device__ Index index() const { return static_cast<Index>(blockIdx.x); }
    [[nodiscard]] __device__ Index blocks() const { return static_cast<Index>(gridDim.x); }

    __device__ void barrier() const { __syncthreads(); }
    template <class V>
    [[nodiscard]] __device__ V shuffle_xor(V value, int lanes) const {
        return __shfl_xor_sync(all_lanes, value, lanes);
    }
    [[nodiscard]] __device__ unsigned ballot(bool mine) const {
        return __ballot_sync(all_lanes, mine);
    }
    template <class V>
    [[nodiscard]] __device__ V* shared(int first_byte, int) const {
        return reinterpret_cast<V*>(shared_memory() + first_byte);
    }
};

/// Whether kernels of code for that architecture wait for the work before them by themselves, so
/// that they may be brought to the card while that still runs.
inline constexpr int first_overlapping_architecture = 90;

/// The one function that runs on the card. The kernel's arguments stay where the launch put them.
template <class Kernel>
__global__ void run_kernel(const __grid_constant__ Kernel kernel) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    // What was ordered before is done and seen; then the next kernel's blocks may take places.
    cudaGridDependencySynchronize();
    cudaTriggerProgrammaticLaunchCompletion();
#endif
    GpuBlock block;
    kernel(block);
}

}  // namespace kasmina::backends::cuda_detail
