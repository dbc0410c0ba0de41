// Background: one job that a thread of its own does over and over, when it is asked to.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace kasmina::data {

/// `begin` asks the thread to do the job once, `wait` returns when it is done. The thread sleeps
/// between jobs and ends with the object, after the job that it is at. In a child process that was
/// forked off there is no such thread (`is_here`), and nothing but the end of the object is
/// allowed.
class Background {
public:
    /// Starts the thread. Errors: ResourceError when the system has none.
    KASMINA_RARE explicit Background(std::function<void()> job)
        : worker_(std::make_unique<Worker>(std::move(job))), process_(process()) {}
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
    /// A thread that is not in this process can be neither joined nor ended: what refers to it is
    /// left where it is.
    KASMINA_RARE ~Background() {
        if (!is_here()) static_cast<void>(worker_.release());
    }

    /// Whether this is the process that it was made in.
    [[nodiscard]] bool is_here() const noexcept { return process() == process_; }

    /// The job before must have been waited for.
    void begin() noexcept { worker_->begin(); }

    /// Errors: what the job threw.
    void wait() { worker_->wait(); }

private:
    class Worker {
    public:
        explicit Worker(std::function<void()> job) : job_(std::move(job)) {
            try {
                thread_ = std::thread([this] { work(); });
            } catch (const std::exception& error) {
                throw ResourceError("a thread cannot be started", "data::DataLoader",
                                    "a thread that makes the next batch", error.what(),
                                    "load with prefetch = false, or raise the limit on processes "
                                    "(ulimit -u)");
            }
        }
        Worker(const Worker&) = delete;
        Worker& operator=(const Worker&) = delete;
        ~Worker() {
            change_to(stopping);
            thread_.join();
        }

        void begin() noexcept { change_to(asked); }

        void wait() {
            state_.wait(asked, std::memory_order_acquire);
            state_.store(idle, std::memory_order_relaxed);
            if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
        }

    private:
        enum State : std::uint32_t { idle, asked, done, stopping };

        void change_to(State state) noexcept {
            state_.store(state, std::memory_order_release);
            state_.notify_all();
        }

        void work() noexcept {
            for (;;) {
                const State state = state_.load(std::memory_order_acquire);
                if (state == stopping) return;
                if (state != asked) {
                    state_.wait(state, std::memory_order_acquire);
                    continue;
                }
                try {
                    job_();
                } catch (...) {
                    error_ = std::current_exception();
                }
                State before = asked;  // or it is to stop by now
                if (state_.compare_exchange_strong(before, done, std::memory_order_acq_rel)) {
                    state_.notify_all();
                }
            }
        }

        std::function<void()> job_;
        std::exception_ptr error_{};
        std::atomic<State> state_{idle};
        std::thread thread_{};
    };

    [[nodiscard]] static long process() noexcept {
#if defined(__unix__) || defined(__APPLE__)
        return static_cast<long>(::getpid());
#else
        return 0;
#endif
    }

    std::unique_ptr<Worker> worker_;
    long process_;
};

}  // namespace kasmina::data
