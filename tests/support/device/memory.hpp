// The test device's memory: its addresses crash on the host, and a subtraction away lie the bytes.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include <sys/mman.h>

#include <kasmina/tensor/index.hpp>

#include "support/device/error.hpp"

namespace kasmina::test {

/// The memory that all contexts of the process share, as contexts of one GPU do. One reserved range
/// of addresses: the lower half is storage, the upper half cannot be touched. What is handed out
/// lies in the upper half, and only `on_host`, which queued kernels use, says where the bytes are.
///
/// Every block is 0xff when handed out (NaN as a float, -1 as an integer) and again when it was
/// given back, so reading what nobody wrote shows, and so does reading what was given back.
/// Blocks end in a guard that stays 0xff. Deterministic: the same requests get the same addresses.
class DeviceMemory {
public:
    /// A piece of memory. `bytes` is what was asked for, `room` what it takes with its guard.
    struct Block {
        std::byte* address = nullptr;
        std::size_t bytes = 0;
        std::size_t room = 0;
    };

    static DeviceMemory& instance() {
        static DeviceMemory memory;
        return memory;
    }

    DeviceMemory(const DeviceMemory&) = delete;
    DeviceMemory& operator=(const DeviceMemory&) = delete;
    ~DeviceMemory() { ::munmap(range_, 2 * half); }

    /// What a block for `bytes` bytes takes: equal rooms reuse each other.
    [[nodiscard]] static constexpr std::size_t room_for(std::size_t bytes) noexcept {
        return (bytes + grain - 1) / grain * grain + grain;
    }

    /// A block that is nobody's. Errors: std::bad_alloc when the range is used up.
    [[nodiscard]] Block take(std::size_t bytes) {
        const std::size_t room = room_for(bytes);
        const std::lock_guard lock(mutex_);
        std::vector<std::byte*>& waiting = waiting_[room];
        if (!waiting.empty()) {
            std::byte* address = waiting.back();
            waiting.pop_back();
            return {address, bytes, room};
        }
        if (room > half - used_) throw std::bad_alloc();
        std::byte* address = range_ + half + used_;
        used_ += room;
        const Block block{address, bytes, room};
        poison(block);  // at once, for whoever uses it before its stream comes to that
        return block;
    }

    /// Takes a block back for anybody's use. Nothing queued may use it any more.
    void give_back(const Block& block) {
        const std::lock_guard lock(mutex_);
        waiting_[block.room].push_back(block.address);
    }

    /// From here on pointers into the block are the device's; until `retire`, they are not.
    void admit(const Block& block) {
        const std::lock_guard lock(mutex_);
        live_.emplace(block.address, block);
    }
    void retire(const Block& block) {
        const std::lock_guard lock(mutex_);
        live_.erase(block.address);
    }

    /// Where the bytes behind a device pointer are. Null stays null. Errors: DeviceError for a
    /// pointer into no living block: host memory, or memory that was given back.
    template <class T>
    [[nodiscard]] T* on_host(T* device) const {
        if (device == nullptr) return nullptr;
        // The pointer is only ever compared: what it points at cannot be touched.
        const auto* address = reinterpret_cast<const std::byte*>(device);
        check_live(address);
        return reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(device) - half);
    }

    /// Every byte of the block 0xff. To be called in the order of its stream.
    static void poison(const Block& block) noexcept {
        std::memset(block.address - half, 0xff, block.room);
    }

    /// Whether nobody wrote behind the end of what was asked for. In the order of its stream.
    [[nodiscard]] static bool guard_is_intact(const Block& block) noexcept {
        for (const std::byte* byte = block.address - half + block.bytes;
             byte != block.address - half + block.room; ++byte) {
            if (*byte != std::byte{0xff}) return false;
        }
        return true;
    }

private:
    /// Address space and not memory: pages come when they are touched.
    static constexpr std::size_t half = std::size_t{1} << 35U;
    static constexpr std::size_t grain = 64;

    DeviceMemory() {
        void* range = ::mmap(nullptr, 2 * half, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (range == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
        range_ = static_cast<std::byte*>(range);
        if (::mprotect(range, half, PROT_READ | PROT_WRITE) != 0) {
            throw std::system_error(errno, std::generic_category(), "mprotect");
        }
    }

    void check_live(const std::byte* address) const {
        const std::lock_guard lock(mutex_);
        auto behind = live_.upper_bound(address);
        if (behind != live_.begin()) {
            const Block& block = std::prev(behind)->second;
            if (std::less<>{}(address, block.address + block.room)) return;
        }
        const bool given_back =
            !std::less<>{}(address, range_ + half) && std::less<>{}(address, range_ + half + used_);
        throw DeviceError(
            "work was given a pointer that is not the device's", "DeviceLike",
            "memory that a living buffer owns",
            given_back ? "memory that was given back" : "memory of the host",
            given_back ? "keep the buffer until the call that uses it" : "upload the values first");
    }

    mutable std::mutex mutex_;
    std::byte* range_ = nullptr;
    std::size_t used_ = 0;
    std::map<std::size_t, std::vector<std::byte*>> waiting_;  ///< by room
    std::map<const std::byte*, Block, std::less<>> live_;     ///< by address
};

}  // namespace kasmina::test
