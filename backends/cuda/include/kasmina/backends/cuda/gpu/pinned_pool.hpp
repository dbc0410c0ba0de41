// PinnedPool: host memory that a card copies from and to by itself, reused when its copy is done.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include <cuda_runtime_api.h>

#include <kasmina/backends/cuda/gpu/error.hpp>
#include <kasmina/backends/cuda/gpu/size_class.hpp>

namespace kasmina::backends::cuda_detail {

/// A piece of it, and the event behind the last copy that used it.
struct PinnedBlock {
    void* data = nullptr;
    std::size_t room = 0;
    cudaEvent_t done = nullptr;
};

/// Not safe for several threads at once: its owner locks.
class PinnedPool {
public:
    PinnedPool() = default;
    PinnedPool(const PinnedPool&) = delete;
    PinnedPool& operator=(const PinnedPool&) = delete;
    ~PinnedPool() {
        for (auto& [room, waiting] : waiting_) {
            for (const PinnedBlock& block : waiting) {
                static_cast<void>(cudaEventSynchronize(block.done));
                static_cast<void>(cudaEventDestroy(block.done));
                static_cast<void>(cudaFreeHost(block.data));
            }
        }
    }

    /// A block whose last copy is done: nobody waits for one that is not. Errors: ResourceError.
    [[nodiscard]] PinnedBlock acquire(std::size_t bytes) {
        const std::size_t room = size_class(bytes);
        std::vector<PinnedBlock>& waiting = waiting_[room];
        for (std::size_t i = 0; i < waiting.size(); ++i) {
            if (cudaEventQuery(waiting[i].done) != cudaSuccess) continue;
            const PinnedBlock block = waiting[i];
            waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(i));
            return block;
        }
        // A query that finds work under way leaves an error that is none.
        static_cast<void>(cudaGetLastError());
        return make(room);
    }

    /// Takes a block back whose last copy its event is behind.
    void release(const PinnedBlock& block) { waiting_[block.room].push_back(block); }

private:
    [[nodiscard]] static PinnedBlock make(std::size_t room) {
        PinnedBlock block{nullptr, room, nullptr};
        const cudaError_t status = cudaHostAlloc(&block.data, room, cudaHostAllocPortable);
        if (status != cudaSuccess) {
            static_cast<void>(cudaGetLastError());
            throw ResourceError("there is not enough pinned memory", "backends::Cuda",
                                std::to_string(room) + " bytes", words_of(status),
                                "use a smaller batch, or raise the limit of locked memory");
        }
        check(cudaEventCreateWithFlags(&block.done, cudaEventDisableTiming), "pinned memory");
        return block;
    }

    std::map<std::size_t, std::vector<PinnedBlock>> waiting_;  ///< by room
};

}  // namespace kasmina::backends::cuda_detail
