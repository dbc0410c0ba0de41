// A pool of threads that runs numbered chunks of work; dispatch costs well under a microsecond.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <kasmina/backends/eigen/denormals.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/tensor/index.hpp>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// Runs f(chunk, thread) for chunk = 0 ... chunks - 1, each once, on the caller (thread 0) and on
/// `threads - 1` workers, which take chunks from a shared counter. Workers spin for some
/// microseconds after a job, then park, so that the many short jobs of a training step follow each
/// other without a system call, and idle threads cost nothing. A worker that does not arrive in
/// time (its core is busy) is not waited for. Nothing is allocated per job. One job runs at a time:
/// a call from inside a job, or from a second thread at the same moment, does its chunks itself.
class ThreadPool {
public:
    explicit ThreadPool(int threads) {
        workers_.reserve(static_cast<std::size_t>(threads > 1 ? threads - 1 : 0));
        try {
            for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
        } catch (...) {
            stop();
            throw;
        }
    }
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;
    ~ThreadPool() { stop(); }

    [[nodiscard]] int threads() const noexcept { return static_cast<int>(workers_.size()) + 1; }

    /// Returns when all chunks are done; a chunk is call(closure, chunk, thread). The first
    /// exception is rethrown, and chunks not yet begun are left out then.
    void run(Index chunks, void (*call)(void*, Index, int), void* closure);

private:
    // state_ holds a job's number, whether workers can still join it, how many are in it, and
    // whether the pool is ending.
    static constexpr std::uint32_t in_job = (1U << 10) - 1;
    static constexpr std::uint32_t open = 1U << 10;
    static constexpr std::uint32_t stopping = 1U << 11;
    static constexpr std::uint32_t next_job = 1U << 12;
    static constexpr int spins = 2000;

    static void relax() noexcept {
#if defined(__x86_64__) || defined(_M_X64)
        _mm_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }

    void run_parallel(Index chunks);
    void work(int thread) noexcept;
    void take_chunks(int thread) noexcept;
    void wait_for_change(std::uint32_t state, int spin) noexcept;
    void stop() noexcept;

    std::vector<std::thread> workers_;
    // The job; written by the caller before it opens the job, read by those who joined it.
    void (*call_)(void*, Index, int) = nullptr;
    void* closure_ = nullptr;
    Index chunks_ = 0;
    std::exception_ptr error_;
    // Apart from each other and from the rest, so that their traffic stays their own.
    alignas(128) std::atomic<std::uint32_t> state_{0};
    alignas(128) std::atomic<Index> next_{0};
    alignas(128) std::atomic<bool> failed_{false};
    std::atomic<bool> busy_{false};
};

inline void ThreadPool::run(Index chunks, void (*call)(void*, Index, int), void* closure) {
    const FlushDenormals flush;
    if (chunks <= 1 || workers_.empty() || busy_.exchange(true, std::memory_order_acquire)) {
        for (Index chunk = 0; chunk < chunks; ++chunk) call(closure, chunk, 0);
        return;
    }
    call_ = call;
    closure_ = closure;
    run_parallel(chunks);
}

inline void ThreadPool::run_parallel(Index chunks) {
    chunks_ = chunks;
    failed_.store(false, std::memory_order_relaxed);
    next_.store(0, std::memory_order_relaxed);
    // The last job is closed and empty, so nobody else writes state_ here.
    state_.store((state_.load(std::memory_order_relaxed) + next_job) | open);
    state_.notify_all();
    take_chunks(0);
    state_.fetch_and(~open);
    for (int spin = 0;; ++spin) {
        const std::uint32_t state = state_.load(std::memory_order_acquire);
        if ((state & in_job) == 0) break;
        wait_for_change(state, spin);
    }
    const std::exception_ptr error = std::exchange(error_, nullptr);
    busy_.store(false, std::memory_order_release);
    if (error) std::rethrow_exception(error);
}

inline void ThreadPool::work(int thread) noexcept {
    const FlushDenormals flush;
    std::uint32_t last_job = 0;
    for (int spin = 0;; ++spin) {
        std::uint32_t state = state_.load(std::memory_order_acquire);
        if ((state & stopping) != 0) return;
        if ((state & open) == 0 || state / next_job == last_job) {
            wait_for_change(state, spin);
            continue;
        }
        if (!state_.compare_exchange_strong(state, state + 1)) continue;
        last_job = state / next_job;
        take_chunks(thread);
        const std::uint32_t before = state_.fetch_sub(1);
        if ((before & open) == 0 && (before & in_job) == 1) state_.notify_all();
        spin = 0;
    }
}

inline void ThreadPool::take_chunks(int thread) noexcept {
    for (;;) {
        const Index chunk = next_.fetch_add(1, std::memory_order_relaxed);
        if (chunk >= chunks_) return;
        try {
            call_(closure_, chunk, thread);
        } catch (...) {
            if (!failed_.exchange(true)) error_ = std::current_exception();
            next_.store(chunks_, std::memory_order_relaxed);
        }
    }
}

inline void ThreadPool::wait_for_change(std::uint32_t state, int spin) noexcept {
    if (spin < spins) {
        relax();
    } else {
        state_.wait(state);
    }
}

inline void ThreadPool::stop() noexcept {
    state_.fetch_or(stopping);
    state_.notify_all();
    for (std::thread& worker : workers_) worker.join();
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
