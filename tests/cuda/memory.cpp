// Memory of the CUDA backend: reused without asking, alive behind its context, closed to the host.
#include <csignal>
#include <cstdint>
#include <optional>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <kasmina/backends/cuda/kernels/storage.hpp>

#include "support/catch.hpp"
#include "support/cuda_emulation/emulated.hpp"
#include "support/sanitizers.hpp"

namespace kasmina::memory_test {
namespace {

using Context = test::Emulated::Context;
using Store = backends::cuda_detail::Storage<float, test::Emulated>;

}  // namespace

TEST_CASE("memory that was given back is found again", "[cuda]") {
    Context context;
    const auto work = [&] {
        auto a = Store::acquire<float>(context, 1000);
        auto b = Store::acquire<double>(context, 7);
        Store::fill(context, a.data(), 1000, 1.0F);
    };
    work();
    const auto allocations = context.pool().statistics().allocations;
    for (int i = 0; i < 5; ++i) work();
    CHECK(context.pool().statistics().allocations == allocations);
    CHECK(context.pool().statistics().bytes_in_use == 0);
    CHECK(context.pool().statistics().peak_bytes >= 4000);
}

TEST_CASE("a buffer and a reading outlive their context", "[cuda]") {
    std::optional<Context> context(std::in_place);
    auto buffer = Store::persistent<float>(*context, 3);
    Store::fill(*context, buffer.data(), 3, 2.5F);
    auto reading = Store::read<float>(*context, buffer.data(), 3);
    context.reset();
    CHECK(reading.get()[2] == 2.5F);
    auto moved = std::move(buffer);
    CHECK(moved.size() == 3);
}

TEST_CASE("a reading is waited for once", "[cuda]") {
    Context context;
    auto buffer = Store::acquire<float>(context, 2);
    Store::fill(context, buffer.data(), 2, 1.0F);
    auto reading = Store::read<float>(context, buffer.data(), 2);
    CHECK(context.waits() == 0);
    CHECK(reading.get()[0] == 1.0F);
    CHECK(reading.get()[1] == 1.0F);
    CHECK(context.waits() == 1);
    Store::synchronise(context);  // all of it has been seen done
    CHECK(context.waits() == 1);
    Store::fill(context, buffer.data(), 2, 1.0F);
    Store::synchronise(context);
    CHECK(context.waits() == 2);
}

TEST_CASE("nothing is copied, filled or launched for no numbers", "[cuda]") {
    Context context;
    auto buffer = Store::acquire<float>(context, 0);
    CHECK(buffer.size() == 0);
    Store::fill(context, buffer.data(), 0, 1.0F);
    Store::upload<float>(context, nullptr, buffer.data(), 0);
    Store::copy<float>(context, nullptr, buffer.data(), 0);
    auto reading = Store::read<float>(context, buffer.data(), 0);
    CHECK(reading.get().empty());
    CHECK(context.launches() == 0);
}

TEST_CASE("sizes that no address space has are an error", "[X-4][cuda]") {
    Context context;
    CHECK_THROWS_AS(Store::acquire<double>(context, Index{1} << 62U), ResourceError);
}

#if !defined(KASMINA_TEST_ADDRESS_SANITIZER) && !defined(KASMINA_TEST_THREAD_SANITIZER)
TEST_CASE("the host that touches the card's memory crashes", "[cuda]") {
    Context context;
    auto buffer = Store::acquire<float>(context, 1);
    Store::fill(context, buffer.data(), 1, 1.0F);
    test::EmulatedRange::instance().close_now();
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        static_cast<void>(std::signal(SIGSEGV, SIG_DFL));
        const volatile float* data = buffer.data();
        ::_exit(data[0] == 1.0F ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
}
#endif

}  // namespace kasmina::memory_test
