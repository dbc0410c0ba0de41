// The emulated card finds what kernels do wrong: races, barriers that not all reach, memory out of
// range.
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <kasmina/backends/cuda/kernels/storage.hpp>

#include "support/catch.hpp"
#include "support/cuda_emulation/emulated.hpp"
#include "support/error_text.hpp"

namespace kasmina::emulation_test {
namespace {

using backends::cuda_detail::Block;
using backends::cuda_detail::block_sum;
using backends::cuda_detail::lane_of;
using backends::cuda_detail::Launch;
using backends::cuda_detail::reduce_bytes;
using backends::cuda_detail::warps_of;
using Store = backends::cuda_detail::Storage<double, test::Emulated>;

constexpr int threads = 128;

/// What a kernel with one block of 128 threads writes, on an order of threads drawn from `seed`.
template <class Kernel>
std::vector<double> results(Kernel kernel, std::uint64_t seed, int shared_bytes, Index blocks = 1) {
    test::Emulated::Context context(seed);
    auto to = Store::acquire<double>(context, threads * blocks);
    kernel.to = to.data();
    context.launch(Launch{blocks, threads, shared_bytes}, kernel);
    context.synchronise();
    auto reading = Store::read<double>(context, to.data(), threads * blocks);
    const auto values = reading.get();
    return {values.begin(), values.end()};
}

/// Each thread passes its number to its neighbour through shared memory; with or without the
/// barrier that makes it right.
struct PassOn {
    static constexpr const char* name = "pass_on";
    double* to = nullptr;
    bool with_barrier = true;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        auto shared = block.template shared<double>(0, block.threads());
        shared[block.thread()] = block.thread();
        if (with_barrier) block.barrier();
        to[block.thread()] = shared[(block.thread() + 1) % block.threads()];
    }
};

/// Two barriers where one is enough for all but a reader that is late: the sum is taken from a
/// place that the next round overwrites.
struct SumTwice {
    static constexpr const char* name = "sum_twice";
    double* to = nullptr;
    bool with_barrier = true;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        auto shared = block.template shared<double>(0, 1);
        double sum = 0.0;
        for (int round = 1; round <= 2; ++round) {
            if (block.thread() == 0) shared[0] = round;
            block.barrier();
            sum += shared[0];
            if (with_barrier) block.barrier();
        }
        to[block.thread()] = sum;
    }
};

enum class Fault {
    none,
    some_leave,
    two_barriers,
    some_lanes,
    two_shuffles,
    past_end,
    before,
    past_size
};

struct Faulty {
    static constexpr const char* name = "faulty";
    double* to = nullptr;
    Fault fault = Fault::none;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        auto shared = block.template shared<double>(0, fault == Fault::past_size ? 64 : 32);
        if (block.thread() < 32) shared[block.thread()] = 1.0;
        if (fault == Fault::past_end && block.thread() == 5) shared[32] = 1.0;
        if (fault == Fault::before && block.thread() == 5) shared[-1] = 1.0;
        if (fault == Fault::past_size && block.thread() == 5) shared[40] = 1.0;
        if (fault == Fault::some_leave && block.thread() == 7) return;
        if (fault == Fault::two_barriers && block.thread() < 64) {
            block.barrier();
        } else {
            block.barrier();
        }
        double value = shared[lane_of(block)];
        if (fault == Fault::some_lanes && lane_of(block) == 3) return;
        const int lanes = fault == Fault::two_shuffles && lane_of(block) < 16 ? 1 : 2;
        value += block.shuffle_xor(value, lanes);
        to[block.thread()] = value;
    }
};

/// What a faulty kernel is told.
std::string complaint(Fault fault) {
    try {
        static_cast<void>(results(Faulty{nullptr, fault}, 1, 32 * sizeof(double)));
    } catch (const test::EmulationError& error) {
        return error.what();
    }
    return "nothing";
}

struct PastTheEnd {
    static constexpr const char* name = "past_the_end";
    double* to = nullptr;
    Index past = 0;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        to[block.thread() + past] = 0.0;
    }
};

struct Sums {
    static constexpr const char* name = "sums";
    double* to = nullptr;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        auto scratch = block.template shared<double>(0, warps_of(block));
        const double sum = block_sum(block, 1.0 / (1 + block.thread()), scratch);
        to[block.index() * block.threads() + block.thread()] =
            block_sum(block, sum + static_cast<double>(block.index()), scratch);
    }
};

struct Lanes {
    static constexpr const char* name = "lanes";
    double* to = nullptr;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const double mine = block.thread();
        const double across = block.shuffle_xor(mine, 31);
        const unsigned odd = block.ballot(block.thread() % 2 == 1);
        to[block.thread()] = across * 1e3 + (odd == 0xaaaaaaaaU ? 1.0 : 0.0);
    }
};

}  // namespace

