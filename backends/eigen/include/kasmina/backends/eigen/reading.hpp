// Reading: a copy for the host of values as they were, in place for few, from the pool for many.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include <kasmina/backends/eigen/buffer_pool.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// The CPU's work is done when it is asked for, so a reading has nothing to wait for.
template <class V>
class Reading {
public:
    Reading() = default;
    Reading(BufferPool& pool, const V* from, Index count)
        : size_(count), many_(pool, count > few ? count : 0) {
        std::copy_n(from, count, count > few ? many_.data() : few_.data());
    }

    [[nodiscard]] std::span<const V> get() const noexcept {
        return {size_ > few ? many_.data() : few_.data(), static_cast<std::size_t>(size_)};
    }

private:
    static constexpr Index few = 64 / static_cast<Index>(sizeof(V));

    Index size_ = 0;
    std::array<V, static_cast<std::size_t>(few)> few_{};
    Buffer<V> many_{};
};

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
