// The test device's context: a stream of work, what was counted on it, and where kernels are run.
#pragma once

#include <cstdint>
#include <memory>
#include <tuple>
#include <utility>

#include <kasmina/backend/context_reference.hpp>
#include <kasmina/backend/mask_tile_cache.hpp>
#include <kasmina/backend/precision.hpp>
#include <kasmina/reflect/check_enumerator.hpp>

#include "support/device/carried.hpp"
#include "support/device/stream.hpp"

namespace kasmina::test {

/// What a program asks of the device. `R` is the backend that runs the kernels.
template <class R>
class DeviceContext {
public:
    explicit DeviceContext(Schedule schedule = Schedule::at_waits)
        : stream_(std::make_shared<Stream>(schedule)) {}
    DeviceContext(const DeviceContext&) = delete;
    DeviceContext& operator=(const DeviceContext&) = delete;
    /// Work that is left is done first.
    ~DeviceContext() { stream_->close(); }

    /// How often the host stood still until queued work was done.
    [[nodiscard]] std::uint64_t waits() const { return stream_->waits(); }
    /// How much work is ordered and not done.
    [[nodiscard]] std::uint64_t queued() const { return stream_->queued(); }
    /// How many kernels were ordered so far: all that computes, fills and copies on the device.
    [[nodiscard]] std::uint64_t launches() const noexcept { return launches_; }
    /// How many copies from the host to the device.
    [[nodiscard]] std::uint64_t uploads() const noexcept { return uploads_; }
    /// How many copies from the device to the host.
    [[nodiscard]] std::uint64_t reads() const noexcept { return reads_; }

    /// Where its memory comes from: `statistics()`, `reset_peak()`.
    [[nodiscard]] Stream& pool() const noexcept { return *stream_; }

    /// Orders `kernel(R's context, arguments...)`. The arguments are copied now and their pointers
    /// translated; the callable is copied too and sees nothing of the host later. Errors:
    /// DeviceError for pointers that are not the device's.
    template <class Kernel, class... Arguments>
    void launch(const char* name, Kernel kernel, const Arguments&... arguments) {
        ++launches_;
        Luggage luggage;
        std::tuple<Arguments...> taken{carried(arguments, luggage)...};
        stream_->push(name, [this, kernel = std::move(kernel), taken = std::move(taken),
                             luggage = std::move(luggage)] {
            std::apply([&](const auto&... values) { kernel(reference_, values...); }, taken);
        });
    }

    /// Capability: ComputePrecisionBackend. Products ordered after the call multiply like this.
    [[nodiscard]] Precision precision() const noexcept { return precision_; }
    void set_precision(Precision precision) {
        reflect::check_enumerator(precision, "precision", "DeviceLike");
        precision_ = precision;
        stream_->push("set_precision", [this, precision] { reference_.set_precision(precision); });
    }

    /// Capability: AttentionBackend.
    [[nodiscard]] MaskTileCache& mask_tiles() noexcept { return mask_tiles_; }

    /// Counts a copy between host and device that is about to be ordered on the stream.
    void count_upload() noexcept { ++uploads_; }
    void count_read() noexcept { ++reads_; }

    [[nodiscard]] const std::shared_ptr<Stream>& stream() const noexcept { return stream_; }
    [[nodiscard]] std::weak_ptr<const void> lifetime() const noexcept { return lifetime_.watch(); }

private:
    typename R::Context reference_{};  ///< touched by the stream's thread alone
    Precision precision_ = Precision::full;
    std::uint64_t launches_ = 0;
    std::uint64_t uploads_ = 0;
    std::uint64_t reads_ = 0;
    std::shared_ptr<Stream> stream_;
    MaskTileCache mask_tiles_;
    ContextLifetime lifetime_;
};

}  // namespace kasmina::test
