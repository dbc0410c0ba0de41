// GpuMemory: a stream, and the card's memory that is handed out and taken back in its order.
#pragma once

#include <kasmina/requirements.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include <cuda_runtime_api.h>

#include <kasmina/backends/cuda/gpu/error.hpp>
#include <kasmina/backends/cuda/gpu/pinned_pool.hpp>
#include <kasmina/backends/cuda/gpu/size_class.hpp>
#include <kasmina/backends/cuda/pool_statistics.hpp>

namespace kasmina::backends::cuda_detail {

/// Shared by a context and by all that may outlive it: buffers and readings. What comes back is
/// given out again at once, because whoever gets it works on the same stream; nothing is asked of
/// the driver once a step has been done that needed no more. Safe for several threads.
class GpuMemory {
public:
    /// Errors: ResourceError when there is no such device; CudaError.
    explicit GpuMemory(int device) : device_(device) {
        int count = 0;
        const cudaError_t status = cudaGetDeviceCount(&count);
        if (status != cudaSuccess || device < 0 || device >= count) {
            static_cast<void>(cudaGetLastError());
            refuse_device(status, device, count);
        }
        check(cudaSetDevice(device), "cudaSetDevice");
        check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
        check(cudaStreamCreateWithFlags(&uploads_, cudaStreamNonBlocking), "cudaStreamCreate");
    }
    GpuMemory(const GpuMemory&) = delete;
    GpuMemory& operator=(const GpuMemory&) = delete;
    /// Work that is left is done first.
    ~GpuMemory() {
        activate();
        static_cast<void>(cudaStreamSynchronize(uploads_));
        static_cast<void>(cudaStreamSynchronize(stream_));
        trim();
        static_cast<void>(cudaStreamDestroy(uploads_));
        static_cast<void>(cudaStreamDestroy(stream_));
    }

    /// Room for `bytes`, uninitialised. Errors: ResourceError says how much was asked for, is held
    /// and is free.
    [[nodiscard]] void* allocate(std::size_t bytes) {
        const std::size_t room = size_class(bytes);
        const std::lock_guard lock(mutex_);
        void* data = recording_ ? taken_from(recorded_[room]) : nullptr;
        if (data == nullptr) {
            data = taken_from(waiting_[room]);
            if (data == nullptr) {
                data = ask_driver(room);
                ++statistics_.allocations;
                statistics_.bytes_held += room;
            }
            statistics_.bytes_in_use += room;
            statistics_.peak_bytes = std::max(statistics_.peak_bytes, statistics_.bytes_in_use);
        }
        if (recording_) handed_out_.insert(data);
        return data;
    }
    /// Takes back what was given for the same number of bytes.
    void release(void* data, std::size_t bytes) noexcept {
        const std::size_t room = size_class(bytes);
        const std::lock_guard lock(mutex_);
        if (recording_) {
            handed_out_.erase(data);
            recorded_[room].push_back(data);
        } else {
            statistics_.bytes_in_use -= room;
            waiting_[room].push_back(data);
        }
    }

    /// From here on what is handed out and comes back is memory of recordings, which others get
    /// only when no recording is left. It counts as in use.
    void begin_recording() {
        const std::lock_guard lock(mutex_);
        recording_ = true;
        handed_out_.clear();
        ++recordings_;
    }
    /// Whether all that was handed out has come back.
    [[nodiscard]] bool end_recording() noexcept {
        const std::lock_guard lock(mutex_);
        recording_ = false;
        return handed_out_.empty();
    }
    /// Of each that was begun, at its end.
    void let_go_of_recording() noexcept {
        const std::lock_guard lock(mutex_);
        if (--recordings_ == 0) give_up_recorded();
    }

    /// Gives what waits to be reused back to the driver, which waits for all work.
    void trim() noexcept {
        const std::lock_guard lock(mutex_);
        give_back_waiting();
    }

    [[nodiscard]] CudaPoolStatistics statistics() const {
        const std::lock_guard lock(mutex_);
        return statistics_;
    }
    /// Starts a new measurement of `peak_bytes`.
    void reset_peak() {
        const std::lock_guard lock(mutex_);
        statistics_.peak_bytes = statistics_.bytes_in_use;
    }

