// The CPU backend's context: the threads that kernels run on and the pool their memory is from.
#pragma once

#include <kasmina/backends/eigen/buffer_pool.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/thread_pool.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/index.hpp>
#include <string>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// What a thread of work needs: one per training loop. Buffers of its pool must not outlive it.
/// Kernels cut work into chunks by the shape of the problem alone, so results are the same for
/// any number of threads (E-1).
class Context {
public:
    static constexpr int max_threads = 256;

    /// Errors: OptionError when `threads` is not in 1 ... max_threads.
    explicit Context(int threads = 1) : workers_(checked(threads)) {}

    [[nodiscard]] int threads() const noexcept { return workers_.threads(); }
    [[nodiscard]] BufferPool& pool() noexcept { return pool_; }
    [[nodiscard]] const BufferPool& pool() const noexcept { return pool_; }

    /// Uninitialised room for `size` numbers, which returns to the pool by itself.
    template <class T>
    [[nodiscard]] Buffer<T> buffer(Index size) {
        return Buffer<T>(pool_, size);
    }

    /// f(0) ... f(chunks - 1), each exactly once, in any order, on any thread; see ThreadPool.
    template <class F>
    void parallel_for(Index chunks, F&& f) {
        workers_.run(chunks, [&f](Index chunk, int) { f(chunk); });
    }

    /// The same with f(chunk, scratch): room for `scratch_size` numbers that no other chunk uses
    /// at the same time. Its contents are left over from other chunks.
    template <class T, class F>
    void parallel_for_with_scratch(Index chunks, Index scratch_size, F&& f) {
        // One per thread, not per chunk: how many run at once must not decide what is allocated.
        Buffer<T> scratch = buffer<T>(threads() * scratch_size);
        workers_.run(chunks, [&](Index chunk, int thread) {
            f(chunk, scratch.data() + thread * scratch_size);
        });
    }

private:
    static int checked(int threads) {
        if (threads < 1 || threads > max_threads) {
            throw OptionError("a context needs between 1 and 256 threads", "Context",
                              "threads in 1 ... 256", std::to_string(threads),
                              "pass 1, or the number of cores to use");
        }
        return threads;
    }

    BufferPool pool_;
    ThreadPool workers_;
};

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
