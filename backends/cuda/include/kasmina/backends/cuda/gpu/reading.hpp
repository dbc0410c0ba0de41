// GpuReading: a copy to the host under way, and the event behind it.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <cuda_runtime_api.h>

#include <kasmina/backends/cuda/gpu/memory.hpp>

namespace kasmina::backends::cuda_detail {

class GpuReading {
public:
    GpuReading() = default;
    /// Orders the copy. Errors: CudaError, ResourceError.
    GpuReading(const std::shared_ptr<GpuMemory>& memory, const void* from, std::size_t bytes)
        : memory_(memory), block_(memory->acquire_pinned(bytes)), ticket_(memory->order()) {
        memory->activate();
        check(cudaMemcpyAsync(block_.data, from, bytes, cudaMemcpyDeviceToHost, memory->stream()),
              "a copy to the host");
        check(cudaEventRecord(block_.done, memory->stream()), "a copy to the host");
    }

    GpuReading(GpuReading&& other) noexcept
        : memory_(std::move(other.memory_)), block_(other.block_), ticket_(other.ticket_) {}
    GpuReading& operator=(GpuReading&& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(block_, other.block_);
        std::swap(ticket_, other.ticket_);
        return *this;
    }
    ~GpuReading() {
        if (memory_) memory_->release_pinned(block_);
    }

    /// Waits until the copy is there. Errors: CudaError when what was ordered before it failed.
    [[nodiscard]] const void* get() {
        if (memory_ && !memory_->has_seen(ticket_)) {
            check(cudaEventSynchronize(block_.done), "a copy to the host, or what came before it");
            memory_->saw(ticket_);
        }
        return block_.data;
    }

private:
    std::shared_ptr<GpuMemory> memory_;
    PinnedBlock block_{};
    std::uint64_t ticket_ = 0;
};

}  // namespace kasmina::backends::cuda_detail
