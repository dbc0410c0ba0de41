// Schedules of rates: where they begin, where they end, and what is one.
#include <kasmina/train/schedule.hpp>

#include "support/catch.hpp"

namespace kasmina::schedule_test {
namespace {

static_assert(train::Schedule<train::ConstantSchedule> && train::Schedule<train::CosineSchedule>);
static_assert(train::Schedule<double (*)(double)>);
struct OfNothing {
    double operator()() const { return 1.0; }
};
struct Wordy {
    const char* operator()(double) const { return "half"; }
};
struct Forgetful {
    double operator()(double) { return 1.0; }  // not const: it would have a state of its own
};
static_assert(!train::Schedule<OfNothing> && !train::Schedule<Wordy> &&
              !train::Schedule<Forgetful>);

TEST_CASE("the constant schedule leaves rates as they are", "[J-6][N-6]") {
    for (const double done : {0.0, 0.3, 0.99}) CHECK(train::ConstantSchedule{}(done) == 1.0);
}

TEST_CASE("the cosine falls from 1 to its lowest, slowly, quickly and slowly again", "[J-6][N-6]") {
    const train::CosineSchedule to_nothing;
    CHECK(to_nothing(0.0) == 1.0);
    CHECK(to_nothing(0.5) == Approx(0.5));
    CHECK(to_nothing(1.0) == Approx(0.0).margin(1e-15));
    CHECK(to_nothing(1.0 / 3.0) == Approx(0.75));
    const train::CosineSchedule to_a_tenth{.lowest = 0.1};
    CHECK(to_a_tenth(0.0) == 1.0);
    CHECK(to_a_tenth(0.5) == Approx(0.55));
    CHECK(to_a_tenth(1.0) == Approx(0.1));
}

}  // namespace
}  // namespace kasmina::schedule_test
