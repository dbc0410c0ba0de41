// The reference backend's memory: plain vectors, filled with NaN until somebody writes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::xtensor_detail {

/// There is nothing to hold: no threads, no pool.
struct Context {};

/// Memory that it owns, move-only. It starts as NaN: what is read before it is written shows.
template <class T>
class Buffer {
public:
    Buffer() = default;
    explicit Buffer(Index count)
        : values_(static_cast<std::size_t>(count), std::numeric_limits<T>::quiet_NaN()) {}

    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    Buffer(Buffer&&) noexcept = default;
    Buffer& operator=(Buffer&&) noexcept = default;
    ~Buffer() = default;

    [[nodiscard]] T* data() noexcept { return values_.data(); }
    [[nodiscard]] const T* data() const noexcept { return values_.data(); }
    [[nodiscard]] Index size() const noexcept { return static_cast<Index>(values_.size()); }

private:
    std::vector<T> values_;
};

/// Capability: StorageBackend.
template <class T>
struct Storage {
    static Buffer<T> acquire(Context&, Index count) { return Buffer<T>(count); }
    static Buffer<T> persistent(Index count) { return Buffer<T>(count); }
    static void upload(const T* from, T* to, Index count) { std::copy_n(from, count, to); }
    static void download(const T* from, T* to, Index count) { std::copy_n(from, count, to); }
    static void copy(Context&, const T* from, T* to, Index count) { std::copy_n(from, count, to); }
    static void fill(Context&, T* to, Index count, T value) { std::fill_n(to, count, value); }
    static void add(Context&, const T* from, T* to, Index count) {
        for (Index i = 0; i < count; ++i) to[i] += from[i];
    }
};

}  // namespace kasmina::backends::xtensor_detail
