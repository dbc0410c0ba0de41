// ForkMark: tells an object that it lives on in the child of a fork, where its threads do not.
#pragma once

#include <atomic>
#include <cstddef>
#include <new>

#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/requirements.hpp>

#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#define KASMINA_HAS_FORK 1
#endif

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// Made in one process; in a child that is forked off later it says so until somebody has taken
/// charge there. To ask costs a load where the system empties a page for the child (Linux 4.14 and
/// later), else a question to the system.
class ForkMark {
public:
    ForkMark() noexcept {
#if defined(MADV_WIPEONFORK)
        constexpr std::size_t size = sizeof(std::atomic<int>);
        void* page =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page != MAP_FAILED) {
            if (::madvise(page, size, MADV_WIPEONFORK) == 0) {
                page_ = ::new (page) std::atomic<int>(ours);
                return;
            }
            ::munmap(page, size);
        }
#endif
#if defined(KASMINA_HAS_FORK)
        process_.store(::getpid(), std::memory_order_relaxed);
#endif
    }
    ForkMark(const ForkMark&) = delete;
    ForkMark& operator=(const ForkMark&) = delete;
    ~ForkMark() {
#if defined(MADV_WIPEONFORK)
        if (page_ != nullptr) ::munmap(page_, sizeof(std::atomic<int>));
#endif
    }

    /// Whether this is the process that it was made in, or that was taken charge of.
    [[nodiscard]] bool is_ours() const noexcept {
        if (page_ != nullptr) return page_->load(std::memory_order_acquire) == ours;
#if defined(KASMINA_HAS_FORK)
        return process_.load(std::memory_order_acquire) == ::getpid();
#else
        return true;
#endif
    }

    /// In a child: true for the one caller who is to mend what the fork has left, and says
    /// `take_charge` after it. (Others find it not theirs until then.)
    [[nodiscard]] bool begin_to_mend() noexcept {
        if (page_ != nullptr) {
            int wiped = 0;
            return page_->compare_exchange_strong(wiped, mending);
        }
#if defined(KASMINA_HAS_FORK)
        int of_parent = process_.load();
        return of_parent != -::getpid() && process_.compare_exchange_strong(of_parent, -::getpid());
#else
        return false;
#endif
    }
    void take_charge() noexcept {
        if (page_ != nullptr) {
            page_->store(ours, std::memory_order_release);
            return;
        }
#if defined(KASMINA_HAS_FORK)
        process_.store(::getpid(), std::memory_order_release);
#endif
    }
    /// It could not be mended: the next one may try.
    void give_up() noexcept {
        if (page_ != nullptr) {
            page_->store(0, std::memory_order_release);
            return;
        }
        process_.store(0, std::memory_order_release);
    }

private:
    static constexpr int ours = 1;
    static constexpr int mending = 2;

    std::atomic<int>* page_ = nullptr;  ///< 0 in a child that nobody has taken charge of
    std::atomic<int> process_{0};       ///< where there is no such page
};

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
