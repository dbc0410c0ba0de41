// Staging: batches on their way to the card, copied while the step before them still runs.
#pragma once

#include <kasmina/requirements.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include <cuda_runtime_api.h>

#include <kasmina/backends/cuda/gpu/memory.hpp>

namespace kasmina::backends::cuda_detail {

/// Two places on the card for each size, written by turns on a stream of their own. What stands in
/// one is copied to where it is wanted in the order of the context's work, so that no memory is
/// written before those who use it now are done.
class Staging {
public:
    /// What is smaller goes straight, in the order of the context's work.
    static constexpr std::size_t least_bytes = std::size_t{64} << 10U;

    explicit Staging(std::shared_ptr<GpuMemory> memory) : memory_(std::move(memory)) {}
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;
    ~Staging() {
        for (auto& [room, pair] : places_) {
            for (Place& place : pair.places) {
                if (place.data == nullptr) continue;
                static_cast<void>(cudaEventSynchronize(place.arrived));
                memory_->release(place.data, room);
                static_cast<void>(cudaEventDestroy(place.arrived));
                static_cast<void>(cudaEventDestroy(place.taken));
            }
        }
    }

    /// Copies `bytes` from `host`, which may be overwritten when this returns. Errors: CudaError,
    /// ResourceError.
    void upload(const void* host, void* to, std::size_t bytes) {
        const PinnedBlock block = memory_->acquire_pinned(bytes);
        std::memcpy(block.data, host, bytes);
        memory_->activate();
        if (bytes < least_bytes) {
            copy(to, block.data, bytes, cudaMemcpyHostToDevice, memory_->stream());
            check(cudaEventRecord(block.done, memory_->stream()), where);
        } else {
            beside(block, to, bytes);
        }
        memory_->release_pinned(block);
    }

private:
    static constexpr const char* where = "a copy from the host";

    struct Place {
        void* data = nullptr;
        cudaEvent_t arrived = nullptr;  ///< the copy from the host is done
        cudaEvent_t taken = nullptr;    ///< the copy to where it is wanted is done
    };
    struct Pair {
        std::array<Place, 2> places{};
        std::size_t next = 0;
    };

    static void copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                     cudaStream_t stream) {
        check(cudaMemcpyAsync(to, from, bytes, kind, stream), where);
    }

    void beside(const PinnedBlock& block, void* to, std::size_t bytes) {
        Pair& pair = places_[size_class(bytes)];
        Place& place = pair.places[pair.next];
        pair.next = 1 - pair.next;
        const cudaStream_t stream = memory_->stream();
        const cudaStream_t uploads = memory_->uploads();
        if (place.data == nullptr) {
            place.data = memory_->allocate(bytes);
            check(cudaEventCreateWithFlags(&place.arrived, cudaEventDisableTiming), where);
            check(cudaEventCreateWithFlags(&place.taken, cudaEventDisableTiming), where);
            // Whoever had this memory before may still be at work on it.
            check(cudaEventRecord(place.taken, stream), where);
        }
        check(cudaStreamWaitEvent(uploads, place.taken, 0), where);
        copy(place.data, block.data, bytes, cudaMemcpyHostToDevice, uploads);
        check(cudaEventRecord(block.done, uploads), where);
        check(cudaEventRecord(place.arrived, uploads), where);
        check(cudaStreamWaitEvent(stream, place.arrived, 0), where);
        copy(to, place.data, bytes, cudaMemcpyDeviceToDevice, stream);
        check(cudaEventRecord(place.taken, stream), where);
    }

    std::shared_ptr<GpuMemory> memory_;
    std::map<std::size_t, Pair> places_;  ///< by room
};

}  // namespace kasmina::backends::cuda_detail
