// A pool of memory blocks: after a step has run once, the next one finds every block it needs.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/index.hpp>
#include <limits>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// What a pool holds, in bytes, and how often it had to ask the system.
struct PoolStatistics {
    std::size_t bytes_in_use = 0;  ///< handed out at the moment
    std::size_t peak_bytes = 0;    ///< the most ever handed out at once
    std::size_t bytes_held = 0;    ///< handed out or waiting in the free lists
    std::size_t allocations = 0;   ///< requests to the system so far; constant in steady state
};

/// Block sizes: 512 bytes and up, eight sizes per doubling, so that equal requests always reuse
/// each other's blocks and rounding wastes an eighth at most.
namespace size_class {

inline constexpr std::size_t count = 8 * 48;

[[nodiscard]] constexpr std::size_t bytes_of(std::size_t index) noexcept {
    return (std::size_t{512 / 8} * (8 + index % 8)) << (index / 8);
}

[[nodiscard]] constexpr std::size_t index_of(std::size_t bytes) noexcept {
    if (bytes <= 512) return 0;
    const std::size_t last = bytes - 1;
    const std::size_t doubling =
        static_cast<std::size_t>(54 - std::countl_zero(std::uint64_t{last}));
    return doubling * 8 + ((last >> (doubling + 6)) & 7) + 1;
}

static_assert(index_of(513) == 1 && index_of(576) == 1 && index_of(577) == 2);
static_assert(bytes_of(1) == 576 && bytes_of(8) == 1024 && index_of(1024) == 8);

}  // namespace size_class

/// Memory from the system, aligned to cache lines; from 2 MiB on in huge pages where there are
/// any, because first touching 4 KiB pages costs more than a pass over the data.
namespace raw_memory {

inline constexpr std::size_t huge_page = std::size_t{2} << 20;

[[nodiscard]] constexpr std::align_val_t alignment(std::size_t bytes) noexcept {
    return std::align_val_t{bytes >= huge_page ? huge_page : 64};
}

/// Errors: ResourceError, always; `cause` is what the system said.
KASMINA_COLD [[noreturn]] inline void refuse(std::size_t bytes, std::string_view cause) {
    throw ResourceError("there is not enough memory", "backends::Eigen",
                        std::to_string(bytes) + " bytes in one block", cause,
                        "use a smaller batch or network, or a machine with more memory");
}

/// The same for so many numbers that their bytes cannot be counted.
KASMINA_COLD [[noreturn]] inline void refuse_numbers(Index numbers) {
    refuse(std::numeric_limits<std::size_t>::max(),
           std::to_string(numbers) + " numbers, more than there are addresses for");
}

/// Errors: ResourceError.
[[nodiscard]] KASMINA_RARE inline void* allocate(std::size_t bytes) {
    void* block = ::operator new(bytes, alignment(bytes), std::nothrow);
    if (block == nullptr) refuse(bytes, "the system has no such block (bad_alloc)");
#if defined(__linux__)
    if (bytes >= huge_page) {
        // Only advice: where the kernel refuses, the block works all the same.
        (void)::madvise(block, bytes & ~(huge_page - 1), MADV_HUGEPAGE);
    }
#endif
    return block;
}

inline void release(void* block, std::size_t bytes) noexcept {
    ::operator delete(block, alignment(bytes));
}

}  // namespace raw_memory

/// Hands out blocks and keeps the returned ones, by size. Safe from several threads. The free
/// lists run through the blocks themselves, so that returning a block allocates nothing.
class BufferPool {
public:
    BufferPool() = default;
    BufferPool(const BufferPool&) = delete;
    BufferPool& operator=(const BufferPool&) = delete;
    ~BufferPool() { trim(); }

    /// At least `bytes` bytes, uninitialised. Where the system has none left, the blocks that wait
    /// in the free lists are given back to it first. Errors: ResourceError.
    [[nodiscard]] KASMINA_APART void* acquire(std::size_t bytes) {
        const std::size_t index = size_class::index_of(bytes);
        if (index >= size_class::count) {
            raw_memory::refuse(bytes, "more than there are addresses for");
        }
        const std::size_t block_bytes = size_class::bytes_of(index);
        const std::lock_guard lock(mutex_);
        void* block = free_[index];
        if (block != nullptr) {
            free_[index] = free_[index]->next;
        } else {
            block = allocate(block_bytes);
            ++statistics_.allocations;
            statistics_.bytes_held += block_bytes;
        }
        statistics_.bytes_in_use += block_bytes;
        statistics_.peak_bytes = std::max(statistics_.peak_bytes, statistics_.bytes_in_use);
        return block;
    }

