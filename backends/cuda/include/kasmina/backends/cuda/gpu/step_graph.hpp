// StepGraph: a recording on a card, which is a graph of CUDA's that one call launches.
#pragma once

#include <kasmina/requirements.hpp>

#include <memory>
#include <utility>

#include <cuda_runtime_api.h>

#include <kasmina/backends/cuda/gpu/memory.hpp>

namespace kasmina::backends::cuda_detail {

/// Move-only. While one lives, the memory that recordings have used is kept for them.
class StepGraph {
public:
    StepGraph() = default;
    /// Takes over what was captured, and the memory's count of it. Errors: CudaError.
    StepGraph(std::shared_ptr<GpuMemory> memory, cudaGraph_t captured) {
        const cudaError_t status = cudaGraphInstantiate(&graph_, captured, 0);
        static_cast<void>(cudaGraphDestroy(captured));
        if (status != cudaSuccess) memory->let_go_of_recording();
        check(status, "a recording");
        memory_ = std::move(memory);
    }

    StepGraph(StepGraph&& other) noexcept
        : memory_(std::move(other.memory_)), graph_(std::exchange(other.graph_, nullptr)) {}
    StepGraph& operator=(StepGraph&& other) noexcept {
        StepGraph moved(std::move(other));
        std::swap(memory_, moved.memory_);
        std::swap(graph_, moved.graph_);
        return *this;
    }
    ~StepGraph() {
        if (!memory_) return;
        memory_->activate();
        // A launch that is under way keeps what it needs.
        static_cast<void>(cudaGraphExecDestroy(graph_));
        memory_->let_go_of_recording();
    }

    /// Whether there is anything to replay.
    [[nodiscard]] explicit operator bool() const noexcept { return graph_ != nullptr; }

    /// Errors: CudaError.
    void launch() {
        memory_->order();
        memory_->activate();
        check(cudaGraphLaunch(graph_, memory_->stream()), "a recording");
    }

private:
    std::shared_ptr<GpuMemory> memory_;
    cudaGraphExec_t graph_ = nullptr;
};

}  // namespace kasmina::backends::cuda_detail
