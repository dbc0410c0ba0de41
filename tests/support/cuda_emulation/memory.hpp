// The emulated card's memory: closed to the host, again and again, between launches and copies.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include <sys/mman.h>

#include "support/cuda_emulation/error.hpp"

namespace kasmina::test {

/// One range of addresses for all contexts of the process, as one card has. The host that touches
/// it crashes one time out of eight, and always after `close_now`: to close memory is slow, and who
/// touches it wrongly does so each time. Blocks are 0xff when they are handed out and when they
/// come back, and so is a guard behind each, so that reading what nobody wrote and writing behind
/// an end shows.
class EmulatedRange {
public:
    static EmulatedRange& instance() {
        static EmulatedRange range;
        return range;
    }

    EmulatedRange(const EmulatedRange&) = delete;
    EmulatedRange& operator=(const EmulatedRange&) = delete;
    ~EmulatedRange() { ::munmap(begin_, size); }

    /// While one lives, memory is open.
    class Access {
    public:
        Access() { instance().open(); }
        Access(const Access&) = delete;
        Access& operator=(const Access&) = delete;
        ~Access() { instance().close(); }
    };

    /// One that may have memory. When there is none, and no block is out, the system takes all
    /// memory back: to close it takes the longer the more pages of it there are.
    class User {
    public:
        User() {
            const std::lock_guard lock(instance().mutex_);
            ++instance().users_;
        }
        User(const User&) = delete;
        User& operator=(const User&) = delete;
        ~User() {
            EmulatedRange& range = instance();
            const std::lock_guard lock(range.mutex_);
            if (--range.users_ == 0 && range.live_.empty()) range.forget();
        }
    };

    void close_now() {
        const std::lock_guard lock(access_mutex_);
        protect(PROT_NONE);
    }

    /// Room for `bytes` and a guard; whether it had to be made is told. Errors: std::bad_alloc.
    [[nodiscard]] void* take(std::size_t bytes, bool& made) {
        const Access access;
        const std::lock_guard lock(mutex_);
        const std::size_t room = room_for(bytes);
        std::vector<std::byte*>& waiting = waiting_[room];
        made = waiting.empty();
        std::byte* block = nullptr;
        if (made) {
            if (room > size - used_) throw std::bad_alloc();
            block = begin_ + used_;
            used_ += room;
        } else {
            block = waiting.back();
            waiting.pop_back();
        }
        std::memset(block, 0xff, room);
        live_[block] = bytes;
        return block;
    }

    /// Takes a block back. Whether its guard is whole is kept for the next `check`.
    void give_back(void* data, std::size_t bytes) noexcept {
        const Access access;
        const std::lock_guard lock(mutex_);
        auto* block = static_cast<std::byte*>(data);
        live_.erase(block);
        const std::size_t room = room_for(bytes);
        damaged_ = damaged_ || !is_whole(block, bytes);
        std::memset(block, 0xff, room);
        waiting_[room].push_back(block);
    }

    /// Errors: EmulationError when somebody wrote behind the end of a block.
    void check(const char* where) {
        const Access access;
        const std::lock_guard lock(mutex_);
        bool damaged = std::exchange(damaged_, false);
        for (const auto& [block, bytes] : live_) {
            if (is_whole(block, bytes)) continue;
            damaged = true;
            std::memset(block + bytes, 0xff, room_for(bytes) - bytes);
        }
        if (!damaged) return;
        throw EmulationError("a kernel wrote behind the end of its memory", where,
                             "writes within what was asked for", "a byte behind it that changed",
                             "check the kernel's sizes");
    }

private:
    static constexpr std::size_t size = std::size_t{1} << 35U;  ///< addresses, not memory
    static constexpr std::size_t grain = 256;

    EmulatedRange() {
        void* range =
            ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (range == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
        begin_ = static_cast<std::byte*>(range);
    }

    [[nodiscard]] static std::size_t room_for(std::size_t bytes) noexcept {
        return (bytes + grain - 1) / grain * grain + grain;
    }
    [[nodiscard]] static bool is_whole(const std::byte* block, std::size_t bytes) noexcept {
        for (std::size_t i = bytes; i < room_for(bytes); ++i) {
            if (block[i] != std::byte{0xff}) return false;
        }
        return true;
    }

    void forget() noexcept {
        ::madvise(begin_, used_, MADV_DONTNEED);
        waiting_.clear();
        used_ = 0;
    }

    void open() {
        const std::lock_guard lock(access_mutex_);
        if (accesses_++ == 0) protect(PROT_READ | PROT_WRITE);
    }
    void close() {
        const std::lock_guard lock(access_mutex_);
        if (--accesses_ == 0 && ++closings_ % 8 == 0) protect(PROT_NONE);
    }
    void protect(int how) {
        if (protection_ == how) return;
        protection_ = how;
        if (::mprotect(begin_, size, how) == 0) return;
        throw std::system_error(errno, std::generic_category(), "mprotect");
    }

    std::mutex mutex_;
    std::mutex access_mutex_;
    int users_ = 0;
    int accesses_ = 0;
    unsigned closings_ = 0;
    int protection_ = PROT_NONE;
    std::byte* begin_ = nullptr;
    std::size_t used_ = 0;
    bool damaged_ = false;
    std::map<std::size_t, std::vector<std::byte*>> waiting_;  ///< by room
    std::map<std::byte*, std::size_t> live_;
};

}  // namespace kasmina::test