TEST_CASE("a kernel whose threads wait for each other gives the same in any order", "[cuda]") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const auto passed = results(PassOn{}, seed, threads * sizeof(double));
        for (std::size_t i = 0; i < passed.size(); ++i) {
            CHECK(passed[i] == static_cast<double>((i + 1) % passed.size()));
        }
        CHECK(results(SumTwice{}, seed, sizeof(double)) == std::vector<double>(threads, 3.0));
    }
}

TEST_CASE("a race shows: an order of threads gives other numbers", "[cuda]") {
    const auto right = results(PassOn{}, 1, threads * sizeof(double));
    CHECK(results(PassOn{nullptr, false}, 1, threads * sizeof(double)) != right);
    int wrong = 0;
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        const auto sums = results(SumTwice{nullptr, false}, seed, sizeof(double));
        wrong += sums == std::vector<double>(threads, 3.0) ? 0 : 1;
    }
    CHECK(wrong == 8);
}

TEST_CASE("barriers and shuffles that not all threads reach are found", "[cuda]") {
    CHECK(complaint(Fault::none) == "nothing");
    CHECK_THAT(complaint(Fault::some_leave),
               Catch::Contains("faulty: not all threads reach a barrier or shuffle") &&
                   Catch::Contains("1 of 128 threads have ended"));
    CHECK_THAT(complaint(Fault::two_barriers), Catch::Contains("wait at different barriers"));
    CHECK_THAT(complaint(Fault::some_lanes), Catch::Contains("not all threads reach"));
    CHECK_THAT(complaint(Fault::two_shuffles), Catch::Contains("wait at different shuffles"));
}

TEST_CASE("shared memory out of range is found", "[cuda]") {
    CHECK_THAT(complaint(Fault::past_end), Catch::Contains("shared memory out of range") &&
                                               Catch::Contains("thread 5: element 32"));
    CHECK_THAT(complaint(Fault::before), Catch::Contains("element -1"));
    CHECK_THAT(complaint(Fault::past_size), Catch::Contains("of 256 bytes"));
}

TEST_CASE("a card that has gone wrong runs the next kernel", "[cuda]") {
    for (int i = 0; i < 3; ++i) {
        CHECK(complaint(Fault::some_leave) != "nothing");
        CHECK(complaint(Fault::none) == "nothing");
    }
}

TEST_CASE("a write behind the end of memory is found", "[cuda]") {
    CHECK_NOTHROW(results(PastTheEnd{nullptr, 0}, 1, 0));
    CHECK_THROWS_AS(results(PastTheEnd{nullptr, 1}, 1, 0), test::EmulationError);
    // Also when the memory was given back before anybody asked.
    test::Emulated::Context context;
    {
        auto to = Store::acquire<double>(context, threads);
        context.launch(Launch{1, threads, 0}, PastTheEnd{to.data(), 1});
    }
    CHECK_THROWS_AS(context.synchronise(), test::EmulationError);
    CHECK_NOTHROW(context.synchronise());
}

TEST_CASE("shared memory and fresh memory hold no numbers", "[cuda]") {
    test::Emulated::Context context;
    auto fresh = Store::acquire<double>(context, 3);
    auto reading = Store::read<double>(context, fresh.data(), 3);
    for (const double value : reading.get()) CHECK(is_nan(value));
}

TEST_CASE("sums of a block have the same bits in any order of threads and in each of them",
          "[cuda]") {
    const int shared = reduce_bytes<double>(threads);
    const auto first = results(Sums{}, 1, shared, 3);
    for (std::uint64_t seed = 2; seed <= 6; ++seed)
        CHECK(results(Sums{}, seed, shared, 3) == first);
    double harmonic = 0.0;
    for (int i = 1; i <= threads; ++i) harmonic += 1.0 / i;
    for (std::size_t i = 0; i < first.size(); ++i) {
        const std::size_t block = i / threads;
        CHECK(first[i] == first[block * threads]);
        CHECK(first[i] == Approx(threads * (harmonic + static_cast<double>(block))));
    }
}

TEST_CASE("lanes of a warp exchange numbers as on a card", "[cuda]") {
    const auto got = results(Lanes{}, 4, 0);
    for (int thread = 0; thread < threads; ++thread) {
        const int lane = thread % 32;
        const int across = thread - lane + (lane ^ 31);
        CHECK(got[static_cast<std::size_t>(thread)] == across * 1e3 + 1.0);
    }
}

TEST_CASE("what no card takes is refused", "[cuda]") {
    test::Emulated::Context context;
    auto to = Store::acquire<double>(context, 64);
    const auto refused = [&](const Launch& launch) {
        CHECK_THROWS_AS(context.launch(launch, PastTheEnd{to.data(), 0}), test::EmulationError);
    };
    refused({1, 48, 0});
    refused({1, 2048, 0});
    refused({1, 64, 228 * 1024});
    refused({Index{1} << 31U, 64, 0});
    CHECK_NOTHROW(context.launch(Launch{0, 48, 0}, PastTheEnd{nullptr, 0}));  // no block, no launch
}

}  // namespace kasmina::emulation_test