    /// Makes the device that of this thread.
    void activate() const noexcept {
        if (device_ != 0) static_cast<void>(cudaSetDevice(device_));
    }
    [[nodiscard]] int device() const noexcept { return device_; }
    [[nodiscard]] cudaStream_t stream() const noexcept { return stream_; }
    /// The stream on which batches come from the host while the step before them still runs.
    [[nodiscard]] cudaStream_t uploads() const noexcept { return uploads_; }

    [[nodiscard]] PinnedBlock acquire_pinned(std::size_t bytes) {
        const std::lock_guard lock(mutex_);
        return pinned_.acquire(bytes);
    }
    void release_pinned(const PinnedBlock& block) {
        const std::lock_guard lock(mutex_);
        pinned_.release(block);
    }

    /// Work is numbered in its order; a wait for what an earlier one has seen done is not counted.
    std::uint64_t order() noexcept { return ++ordered_; }
    [[nodiscard]] std::uint64_t ordered() const noexcept { return ordered_; }
    [[nodiscard]] bool has_seen(std::uint64_t ticket) const noexcept { return ticket <= seen_; }
    void saw(std::uint64_t ticket) noexcept {
        seen_ = std::max(seen_, ticket);
        ++waits_;
    }
    [[nodiscard]] std::uint64_t waits() const noexcept { return waits_; }

private:
    using FreeBlocks = std::map<std::size_t, std::vector<void*>>;  ///< by room

    [[nodiscard]] static void* taken_from(std::vector<void*>& blocks) noexcept {
        if (blocks.empty()) return nullptr;
        void* data = blocks.back();
        blocks.pop_back();
        return data;
    }

    void give_up_recorded() noexcept {
        for (auto& [room, blocks] : recorded_) {
            for (void* data : blocks) {
                statistics_.bytes_in_use -= room;
                waiting_[room].push_back(data);
            }
            blocks.clear();
        }
    }

    [[nodiscard]] void* ask_driver(std::size_t room) {
        activate();
        void* data = nullptr;
        cudaError_t status = cudaMalloc(&data, room);
        if (status == cudaErrorMemoryAllocation) {
            static_cast<void>(cudaGetLastError());
            give_back_waiting();
            status = cudaMalloc(&data, room);
        }
        if (status != cudaSuccess) refuse_memory(status, room);
        return data;
    }

    KASMINA_COLD [[noreturn]] void refuse_memory(cudaError_t status, std::size_t room) const {
        static_cast<void>(cudaGetLastError());
        if (status != cudaErrorMemoryAllocation) refuse(status, "cudaMalloc");
        std::size_t free = 0;
        std::size_t total = 0;
        static_cast<void>(cudaMemGetInfo(&free, &total));
        throw ResourceError("the card has not enough memory", "backends::Cuda",
                            std::to_string(room) + " bytes more",
                            std::to_string(statistics_.bytes_held) + " bytes held, " +
                                std::to_string(free) + " free of " + std::to_string(total),
                            "use a smaller batch or network");
    }

    void give_back_waiting() noexcept {
        for (auto& [room, waiting] : waiting_) {
            for (void* data : waiting) {
                static_cast<void>(cudaFree(data));
                statistics_.bytes_held -= room;
            }
            waiting.clear();
        }
    }

    const int device_;
    cudaStream_t stream_ = nullptr;
    cudaStream_t uploads_ = nullptr;
    mutable std::mutex mutex_;
    FreeBlocks waiting_;
    FreeBlocks recorded_;                   ///< that recordings use
    std::unordered_set<void*> handed_out_;  ///< since a recording began
    bool recording_ = false;
    int recordings_ = 0;
    CudaPoolStatistics statistics_;
    PinnedPool pinned_;
    std::uint64_t ordered_ = 0;
    std::uint64_t seen_ = 0;
    std::uint64_t waits_ = 0;
};

}  // namespace kasmina::backends::cuda_detail
