// A pool of threads that runs numbered chunks of work; dispatch costs well under a microsecond.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <kasmina/backends/eigen/denormals.hpp>
#include <kasmina/backends/eigen/fork_mark.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/index.hpp>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// A piece of work: (closure, chunk, thread).
using Chunk = void (*)(void*, Index, int);

/// The workers of a pool and the job that they are at.
class Crew {
public:
    /// Errors: ResourceError when the system has not as many threads; none is left running then.
    KASMINA_RARE explicit Crew(int threads)
        : workers_(std::make_unique<std::thread[]>(static_cast<std::size_t>(threads - 1))) {
        try {
            for (; started_ + 1 < threads; ++started_) {
                workers_[static_cast<std::size_t>(started_)] =
                    std::thread([this, thread = started_ + 1] { work(thread); });
            }
        } catch (const std::exception& error) {
            stop();
            refuse(threads, started_, error.what());
        }
    }
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;
    KASMINA_RARE ~Crew() { stop(); }

    /// False when the crew is at another job.
    [[nodiscard]] bool run(Index chunks, Chunk call, void* closure);

private:
    // state_ holds a job's number, whether workers can still join it, how many are in it, and
    // whether the pool is ending.
    static constexpr std::uint32_t in_job = (1U << 10) - 1;
    static constexpr std::uint32_t open = 1U << 10;
    static constexpr std::uint32_t stopping = 1U << 11;
    static constexpr std::uint32_t next_job = 1U << 12;
    static constexpr int spins = 2000;

    KASMINA_COLD [[noreturn]] static void refuse(int wanted, int started, const char* cause) {
        throw ResourceError("a thread cannot be started", "backends::Eigen, Context",
                            std::to_string(wanted) + " threads",
                            std::to_string(started + 1) + ", then: " + cause,
                            "ask for fewer threads, or raise the limit on processes (ulimit -u)");
    }

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

    std::unique_ptr<std::thread[]> workers_;
    int started_ = 0;  ///< of the workers
    // The job; written by the caller before it opens the job, read by those who joined it.
    Chunk call_ = nullptr;
    void* closure_ = nullptr;
    Index chunks_ = 0;
    std::exception_ptr error_;
    // Apart from each other and from the rest, so that their traffic stays their own.
    alignas(128) std::atomic<std::uint32_t> state_{0};
    alignas(128) std::atomic<Index> next_{0};
    alignas(128) std::atomic<bool> failed_{false};
    std::atomic<bool> busy_{false};
};

/// Runs a job, which is chunks 0 ... chunks - 1, each once, on the caller (thread 0) and on
/// `threads - 1` workers, which take chunks from a shared counter. Workers spin for some
/// microseconds after a job, then park, so that the many short jobs of a training step follow each
/// other without a system call, and idle threads cost nothing. A worker that does not arrive in
/// time (its core is busy) is not waited for. Nothing is allocated per job. One job runs at a time:
/// a call from inside a job, or from a second thread at the same moment, does its chunks itself.
/// A child process that is forked off has none of the parent's workers: it gets its own with its
/// first job. (The fork must not come while another thread is in a job.)
class ThreadPool {
public:
    /// Errors: ResourceError when the system has not as many threads.
    KASMINA_RARE explicit ThreadPool(int threads) : threads_(threads) {
        if (threads > 1) crew_ = std::make_unique<Crew>(threads);
    }
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;
    KASMINA_RARE ~ThreadPool() {
        if (!mark_.is_ours()) abandon();
    }

    [[nodiscard]] int threads() const noexcept { return threads_; }

    /// Returns when all chunks are done; a chunk is call(closure, chunk, thread). The first
    /// exception is rethrown, and chunks not yet begun are left out then. Errors: ResourceError
    /// when a child process cannot start threads of its own.
    void run(Index chunks, Chunk call, void* closure);

private:
    [[nodiscard]] bool has_crew() { return mark_.is_ours() || is_replaced(); }

    /// In a child: whether this call has put new workers in the place of those that are not here.
    KASMINA_COLD [[nodiscard]] bool is_replaced() {
        if (!mark_.begin_to_mend()) return false;
        abandon();
        try {
            crew_ = std::make_unique<Crew>(threads_);
        } catch (...) {
            mark_.give_up();
            throw;
        }
        mark_.take_charge();
        return true;
    }

    /// Threads that are not in this process can be neither joined nor ended: what refers to them is
    /// left where it is.
    void abandon() noexcept { static_cast<void>(crew_.release()); }

    int threads_;
    ForkMark mark_;
    std::unique_ptr<Crew> crew_;
};

inline bool Crew::run(Index chunks, Chunk call, void* closure) {
    if (busy_.exchange(true, std::memory_order_acquire)) return false;
    call_ = call;
    closure_ = closure;
    run_parallel(chunks);
    return true;
}

inline void Crew::run_parallel(Index chunks) {
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

inline void Crew::work(int thread) noexcept {
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

inline void Crew::take_chunks(int thread) noexcept {
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

inline void Crew::wait_for_change(std::uint32_t state, int spin) noexcept {
    if (spin < spins) {
        relax();
    } else {
        state_.wait(state);
    }
}

inline void Crew::stop() noexcept {
    state_.fetch_or(stopping);
    state_.notify_all();
    for (int i = 0; i < started_; ++i) workers_[static_cast<std::size_t>(i)].join();
}

KASMINA_APART inline void ThreadPool::run(Index chunks, Chunk call, void* closure) {
    const FlushDenormals flush;
    if (chunks > 1 && threads_ > 1 && has_crew() && crew_->run(chunks, call, closure)) return;
    for (Index chunk = 0; chunk < chunks; ++chunk) call(closure, chunk, 0);
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
