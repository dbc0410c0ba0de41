// EmulatedBlock: a block of a kernel on fibers, that finds what a card would let pass or hang on.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <vector>

#include <kasmina/backends/cuda/launch.hpp>

#include "support/cuda_emulation/error.hpp"
#include "support/cuda_emulation/fibers.hpp"

namespace kasmina::test {

/// What the threads of the block that runs now have in common.
class BlockState {
public:
    static constexpr int warp = 32;

    /// Runs body(state, thread) on all threads of a block. Errors: EmulationError.
    template <class Body>
    void run(const char* kernel, const backends::cuda_detail::Launch& launch, Index block,
             std::uint64_t seed, const Body& body) {
        kernel_ = kernel;
        index = block;
        blocks = launch.blocks;
        threads = launch.threads;
        shared.assign(static_cast<std::size_t>(launch.shared_bytes) + 1, std::byte{0xff});
        shared_bytes = launch.shared_bytes;
        failure_.reset();
        arrived_ = 0;
        barrier_place_.reset();
        warps_.assign(static_cast<std::size_t>(threads / warp), Warp{});
        waits_at_.assign(static_cast<std::size_t>(threads), nullptr);
        fibers_.run(threads, seed, [&](int thread) { body(*this, thread); });
        if (failure_) throw EmulationError(*failure_);
        if (fibers_.done() < threads) throw EmulationError(hanging());
    }

    void barrier(int thread, const std::source_location& where) {
        if (arrived_ == 0) {
            barrier_place_ = where;
        } else if (where.line() != barrier_place_->line() ||
                   where.column() != barrier_place_->column() ||
                   std::strcmp(where.file_name(), barrier_place_->file_name()) != 0) {
            fail(thread, "threads of a block wait at different barriers",
                 place(*barrier_place_) + " and " + place(where));
        }
        if (++arrived_ == threads) {
            arrived_ = 0;
            wake_barrier(thread);
            // This one, too, takes its turn.
            fibers_.wake(thread);
            fibers_.wait(thread);
            return;
        }
        waits_at_[static_cast<std::size_t>(thread)] = "a barrier";
        fibers_.wait(thread);
    }

    /// The value of the lane `source` of the thread's warp. `kind` says what was called.
    template <class V>
    V exchange(int thread, V value, int source, int kind) {
        static_assert(std::is_trivially_copyable_v<V> && sizeof(V) <= 16);
        Warp& lanes = warps_[static_cast<std::size_t>(thread / warp)];
        // A lane that runs ahead to the next shuffle must not touch what others have still to read.
        auto& slots = lanes.slots[static_cast<std::size_t>(lanes.round % 2)];
        const std::size_t lane = static_cast<std::size_t>(thread % warp);
        if (lanes.arrived == 0) {
            lanes.kind = kind;
        } else if (lanes.kind != kind) {
            fail(thread, "lanes of a warp wait at different shuffles",
                 std::to_string(lanes.kind) + " and " + std::to_string(kind));
        }
        std::memcpy(slots[lane].data(), &value, sizeof value);
        if (++lanes.arrived == warp) {
            lanes.arrived = 0;
            ++lanes.round;
            for (int other = thread / warp * warp; other < (thread / warp + 1) * warp; ++other) {
                waits_at_[static_cast<std::size_t>(other)] = nullptr;
                if (other != thread) fibers_.wake(other);
            }
        } else {
            waits_at_[static_cast<std::size_t>(thread)] = "a shuffle";
            fibers_.wait(thread);
        }
        V other;
        std::memcpy(&other, slots[static_cast<std::size_t>(source)].data(), sizeof other);
        return other;
    }

    /// Called by a thread: ends the block.
    void fail(int thread, const std::string& what, const std::string& got) {
        failure_.emplace(
            what, kernel_, "all threads in step, and memory that was asked for",
            "block " + std::to_string(index) + ", thread " + std::to_string(thread) + ": " + got,
            "mend the kernel");
        fibers_.give_up();
    }

