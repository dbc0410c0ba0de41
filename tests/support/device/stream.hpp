// The test device's queue: work is ordered now and run later, by a thread of its own.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/device/error.hpp"
#include "support/device/memory.hpp"

namespace kasmina::test {

/// When queued work runs.
enum class Schedule : std::uint8_t {
    at_waits,  ///< only as far as somebody waits: whoever does not wait sees that nothing was done
    at_once,   ///< as soon as the other thread gets to it, as on a real device
};

/// What a stream's memory comes to, in bytes, and how often it found none given back.
struct PoolStatistics {
    std::size_t bytes_in_use = 0;
    std::size_t peak_bytes = 0;
    std::size_t allocations = 0;  ///< constant when all is found in what was given back
};

/// One queue in order, and the pool of memory whose reuse it orders. Shared by a context and by all
/// that may outlive it: buffers and readings. Calls are safe from several threads.
class Stream {
public:
    /// The place of a piece of work in the queue, from 1.
    using Ticket = std::uint64_t;

    /// Something to be done later.
    class Work {
    public:
        Work() = default;
        Work(const Work&) = delete;
        Work& operator=(const Work&) = delete;
        virtual ~Work() = default;
        virtual void run() = 0;
    };

    explicit Stream(Schedule schedule) : schedule_(schedule) {}
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() {
        close();
        for (const auto& [room, blocks] : pool_) {
            for (const DeviceMemory::Block& block : blocks) {
                DeviceMemory::instance().give_back(block);
            }
        }
    }

    /// Orders `f()` behind all that was ordered before. `name` says in an error what failed; it
    /// must outlive the queue.
    template <class F>
    Ticket push(const char* name, F f) {
        struct Call final : Work {
            explicit Call(F&& function) : f(std::move(function)) {}
            void run() override { f(); }
            F f;
        };
        return push_work(name, std::make_unique<Call>(std::move(f)));
    }

    /// Waits until the work with that ticket is done, and throws what went wrong on the way. What
    /// an earlier wait has seen done is not waited for and not counted. Errors: DeviceError.
    void wait(Ticket ticket) {
        std::unique_lock lock(mutex_);
        if (ticket <= seen_) return;
        seen_ = ticket;
        ++waits_;
        allowed_ = std::max(allowed_, ticket);
        finish(lock, ticket);
        if (std::exception_ptr failure = std::exchange(failure_, nullptr)) {
            std::rethrow_exception(std::move(failure));
        }
    }
    void wait_for_all() { wait(last()); }

    /// The ticket of what was ordered last.
    [[nodiscard]] Ticket last() const {
        const std::lock_guard lock(mutex_);
        return ordered_;
    }
    [[nodiscard]] std::uint64_t waits() const {
        const std::lock_guard lock(mutex_);
        return waits_;
    }
    [[nodiscard]] PoolStatistics statistics() const {
        const std::lock_guard lock(mutex_);
        return statistics_;
    }
    /// Starts a new measurement of `peak_bytes`.
    void reset_peak() {
        const std::lock_guard lock(mutex_);
        statistics_.peak_bytes = statistics_.bytes_in_use;
    }
    /// How much was ordered and is not done.
    [[nodiscard]] std::uint64_t queued() const {
        const std::lock_guard lock(mutex_);
        return ordered_ - done_;
    }

    /// Does what is left and ends the thread. Failures that nobody waited for are forgotten.
    void close() {
        {
            std::unique_lock lock(mutex_);
            allowed_ = ordered_;
            finish(lock, ordered_);
            closed_ = true;
        }
        changed_.notify_all();
        if (worker_.joinable()) worker_.join();
    }

