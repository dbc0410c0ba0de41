// Threaded: the CUDA backend's device on threads of the system, for ThreadSanitizer to look at.
#pragma once

#include <barrier>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include <kasmina/backend/context_reference.hpp>
#include <kasmina/backend/mask_tile_cache.hpp>
#include <kasmina/backends/cuda/device.hpp>

namespace kasmina::test {

/// What the threads of a block have in common: fibers take turns, these really run together, so
/// that a race is one for a sanitizer, too.
struct ThreadedState {
    static constexpr int warp = 32;

    ThreadedState(const backends::cuda_detail::Launch& launch, Index block)
        : index(block),
          blocks(launch.blocks),
          threads(launch.threads),
          shared(static_cast<std::size_t>(launch.shared_bytes) + 1, std::byte{0xff}),
          all(launch.threads),
          slots(static_cast<std::size_t>(launch.threads)) {
        for (int i = 0; i < threads / warp; ++i) {
            warps.push_back(std::make_unique<std::barrier<>>(warp));
        }
    }

    Index index;
    Index blocks;
    int threads;
    std::vector<std::byte> shared;
    std::barrier<> all;
    std::vector<std::unique_ptr<std::barrier<>>> warps;
    std::vector<double> slots;  ///< of shuffles
};

/// Block as one of these threads sees it.
class ThreadedBlock {
public:
    ThreadedBlock(ThreadedState& state, int thread) : state_(&state), thread_(thread) {}

    [[nodiscard]] int thread() const noexcept { return thread_; }
    [[nodiscard]] int threads() const noexcept { return state_->threads; }
    [[nodiscard]] Index index() const noexcept { return state_->index; }
    [[nodiscard]] Index blocks() const noexcept { return state_->blocks; }

    void barrier() { state_->all.arrive_and_wait(); }
    template <class V>
    V shuffle_xor(V value, int lanes) {
        return exchange(value, (thread_ % ThreadedState::warp) ^ lanes);
    }
    unsigned ballot(bool mine) {
        unsigned lanes = (mine ? 1U : 0U) << static_cast<unsigned>(thread_ % ThreadedState::warp);
        for (int apart = 1; apart < ThreadedState::warp; apart *= 2) {
            lanes |= shuffle_xor(lanes, apart);
        }
        return lanes;
    }
    template <class V>
    V* shared(int first_byte, int) {
        return reinterpret_cast<V*>(state_->shared.data() + first_byte);
    }

private:
    template <class V>
    V exchange(V value, int source) {
        static_assert(sizeof(V) <= sizeof(double));
        const int first = thread_ / ThreadedState::warp * ThreadedState::warp;
        std::barrier<>& warp =
            *state_->warps[static_cast<std::size_t>(first / ThreadedState::warp)];
        std::memcpy(&state_->slots[static_cast<std::size_t>(thread_)], &value, sizeof value);
        warp.arrive_and_wait();
        V other;
        std::memcpy(&other, &state_->slots[static_cast<std::size_t>(first + source)], sizeof other);
        warp.arrive_and_wait();
        return other;
    }

    ThreadedState* state_;
    int thread_;
};

/// The host's memory.
class ThreadedMemory {
public:
    [[nodiscard]] void* allocate(std::size_t bytes) {
        void* data = ::operator new(bytes);
        std::memset(data, 0xff, bytes);
        return data;
    }
    void release(void* data, std::size_t) noexcept { ::operator delete(data); }
};

struct ThreadedReading {
    std::vector<std::max_align_t> values;

    [[nodiscard]] const void* get() const { return values.data(); }
};

struct ThreadedRecording {
    explicit operator bool() const noexcept { return false; }
};

/// Blocks one after another, the threads of each at once.
class ThreadedContext {
public:
    [[nodiscard]] const std::shared_ptr<ThreadedMemory>& memory() const noexcept { return memory_; }
    [[nodiscard]] std::weak_ptr<const void> lifetime() const noexcept { return lifetime_.watch(); }
    [[nodiscard]] Precision precision() const noexcept { return Precision::full; }

    /// Capability: AttentionBackend.
    [[nodiscard]] MaskTileCache& mask_tiles() noexcept { return mask_tiles_; }

    void upload(const void* host, void* to, std::size_t bytes) { std::memcpy(to, host, bytes); }
    void copy(const void* from, void* to, std::size_t bytes) { std::memmove(to, from, bytes); }
    [[nodiscard]] ThreadedReading read(const void* from, std::size_t bytes) {
        ThreadedReading reading{
            std::vector<std::max_align_t>(bytes / sizeof(std::max_align_t) + 1)};
        std::memcpy(reading.values.data(), from, bytes);
        return reading;
    }
    template <class Kernel>
    void launch(const backends::cuda_detail::Launch& grid, const Kernel& kernel) {
        for (Index index = 0; index < grid.blocks; ++index) {
            ThreadedState state(grid, index);
            std::vector<std::jthread> threads;
            for (int thread = 0; thread < grid.threads; ++thread) {
                threads.emplace_back([&state, &kernel, thread] {
                    ThreadedBlock block(state, thread);
                    kernel(block);
                });
            }
        }
    }
    void synchronise() noexcept {}

    void begin_recording() noexcept {}
    [[nodiscard]] ThreadedRecording end_recording() noexcept { return {}; }

private:
    std::shared_ptr<ThreadedMemory> memory_ = std::make_shared<ThreadedMemory>();
    MaskTileCache mask_tiles_;
    ContextLifetime lifetime_;
};

/// It has kernels alone: there is no library to multiply for it.
struct Threaded {
    using Context = ThreadedContext;
    using Memory = ThreadedMemory;
    using Reading = ThreadedReading;
    using Recording = ThreadedRecording;

    template <class T>
    static void gemm(Context&, const Gemm<T>&) {}
};

static_assert(backends::cuda_detail::Device<Threaded>);

}  // namespace kasmina::test