    Index index = 0;
    Index blocks = 1;
    int threads = 0;
    int shared_bytes = 0;
    std::vector<std::byte> shared;

private:
    struct Warp {
        int arrived = 0;
        int kind = 0;
        int round = 0;
        std::array<std::array<std::array<std::byte, 16>, warp>, 2> slots{};
    };

    static std::string place(const std::source_location& where) {
        return std::string(where.file_name()) + ":" + std::to_string(where.line());
    }

    void wake_barrier(int last) {
        for (int thread = 0; thread < threads; ++thread) {
            waits_at_[static_cast<std::size_t>(thread)] = nullptr;
            if (thread != last) fibers_.wake(thread);
        }
    }

    /// Nobody can go on: who waits for whom.
    [[nodiscard]] EmulationError hanging() const {
        const auto waiting = std::find_if(waits_at_.begin(), waits_at_.end(),
                                          [](const char* at) { return at != nullptr; });
        return {"not all threads reach a barrier or shuffle", kernel_, "all threads in step",
                "block " + std::to_string(index) + ": thread " +
                    std::to_string(waiting - waits_at_.begin()) + " waits at " + *waiting +
                    " and " + std::to_string(fibers_.done()) + " of " + std::to_string(threads) +
                    " threads have ended",
                "let every thread reach it"};
    }

    const char* kernel_ = "";
    Fibers fibers_;
    std::optional<EmulationError> failure_;
    int arrived_ = 0;
    std::optional<std::source_location> barrier_place_;
    std::vector<Warp> warps_;
    std::vector<const char*> waits_at_;
};

/// A part of the shared memory, each access checked. Like a pointer on a card, it may be made for
/// more than there is; it may not be read there.
template <class V>
class EmulatedShared {
public:
    EmulatedShared(BlockState& state, int thread, int first, int count)
        : state_(&state), thread_(thread), first_(first), count_(count) {}

    V& operator[](int i) const {
        const long end = first_ + (static_cast<long>(i) + 1) * static_cast<long>(sizeof(V));
        if (i < 0 || i >= count_ || end > state_->shared_bytes) {
            state_->fail(thread_, "shared memory out of range",
                         "element " + std::to_string(i) + " of " + std::to_string(count_) +
                             " from byte " + std::to_string(first_) + " on, of " +
                             std::to_string(state_->shared_bytes) + " bytes");
        }
        return reinterpret_cast<V*>(state_->shared.data() + first_)[i];
    }

private:
    BlockState* state_;
    int thread_;
    int first_;
    int count_;
};

/// Block as one of its threads sees it.
class EmulatedBlock {
public:
    EmulatedBlock(BlockState& state, int thread) : state_(&state), thread_(thread) {}

    [[nodiscard]] int thread() const noexcept { return thread_; }
    [[nodiscard]] int threads() const noexcept { return state_->threads; }
    [[nodiscard]] Index index() const noexcept { return state_->index; }
    [[nodiscard]] Index blocks() const noexcept { return state_->blocks; }

    void barrier(const std::source_location& where = std::source_location::current()) {
        state_->barrier(thread_, where);
    }
    template <class V>
    V shuffle_xor(V value, int lanes) {
        return state_->exchange(thread_, value, (thread_ % BlockState::warp) ^ lanes, lanes);
    }
    unsigned ballot(bool mine) {
        // As many exchanges as it takes to hear from all: 2, 4, ... lanes' bits.
        unsigned lanes = (mine ? 1U : 0U) << static_cast<unsigned>(thread_ % BlockState::warp);
        for (int apart = 1; apart < BlockState::warp; apart *= 2) {
            lanes |= state_->exchange(thread_, lanes, (thread_ % BlockState::warp) ^ apart,
                                      1000 + apart);
        }
        return lanes;
    }
    template <class V>
    EmulatedShared<V> shared(int first_byte, int count) {
        if (first_byte % static_cast<int>(alignof(V)) != 0) {
            state_->fail(thread_, "shared memory out of alignment", std::to_string(first_byte));
        }
        return {*state_, thread_, first_byte, count};
    }

private:
    BlockState* state_;
    int thread_;
};

}  // namespace kasmina::test