    /// Memory whose first use is ordered behind the last use of whoever had it before.
    [[nodiscard]] DeviceMemory::Block acquire(std::size_t bytes) {
        DeviceMemory& memory = DeviceMemory::instance();
        DeviceMemory::Block block{};
        {
            const std::lock_guard lock(mutex_);
            std::vector<DeviceMemory::Block>& waiting = pool_[DeviceMemory::room_for(bytes)];
            if (!waiting.empty()) {
                block = waiting.back();
                waiting.pop_back();
            }
        }
        if (block.address == nullptr) {
            block = memory.take(bytes);
            const std::lock_guard lock(mutex_);
            ++statistics_.allocations;
        }
        block.bytes = bytes;
        count(block.room, true);
        memory.admit(block);
        push("memory handed out", [block] { DeviceMemory::poison(block); });
        return block;
    }

    /// Gives memory back, whatever is queued that uses it.
    void release(const DeviceMemory::Block& block) {
        DeviceMemory::instance().retire(block);
        push("memory given back", [block] {
            const bool intact = DeviceMemory::guard_is_intact(block);
            DeviceMemory::poison(block);
            if (intact) return;
            throw DeviceError("a kernel wrote behind the end of its memory", "DeviceLike",
                              "writes within " + std::to_string(block.bytes) + " bytes",
                              "a byte behind them that changed", "check the kernel's sizes");
        });
        count(block.room, false);
        const std::lock_guard lock(mutex_);
        pool_[block.room].push_back(block);
    }

private:
    void count(std::size_t bytes, bool taken) {
        const std::lock_guard lock(mutex_);
        if (taken) {
            statistics_.bytes_in_use += bytes;
            statistics_.peak_bytes = std::max(statistics_.peak_bytes, statistics_.bytes_in_use);
        } else {
            statistics_.bytes_in_use -= bytes;
        }
    }

    struct Entry {
        const char* name;
        std::unique_ptr<Work> work;
    };

    Ticket push_work(const char* name, std::unique_ptr<Work> work) {
        std::unique_lock lock(mutex_);
        const Ticket ticket = ++ordered_;
        if (closed_) {  // nobody is left to run it, and nothing before it is left to be done
            lock.unlock();
            run({name, std::move(work)});
            lock.lock();
            done_ = std::max(done_, ticket);
            return ticket;
        }
        queue_.push_back({name, std::move(work)});
        if (schedule_ == Schedule::at_once) {
            allowed_ = ordered_;
            start();
            lock.unlock();
            changed_.notify_all();
        }
        return ticket;
    }

    /// With the lock held: lets the worker go on and waits until it did `ticket`.
    void finish(std::unique_lock<std::mutex>& lock, Ticket ticket) {
        if (done_ >= ticket) return;
        start();
        changed_.notify_all();
        changed_.wait(lock, [&] { return done_ >= ticket; });
    }

    void start() {
        if (!worker_.joinable()) worker_ = std::thread([this] { work(); });
    }

    void work() {
        std::unique_lock lock(mutex_);
        while (true) {
            changed_.wait(lock, [&] { return closed_ || (!queue_.empty() && done_ < allowed_); });
            if (queue_.empty()) return;
            Entry entry = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            run(std::move(entry));
            lock.lock();
            ++done_;
            changed_.notify_all();
        }
    }

    /// Runs and destroys a piece of work; keeps the first failure since the last wait.
    void run(Entry entry) noexcept {
        std::exception_ptr failure;
        try {
            entry.work->run();
        } catch (const DeviceError&) {
            failure = std::current_exception();
        } catch (const std::exception& error) {
            failure = std::make_exception_ptr(
                DeviceError("queued work failed", entry.name, "work that succeeds", error.what(),
                            "look at the call that queued it; it was some calls before this wait"));
        }
        entry.work.reset();
        const std::lock_guard lock(mutex_);
        if (failure && !failure_) failure_ = std::move(failure);
    }

    const Schedule schedule_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Entry> queue_;
    std::map<std::size_t, std::vector<DeviceMemory::Block>> pool_;  ///< by room
    std::exception_ptr failure_;
    Ticket ordered_ = 0;
    Ticket allowed_ = 0;
    Ticket done_ = 0;
    Ticket seen_ = 0;
    std::uint64_t waits_ = 0;
    PoolStatistics statistics_;
    bool closed_ = false;
    std::thread worker_;
};

}  // namespace kasmina::test
