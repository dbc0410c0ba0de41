// Fibers: the threads of a block, one after another on one thread of the host, in random order.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <ucontext.h>

#include "support/sanitizers.hpp"

// Sanitizers know the first way to switch, which asks the kernel each time and is slow.
#if defined(KASMINA_TEST_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#define KASMINA_TEST_SWITCH_BY_CONTEXT
#elif defined(KASMINA_TEST_ADDRESS_SANITIZER)
#define KASMINA_TEST_SWITCH_BY_CONTEXT
#endif

namespace kasmina::test {

/// Runs `count` pieces of work that may wait for each other. Which goes on is drawn at each
/// wait and at each end, from a seed. Work that never waits shares one fiber, so it costs no
/// switch.
class Fibers {
public:
    using Work = std::function<void(int)>;

    Fibers() = default;
    Fibers(const Fibers&) = delete;
    Fibers& operator=(const Fibers&) = delete;
    ~Fibers() = default;

    /// Runs work(0) ... work(count - 1). Returns when all are done, when nobody can go on or when
    /// one of them has given up; then the rest are left where they are, their locals not destroyed.
    void run(int count, std::uint64_t seed, const Work& work) {
        work_ = &work;
        random_ = seed;
        ready_.resize(static_cast<std::size_t>(count));
        for (int i = 0; i < count; ++i) ready_[static_cast<std::size_t>(i)] = i;
        waiting_.assign(static_cast<std::size_t>(count), nullptr);
        done_ = 0;
        given_up_ = false;
        resume(take_idle(), main_);
        if (given_up_ || done_ < count) {  // some hang in the middle of their work
            idle_.clear();
            all_.clear();
        }
    }

    /// Called by work: lets others go on until `wake` was called for this one.
    void wait(int self) {
        Fiber* fiber = current_;
        waiting_[static_cast<std::size_t>(self)] = fiber;
        go_on(*fiber);
    }
    /// The one that waits may go on.
    void wake(int other) { ready_.push_back(other); }
    /// Called by work: ends the run. Does not return.
    void give_up() {
        given_up_ = true;
        resume(main_, *current_);
    }
    /// How many have ended.
    [[nodiscard]] int done() const noexcept { return done_; }

private:
    struct Fiber {
        ucontext_t context{};
        std::byte* stack = nullptr;
        std::jmp_buf place{};
        bool begun = false;
#if defined(KASMINA_TEST_THREAD_SANITIZER)
        void* tsan = nullptr;
#endif
        static constexpr std::size_t stack_bytes = std::size_t{256} << 10U;

        Fiber() = default;
        Fiber(const Fiber&) = delete;
        Fiber& operator=(const Fiber&) = delete;
        ~Fiber() {
            if (stack != nullptr) ::munmap(stack, stack_bytes);
#if defined(KASMINA_TEST_THREAD_SANITIZER)
            if (tsan != nullptr && stack != nullptr) __tsan_destroy_fiber(tsan);
#endif
        }
    };

    static void enter(unsigned high, unsigned low) {
        const std::uint64_t address = (std::uint64_t{high} << 32U) | low;
        reinterpret_cast<Fibers*>(address)->loop();
    }

    /// The life of a fiber: takes a piece of work that has not begun, as long as one is drawn.
    void loop() {
        Fiber* self = current_;
        while (true) {
            const int next = begin_;
            (*work_)(next);
            ++done_;
            const int drawn = draw();
            if (drawn >= 0 && waiting_[static_cast<std::size_t>(drawn)] == nullptr) {
                begin_ = drawn;
                continue;
            }
            idle_.push_back(self);
            resume(fiber_of(drawn), *self);
        }
    }

    void go_on(Fiber& from) { resume(fiber_of(draw()), from); }

    /// Whose turn it is; -1 where nobody can go on.
    int draw() {
        if (ready_.empty()) return -1;
        random_ = random_ * 6364136223846793005U + 1442695040888963407U;
        const std::size_t at = static_cast<std::size_t>((random_ >> 33U) % ready_.size());
        const int drawn = ready_[at];
        ready_[at] = ready_.back();
        ready_.pop_back();
        return drawn;
    }

    Fiber& fiber_of(int drawn) {
        if (drawn < 0) return main_;
        Fiber*& waiting = waiting_[static_cast<std::size_t>(drawn)];
        if (waiting != nullptr) return *std::exchange(waiting, nullptr);
        begin_ = drawn;
        return idle_fiber();
    }

    Fiber& take_idle() { return fiber_of(draw()); }

    Fiber& idle_fiber() {
        if (!idle_.empty()) {
            Fiber* fiber = idle_.back();
            idle_.pop_back();
            return *fiber;
        }
        all_.push_back(std::make_unique<Fiber>());
        prepare(*all_.back());
        return *all_.back();
    }

    /// Gives a fiber its stack and its way in.
    [[gnu::noinline]] void prepare(Fiber& fiber) {
        void* stack = ::mmap(nullptr, Fiber::stack_bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (stack == MAP_FAILED) throw std::runtime_error("no memory for a fiber's stack");
        fiber.stack = static_cast<std::byte*>(stack);
        ::getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack;
        fiber.context.uc_stack.ss_size = Fiber::stack_bytes;
        fiber.context.uc_link = nullptr;
        const auto address = reinterpret_cast<std::uint64_t>(this);
        ::makecontext(&fiber.context, reinterpret_cast<void (*)()>(&Fibers::enter), 2,
                      static_cast<unsigned>(address >> 32U), static_cast<unsigned>(address));
#if defined(KASMINA_TEST_THREAD_SANITIZER)
        fiber.tsan = __tsan_create_fiber(0);
#endif
    }

    void resume(Fiber& to, Fiber& from) {
        if (&to == &from) return;
#if defined(KASMINA_TEST_THREAD_SANITIZER)
        if (&from == &main_) main_.tsan = __tsan_get_current_fiber();
        __tsan_switch_to_fiber(to.tsan, 0);
#endif
        current_ = &to;
        change(to, from);
        current_ = &from;
    }

    /// Leaves `from` where it is and goes on in `to`.
    [[gnu::noinline]] static void change(Fiber& to, Fiber& from) {
#if defined(KASMINA_TEST_SWITCH_BY_CONTEXT)
        ::swapcontext(&from.context, &to.context);
#else
        from.begun = true;
        if (_setjmp(from.place) == 0) {
            if (to.begun) _longjmp(to.place, 1);
            ::setcontext(&to.context);
        }
#endif
    }

    const Work* work_ = nullptr;
    std::uint64_t random_ = 0;
    std::vector<int> ready_;       ///< have not begun, or may go on
    std::vector<Fiber*> waiting_;  ///< where each waits; null where it does not
    std::vector<Fiber*> idle_;
    std::vector<std::unique_ptr<Fiber>> all_;
    Fiber main_;
    Fiber* current_ = nullptr;
    int begin_ = 0;
    int done_ = 0;
    bool given_up_ = false;
};

}  // namespace kasmina::test
