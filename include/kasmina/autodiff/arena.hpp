// Arena: bump allocation for the closures of a tape, kept from step to step.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

#include <kasmina/code_size.hpp>

namespace kasmina {

/// Hands out memory from chunks that are kept when the arena is reset, so that a training step
/// allocates nothing after the first. Objects are constructed in place; destroying them is the
/// caller's duty.
class Arena {
public:
    explicit Arena(std::size_t chunk_bytes = std::size_t{1} << 16U) : chunk_bytes_(chunk_bytes) {}

    /// Room for one T, or for `count` of them, to be constructed there.
    template <class T>
    [[nodiscard]] void* allocate_for(std::size_t count = 1) {
        static_assert(alignof(T) <= alignment, "closures in the arena must not be over-aligned");
        return allocate(count * sizeof(T));
    }

    /// Forgets all objects and keeps the chunks.
    void reset() noexcept {
        chunk_ = 0;
        used_ = 0;
    }

private:
    static constexpr std::size_t alignment = alignof(std::max_align_t);
    struct Chunk {
        std::unique_ptr<std::byte[]> memory;
        std::size_t bytes;
    };

    KASMINA_APART void* allocate(std::size_t bytes) {
        bytes = (bytes + alignment - 1) / alignment * alignment;
        while (chunk_ < chunks_.size() && used_ + bytes > chunks_[chunk_].bytes) {
            ++chunk_;
            used_ = 0;
        }
        if (chunk_ == chunks_.size()) {
            const std::size_t size = bytes > chunk_bytes_ ? bytes : chunk_bytes_;
            chunks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
        }
        void* place = chunks_[chunk_].memory.get() + used_;
        used_ += bytes;
        return place;
    }

    std::size_t chunk_bytes_;
    std::vector<Chunk> chunks_;
    std::size_t chunk_ = 0;
    std::size_t used_ = 0;
};

}  // namespace kasmina
