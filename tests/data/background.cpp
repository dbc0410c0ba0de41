// A job in the background: done when asked, its error told once, and its thread ended with it.
#include <atomic>
#include <stdexcept>

#include <kasmina/data/background.hpp>

#include "support/catch.hpp"

namespace kasmina::background_test {
namespace {

TEST_CASE("a job is done once each time that it is asked for", "[data][N-6]") {
    int done = 0;  // no atomic: it is handed over and back
    data::Background job([&] { ++done; });
    for (int i = 1; i <= 200; ++i) {
        job.begin();
        job.wait();
        REQUIRE(done == i);
    }
}

TEST_CASE("what a job throws is thrown by the wait for it, once", "[data][N-6][E-2]") {
    bool fails = true;
    data::Background job([&] {
        if (fails) throw std::runtime_error("it went wrong");
    });
    job.begin();
    CHECK_THROWS_WITH(job.wait(), "it went wrong");
    fails = false;
    job.begin();
    CHECK_NOTHROW(job.wait());
}

TEST_CASE("the end waits for a job that is under way, and for none that is not", "[data][N-6]") {
    std::atomic<int> done{0};
    for (int i = 0; i < 100; ++i) {
        data::Background job([&] { ++done; });
        if (i % 2 == 0) job.begin();
        if (i % 4 == 0) job.wait();
    }
    CHECK(done >= 25);
    CHECK(done <= 50);
}

}  // namespace
}  // namespace kasmina::background_test
