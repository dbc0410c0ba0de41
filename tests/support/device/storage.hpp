// The test device's storage: buffers, and copies to and from the host that are ordered like
// kernels.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/tensor/index.hpp>

#include "support/device/context.hpp"

namespace kasmina::test {

/// Owns memory of the device. `data()` crashes the host that touches it.
template <class T>
class DeviceBuffer {
public:
    DeviceBuffer() = default;
    DeviceBuffer(std::shared_ptr<Stream> stream, Index size)
        : stream_(std::move(stream)),
          block_(stream_->acquire(static_cast<std::size_t>(size) * sizeof(T))),
          size_(size) {}

    DeviceBuffer(DeviceBuffer&& other) noexcept
        : stream_(std::move(other.stream_)),
          block_(std::exchange(other.block_, {})),
          size_(std::exchange(other.size_, 0)) {}
    DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
        DeviceBuffer moved(std::move(other));
        std::swap(stream_, moved.stream_);
        std::swap(block_, moved.block_);
        std::swap(size_, moved.size_);
        return *this;
    }
    ~DeviceBuffer() {
        if (stream_) stream_->release(block_);
    }

    [[nodiscard]] T* data() noexcept { return reinterpret_cast<T*>(block_.address); }
    [[nodiscard]] const T* data() const noexcept {
        return reinterpret_cast<const T*>(block_.address);
    }
    [[nodiscard]] Index size() const noexcept { return size_; }

private:
    std::shared_ptr<Stream> stream_;
    DeviceMemory::Block block_{};
    Index size_ = 0;
};

/// Values on their way to the host.
template <class T>
class DeviceReading {
public:
    DeviceReading() = default;  ///< of nothing
    DeviceReading(std::shared_ptr<Stream> stream, Stream::Ticket ticket,
                  std::shared_ptr<const std::vector<T>> values)
        : stream_(std::move(stream)), ticket_(ticket), values_(std::move(values)) {}

    DeviceReading(DeviceReading&&) noexcept = default;
    DeviceReading& operator=(DeviceReading&&) noexcept = default;
    ~DeviceReading() = default;

    /// Waits until they are here. Errors: DeviceError from work that was queued before.
    [[nodiscard]] std::span<const T> get() {
        if (!stream_) return {};
        stream_->wait(ticket_);
        return *values_;
    }

private:
    std::shared_ptr<Stream> stream_;
    Stream::Ticket ticket_ = 0;
    std::shared_ptr<const std::vector<T>> values_;
};

/// Capability: StorageBackend, over the backend `R`.
template <class R>
struct DeviceStorage {
    using Scalar = typename R::Scalar;
    using Context = DeviceContext<R>;
    template <class T>
    using Buffer = DeviceBuffer<T>;
    template <class T>
    using Reading = DeviceReading<T>;

    template <class T>
    static Buffer<T> acquire(Context& context, Index count) {
        return {context.stream(), count};
    }
    /// On a device there is no other memory than the stream's; what it gives out may outlive it.
    template <class T>
    static Buffer<T> persistent(Context& context, Index count) {
        return {context.stream(), count};
    }

    template <class T>
    static void upload(Context& context, const T* host, T* to, Index count) {
        context.count_upload();
        context.stream()->push("upload", [values = std::vector<T>(host, host + count),
                                          to = DeviceMemory::instance().on_host(to)] {
            std::ranges::copy(values, to);
        });
    }
    template <class T>
    static Reading<T> read(Context& context, const T* from, Index count) {
        context.count_read();
        auto values = std::make_shared<std::vector<T>>(static_cast<std::size_t>(count));
        const Stream::Ticket ticket =
            context.stream()->push("read", [values, from = DeviceMemory::instance().on_host(from)] {
                std::copy_n(from, values->size(), values->begin());
            });
        return {context.stream(), ticket, values};
    }

    template <class T>
    static void copy(Context& context, const T* from, T* to, Index count) {
        context.launch(
            "copy", [](auto&, auto&&... taken) { std::copy_n(taken...); }, from, count, to);
    }
    template <class T>
    static void fill(Context& context, T* to, Index count, std::type_identity_t<T> value) {
        context.launch(
            "fill", [](auto&, auto&&... taken) { std::fill_n(taken...); }, to, count, value);
    }
    static void add(Context& context, const Scalar* from, Scalar* to, Index count) {
        context.launch(
            "add", [](auto& reference, auto&&... taken) { R::add(reference, taken...); }, from, to,
            count);
    }
    static void synchronise(Context& context) { context.stream()->wait_for_all(); }
};

}  // namespace kasmina::test
