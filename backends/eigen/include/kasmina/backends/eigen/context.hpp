// The CPU backend's context: the threads that kernels run on and the pool their memory is from.
#pragma once

#include <kasmina/backend/context_reference.hpp>
#include <kasmina/backend/mask_tile_cache.hpp>
#include <kasmina/backends/eigen/buffer_pool.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/thread_pool.hpp>
#include <kasmina/tensor/index.hpp>
#include <kasmina/tensor/sizes.hpp>
#include <memory>
#include <string>
#include <type_traits>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// What a thread of work needs: one per training loop. Tapes and models that were made on it notice
/// when it has gone; memory of its pool goes with the last that holds some.
/// Kernels cut work into chunks by the shape of the problem alone, so results are the same for
/// any number of threads (E-1).
class Context {
public:
    static constexpr int max_threads = 256;

    /// Errors: OptionError when `threads` is not in 1 ... max_threads; ResourceError when the
    /// system has not as many.
    explicit Context(int threads = 1)
        : workers_(static_cast<int>(checked_size("Context", "threads", threads, 1, max_threads))) {}

    [[nodiscard]] int threads() const noexcept { return workers_.threads(); }
    [[nodiscard]] BufferPool& pool() noexcept { return *pool_; }
    [[nodiscard]] const BufferPool& pool() const noexcept { return *pool_; }
    /// Capability: AttentionBackend.
    [[nodiscard]] MaskTileCache& mask_tiles() noexcept { return mask_tiles_; }
    [[nodiscard]] std::weak_ptr<const void> lifetime() const noexcept { return lifetime_.watch(); }

    /// Uninitialised room for `size` numbers, which returns to the pool by itself.
    template <class T>
    [[nodiscard]] Buffer<T> buffer(Index size) {
        return Buffer<T>(*pool_, size);
    }

    /// f(0) ... f(chunks - 1), each exactly once, in any order, on any thread; see ThreadPool.
    template <class F>
    void parallel_for(Index chunks, F&& f) {
        workers_.run(chunks, &run_chunk<std::remove_reference_t<F>>,
                     const_cast<void*>(static_cast<const void*>(std::addressof(f))));
    }

    /// The same with f(chunk, scratch): room for `scratch_size` numbers that no other chunk uses
    /// at the same time. Its contents are left over from other chunks.
    template <class T, class F>
    void parallel_for_with_scratch(Index chunks, Index scratch_size, F&& f) {
        // One per thread, not per chunk: how many run at once must not decide what is allocated.
        Buffer<T> scratch = buffer<T>(threads() * scratch_size);
        WithScratch<T, std::remove_reference_t<F>> call{f, scratch.data(), scratch_size};
        workers_.run(chunks, &call.run, &call);
    }

    /// The same with f(chunk, scratch, sums), where sums are `sums_size` in double.
    template <class T, class F>
    void parallel_for_with_sums(Index chunks, Index scratch_size, Index sums_size, F&& f) {
        Buffer<T> scratch = buffer<T>(threads() * scratch_size);
        Buffer<double> sums = buffer<double>(threads() * sums_size);
        WithSums<T, std::remove_reference_t<F>> call{f, scratch.data(), scratch_size, sums.data(),
                                                     sums_size};
        workers_.run(chunks, &call.run, &call);
    }

private:
    template <class F>
    static void run_chunk(void* function, Index chunk, int) {
        (*static_cast<F*>(function))(chunk);
    }

    template <class T, class F>
    struct WithScratch {
        F& f;
        T* scratch;
        Index size;

        static void run(void* self, Index chunk, int thread) {
            const auto* call = static_cast<WithScratch*>(self);
            call->f(chunk, call->scratch + thread * call->size);
        }
    };

    template <class T, class F>
    struct WithSums {
        F& f;
        T* scratch;
        Index size;
        double* sums;
        Index sums_size;

        static void run(void* self, Index chunk, int thread) {
            const auto* call = static_cast<WithSums*>(self);
            call->f(chunk, call->scratch + thread * call->size,
                    call->sums + thread * call->sums_size);
        }
    };

    std::unique_ptr<BufferPool, BufferPool::Retire> pool_{new BufferPool};
    ThreadPool workers_;
    MaskTileCache mask_tiles_;
    ContextLifetime lifetime_;
};

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