    /// Takes back a block that `acquire` gave for the same number of bytes.
    KASMINA_APART void release(void* block, std::size_t bytes) noexcept {
        const std::size_t index = size_class::index_of(bytes);
        bool last = false;
        {
            const std::lock_guard lock(mutex_);
            free_[index] = ::new (block) FreeBlock{free_[index]};
            statistics_.bytes_in_use -= size_class::bytes_of(index);
            last = retired_ && statistics_.bytes_in_use == 0;
        }
        if (last) delete this;
    }

    /// Ends the life of a pool on the heap when all of its blocks are back: now, or with the last
    /// of them, so that what is made of its memory may outlive its owner.
    struct Retire {
        void operator()(BufferPool* pool) const noexcept {
            bool unused = false;
            {
                const std::lock_guard lock(pool->mutex_);
                pool->retired_ = true;
                unused = pool->statistics_.bytes_in_use == 0;
            }
            if (unused) delete pool;
        }
    };

    /// Gives the blocks that wait in the free lists back to the system.
    KASMINA_RARE void trim() noexcept {
        const std::lock_guard lock(mutex_);
        release_free();
    }

    [[nodiscard]] PoolStatistics statistics() const {
        const std::lock_guard lock(mutex_);
        return statistics_;
    }

    /// Starts a new measurement of `peak_bytes`.
    void reset_peak() {
        const std::lock_guard lock(mutex_);
        statistics_.peak_bytes = statistics_.bytes_in_use;
    }

private:
    struct FreeBlock {
        FreeBlock* next;
    };

    [[nodiscard]] KASMINA_RARE void* allocate(std::size_t bytes) {
        try {
            return raw_memory::allocate(bytes);
        } catch (const ResourceError&) {
            release_free();
        }
        return raw_memory::allocate(bytes);
    }

    KASMINA_RARE void release_free() noexcept {
        for (std::size_t index = 0; index < size_class::count; ++index) {
            while (free_[index] != nullptr) {
                FreeBlock* block = std::exchange(free_[index], free_[index]->next);
                statistics_.bytes_held -= size_class::bytes_of(index);
                raw_memory::release(block, size_class::bytes_of(index));
            }
        }
    }

    mutable std::mutex mutex_;
    std::array<FreeBlock*, size_class::count> free_{};
    PoolStatistics statistics_;
    bool retired_ = false;
};

/// Owns uninitialised room for `size()` numbers: from a pool, to which it returns (a pool that is
/// not retired must outlive it), or, when persistent, from the heap.
template <class T>
class Buffer {
    static_assert(std::is_trivially_copyable_v<T>, "a Buffer holds plain numbers only");

public:
    Buffer() = default;

    /// Room for `size` numbers from `pool`. Errors: ResourceError.
    Buffer(BufferPool& pool, Index size) : pool_(&pool), size_(size) {
        if (size > 0) data_ = static_cast<T*>(pool.acquire(bytes(size)));
    }

    /// Room for `size` numbers that belong to no pool, for parameters. Errors: ResourceError.
    [[nodiscard]] static Buffer persistent(Index size) {
        Buffer buffer;
        buffer.size_ = size;
        if (size > 0) buffer.data_ = static_cast<T*>(raw_memory::allocate(bytes(size)));
        return buffer;
    }

    Buffer(Buffer&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)),
          data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}

    Buffer& operator=(Buffer&& other) noexcept {
        Buffer moved(std::move(other));
        std::swap(pool_, moved.pool_);
        std::swap(data_, moved.data_);
        std::swap(size_, moved.size_);
        return *this;
    }

    ~Buffer() {
        if (data_ != nullptr) let_go();
    }

    [[nodiscard]] T* data() noexcept { return data_; }
    [[nodiscard]] const T* data() const noexcept { return data_; }
    [[nodiscard]] Index size() const noexcept { return size_; }

private:
    KASMINA_APART void let_go() noexcept {
        if (pool_ != nullptr) {
            pool_->release(data_, bytes(size_));
        } else {
            raw_memory::release(data_, bytes(size_));
        }
    }

    [[nodiscard]] static std::size_t bytes(Index size) {
        if (static_cast<std::size_t>(size) > std::numeric_limits<std::size_t>::max() / sizeof(T)) {
            raw_memory::refuse_numbers(size);
        }
        return static_cast<std::size_t>(size) * sizeof(T);
    }

    BufferPool* pool_ = nullptr;
    T* data_ = nullptr;
    Index size_ = 0;
};

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
