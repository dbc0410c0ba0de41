// Buffer, Scratch and Reading: a device's memory with an owner, and values on their way to the
// host.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <kasmina/backends/cuda/device.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::cuda_detail {

/// The bytes of `count` numbers. Errors: ResourceError where no address space has as many.
template <class V>
[[nodiscard]] std::size_t bytes_of(Index count) {
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max() / 2 / sizeof(V);
    if (static_cast<std::size_t>(count) > most) {
        throw ResourceError("there is not enough memory", "backends::Cuda",
                            "fewer numbers than there are addresses for", std::to_string(count),
                            "use a smaller batch or network");
    }
    return static_cast<std::size_t>(count) * sizeof(V);
}

/// Owns uninitialised room for `size()` numbers. It goes back in the order of the stream, whatever
/// is queued that uses it, and may outlive the context.
template <class V, class D>
class Buffer {
    static_assert(std::is_trivially_copyable_v<V>, "a Buffer holds plain numbers only");

public:
    Buffer() = default;
    /// Errors: ResourceError.
    Buffer(const std::shared_ptr<typename D::Memory>& memory, Index size) : size_(size) {
        if (size == 0) return;
        data_ = static_cast<V*>(memory->allocate(bytes_of<V>(size)));
        memory_ = memory;
    }

    Buffer(Buffer&& other) noexcept
        : memory_(std::move(other.memory_)),
          data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        Buffer moved(std::move(other));
        std::swap(memory_, moved.memory_);
        std::swap(data_, moved.data_);
        std::swap(size_, moved.size_);
        return *this;
    }
    ~Buffer() {
        if (memory_) memory_->release(data_, static_cast<std::size_t>(size_) * sizeof(V));
    }

    [[nodiscard]] V* data() noexcept { return data_; }
    [[nodiscard]] const V* data() const noexcept { return data_; }
    [[nodiscard]] Index size() const noexcept { return size_; }

private:
    std::shared_ptr<typename D::Memory> memory_;
    V* data_ = nullptr;
    Index size_ = 0;
};

/// Room for the time of a call, which kernels that the call orders may use: what is ordered later
/// comes behind them.
template <class V, class D>
class Scratch {
public:
    Scratch(typename D::Context& context, Index count) : buffer_(context.memory(), count) {}
    [[nodiscard]] V* data() noexcept { return buffer_.data(); }

private:
    Buffer<V, D> buffer_;
};

/// Values on their way to the host.
template <class V, class D>
class Reading {
public:
    Reading() = default;  ///< of nothing
    Reading(typename D::Reading reading, Index count)
        : reading_(std::move(reading)), count_(count) {}

    /// Waits until they are here, at most once. Errors: those of work that was ordered before.
    [[nodiscard]] std::span<const V> get() {
        if (count_ == 0) return {};
        return {static_cast<const V*>(reading_.get()), static_cast<std::size_t>(count_)};
    }

private:
    typename D::Reading reading_{};
    Index count_ = 0;
};

}  // namespace kasmina::backends::cuda_detail
