// Conformance of random numbers: the same bits on every backend as from a generator.
#include "conformance/support.hpp"

namespace kasmina::conformance::random_test {
namespace {

constexpr std::array<Index, 6> counts{1, 2, 3, 13, 1000, 40000};

}  // namespace

TEMPLATE_LIST_TEST_CASE("a uniform fill has the bits of drawing one after the other", "[E-3][B-7]",
                        Backends) {
    using T = typename TestType::Scalar;
    for (const Index count : counts) {
        for (const int skipped : {0, 1, 2, 3, 6}) {  // begins anywhere in a block
            INFO(count << " values after " << skipped << " words");
            Generator generator(5, 2);
            for (int i = 0; i < skipped; ++i) static_cast<void>(generator());
            Generator ahead = generator;
            const RandomRange range = ahead.reserve(static_cast<std::uint64_t>(2 * count));
            typename TestType::Context context{};
            Run<TestType> run(context);
            TestType::fill_uniform(context, range, -0.25, 0.5, run.out(count), count);
            const Values got = run.results().front();
            Values expected;
            for (Index i = 0; i < count; ++i) {
                expected.push_back(
                    static_cast<double>(static_cast<T>(generator.uniform(-0.25, 0.5))));
            }
            CHECK(got == expected);
            CHECK(generator.state() == ahead.state());
        }
    }
}

TEST_CASE("random fills and dropout agree with the oracle, on any number of threads",
          "[B-7][E-1]") {
    for (const Index count : counts) {
        for (const double rate : {0.0, 0.25, 0.9}) {
            INFO(count << " values, rate " << rate);
            const RandomRange range{7, 3, 0xFFFFFFFFULL, 2};
            const Values x = normal(count, 1);
            check_against_oracle([&]<class B>(Run<B>& run) {
                B::fill_uniform(run.context, range, 1.0, 3.0, run.out(count), count);
                B::dropout(run.context, {.range = range,
                                         .rate = rate,
                                         .count = count,
                                         .x = run.in(x),
                                         .y = run.out(count)});
                auto* in_place = run.inout(x);
                B::dropout(
                    run.context,
                    {.range = range, .rate = rate, .count = count, .x = in_place, .y = in_place});
                for (const bool accumulate : {false, true}) {
                    B::dropout_pullback(run.context, {.range = range,
                                                      .rate = rate,
                                                      .count = count,
                                                      .grad_y = run.in(x),
                                                      .grad_x = run.target(count, accumulate)});
                }
                B::dropout_pullback(run.context, {.range = range,
                                                  .rate = rate,
                                                  .count = count,
                                                  .grad_y = run.in(x),
                                                  .grad_x = run.unwanted()});
            });
        }
    }
}

TEST_CASE("the oracle drops by the words of the range, one a value", "[E-3]") {
    Oracle::Context context;
    const RandomRange range{11, 0, 0, 1};
    const double rate = 0.3;
    const auto results = results_of<Oracle>(context, [&](Run<Oracle>& run) {
        Oracle::dropout(run.context, {.range = range,
                                      .rate = rate,
                                      .count = 10000,
                                      .x = run.in(Values(10000, 7.0)),
                                      .y = run.out(10000)});
    });
    Index dropped = 0;
    for (std::size_t i = 0; i < 10000; ++i) {
        const bool kept = static_cast<double>(random_word(range, i)) >= rate * 4294967296.0;
        dropped += kept ? 0 : 1;
        REQUIRE(results[0][i] == (kept ? Approx(10.0) : Approx(0.0)));
    }
    // Five standard deviations of a binomial around 3000.
    CHECK(std::abs(static_cast<double>(dropped) - 3000.0) < 5 * std::sqrt(10000 * 0.3 * 0.7));
}

TEST_CASE("a dropped value that is no number is 0", "[B-7]") {
    const RandomRange range{11, 0, 0, 0};
    const Values x(64, std::numeric_limits<double>::infinity());
    check_against_oracle([&]<class B>(Run<B>& run) {
        B::dropout(run.context,
                   {.range = range, .rate = 0.5, .count = 64, .x = run.in(x), .y = run.out(64)});
    });
}

}  // namespace kasmina::conformance::random_test
