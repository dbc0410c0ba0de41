// The machine's side: memory and threads that it has not, and processes that are forked off.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/tensor/tensor.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/sanitizers.hpp"

#if defined(__linux__)
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace kasmina::process_test {
namespace {

using B = backends::Eigen<float>;

TEST_CASE("memory that cannot be had is an error with the cause", "[E-2]") {
    B::Context context;
    constexpr Index absurd = Index{1} << 45;
    for (const auto& ask : std::vector<std::function<void()>>{
             [&] { static_cast<void>(Tensor<B>::persistent(context, {absurd})); },
             [&] { static_cast<void>(B::acquire<float>(context, absurd)); },
             [&] { static_cast<void>(B::acquire<double>(context, Index{1} << 62)); }}) {
        const std::string text = test::error_text<ResourceError>(ask);
        CHECK(test::mentions(text, "not enough memory"));
        CHECK(test::mentions(text, "bytes"));
    }
    // The pool is as it was.
    const auto room = B::acquire<float>(context, 100);
    CHECK(room.size() == 100);
}

#if defined(__linux__)

/// What a child process ends with that runs `body`; it is killed if it hangs.
int in_child(const std::function<bool()>& body) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::alarm(60);
        bool good = false;
        try {
            good = body();
        } catch (...) {
        }
        ::_exit(good ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// The sum of 0 ... 999, a number a chunk.
Index run_job(B::Context& context) {
    std::atomic<Index> sum{0};
    context.parallel_for(1000, [&](Index chunk) { sum += chunk; });
    return sum;
}

/// Whether somebody but the caller takes part in a job. On a busy machine that may take a while.
bool is_parallel(B::Context& context) {
    using Clock = std::chrono::steady_clock;
    const std::thread::id own = std::this_thread::get_id();
    const Clock::time_point patience = Clock::now() + std::chrono::seconds(30);
    std::atomic<bool> helped{false};
    context.parallel_for(1000, [&](Index) {
        if (std::this_thread::get_id() != own) helped = true;
        while (!helped && Clock::now() < patience) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    return helped;
}

TEST_CASE("a forked child has threads of its own", "[E-4]") {
    B::Context context(2);
    REQUIRE(run_job(context) == 499500);
    // A thread that is still being set up may hold a sanitizer's lock, which a child would not get
    // back.
    REQUIRE(is_parallel(context));
    for (int child = 0; child < 3; ++child) {
        CHECK(in_child([&] {
                  bool good = true;
                  for (int i = 0; i < 20; ++i) good = good && run_job(context) == 499500;
                  // And so has its child.
                  return good && is_parallel(context) &&
                         in_child([&] { return run_job(context) == 499500; }) == 0;
              }) == 0);
    }
    CHECK(run_job(context) == 499500);
}

TEST_CASE("a forked child may end a context that it has not used", "[E-4]") {
    auto context = std::make_unique<B::Context>(3);
    REQUIRE(run_job(*context) == 499500);
    CHECK(in_child([&] {
              context.reset();
              return true;
          }) == 0);
    CHECK(in_child([&] {
              const bool good = run_job(*context) == 499500;
              context.reset();
              return good;
          }) == 0);
}

#if !defined(KASMINA_TEST_ADDRESS_SANITIZER) && !defined(KASMINA_TEST_THREAD_SANITIZER)

TEST_CASE("threads that cannot be had are an error with the cause", "[E-2]") {
    const auto starve = [] {
        // A thread's stack is address space: there is some left for a few.
        std::size_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        const rlim_t bytes = pages * static_cast<rlim_t>(::getpagesize()) + (rlim_t{32} << 20);
        const rlimit limit{bytes, bytes};
        ::setrlimit(RLIMIT_AS, &limit);
    };
    CHECK(in_child([&] {
              starve();
              const std::string text =
                  test::error_text<ResourceError>([] { B::Context context(200); });
              return test::mentions(text, "200 threads");
          }) == 0);
}

#endif
#endif

}  // namespace
}  // namespace kasmina::process_test
