// The reference backend's memory: plain vectors, filled with nonsense until somebody writes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <kasmina/backends/xtensor/context.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::xtensor_detail {

/// What memory holds that nobody has written: no number, or no likely one, so that what is read
/// too early shows.
template <class V>
inline constexpr V unwritten =
    std::numeric_limits<V>::has_quiet_NaN ? std::numeric_limits<V>::quiet_NaN()
                                          : std::numeric_limits<V>::min();

/// Memory that it owns, move-only.
template <class V>
class Buffer {
public:
    Buffer() = default;
    explicit Buffer(Index count) : values_(filled(count)) {}

    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    Buffer(Buffer&&) noexcept = default;
    Buffer& operator=(Buffer&&) noexcept = default;
    ~Buffer() = default;

    [[nodiscard]] V* data() noexcept { return values_.data(); }
    [[nodiscard]] const V* data() const noexcept { return values_.data(); }
    [[nodiscard]] Index size() const noexcept { return static_cast<Index>(values_.size()); }

private:
    /// Errors: ResourceError.
    [[nodiscard]] static std::vector<V> filled(Index count) {
        try {
            return std::vector<V>(static_cast<std::size_t>(count), unwritten<V>);
        } catch (const std::bad_alloc& cause) {
            refuse(count, cause.what());
        } catch (const std::length_error& cause) {
            refuse(count, cause.what());
        }
    }

    KASMINA_COLD [[noreturn]] static void refuse(Index count, const char* cause) {
        throw ResourceError(
            "there is not enough memory", "backends::Xtensor",
            std::to_string(count) + " numbers of " + std::to_string(sizeof(V)) + " bytes", cause,
            "use a smaller batch or network");
    }

    std::vector<V> values_;
};

/// A copy of values as they were when it was made.
template <class V>
class Reading {
public:
    Reading() = default;
    Reading(const V* from, Index count) : values_(from, from + count) {}

    [[nodiscard]] std::span<const V> get() const noexcept { return values_; }

private:
    std::vector<V> values_;
};

/// Capability: StorageBackend.
template <class T>
struct Storage {
    template <class V>
    static Buffer<V> acquire(Context&, Index count) {
        return Buffer<V>(count);
    }
    template <class V>
    static Buffer<V> persistent(Context&, Index count) {
        return Buffer<V>(count);
    }
    template <class V>
    static void upload(Context&, const V* from, V* to, Index count) {
        std::copy_n(from, count, to);
    }
    template <class V>
    static Reading<V> read(Context&, const V* from, Index count) {
        return Reading<V>(from, count);
    }
    template <class V>
    static void copy(Context&, const V* from, V* to, Index count) {
        std::copy_n(from, count, to);
    }
    template <class V>
    static void fill(Context&, V* to, Index count, std::type_identity_t<V> value) {
        std::fill_n(to, count, value);
    }
    static void add(Context&, const T* from, T* to, Index count) {
        for (Index i = 0; i < count; ++i) to[i] += from[i];
    }
    static void synchronise(Context&) noexcept {}
};

}  // namespace kasmina::backends::xtensor_detail
