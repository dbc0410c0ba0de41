// The mean of a series whose neighbours resemble each other: what it is, and how often it is right.
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <kasmina/random/generator.hpp>
#include <kasmina/statistics/sequential_rule.hpp>
#include <kasmina/statistics/serial_mean.hpp>

#include "support/catch.hpp"

namespace kasmina::serial_mean_test {
namespace {

using judge::Estimate;
using judge::serial_mean;

/// An autoregressive series of first order, of mean 0 and variance 1.
[[nodiscard]] std::vector<double> series(double rho, int count, Generator& generator) {
    std::vector<double> values;
    double value = generator.normal();
    for (int i = 0; i < count; ++i) {
        values.push_back(value);
        value = rho * value + std::sqrt(1.0 - rho * rho) * generator.normal();
    }
    return values;
}

/// Of 100 series, in how many the truth lies within two standard errors of the mean.
[[nodiscard]] double coverage(double rho, int count) {
    constexpr int runs = 4000;
    Generator generator(1);
    int within = 0;
    for (int i = 0; i < runs; ++i) {
        const Estimate estimate = serial_mean(series(rho, count, generator));
        within += std::abs(estimate.value) <= 2.0 * estimate.standard_error ? 1 : 0;
    }
    return 100.0 * within / runs;
}

TEST_CASE("two standard errors hold what they promise, also where epochs resemble each other",
          "[J-2]") {
    for (const int count : {5, 8, 12, 20}) {
        for (const double rho : {0.0, 0.2, 0.4, 0.6}) {
            CAPTURE(count, rho);
            const double covered = coverage(rho, count);
            CHECK(covered > (rho < 0.5 ? 92.0 : 88.5));
            CHECK(covered < 99.0);
        }
    }
}

TEST_CASE("the error falls with the epochs", "[J-2]") {
    Generator generator(2);
    double five = 0.0;
    double twenty = 0.0;
    for (int i = 0; i < 500; ++i) {
        five += serial_mean(series(0.2, 5, generator)).standard_error;
        twenty += serial_mean(series(0.2, 20, generator)).standard_error;
    }
    CHECK(twenty < 0.5 * five);
}

TEST_CASE("a few measurements say nothing about their error, equal ones have none", "[J-1]") {
    CHECK(serial_mean({}).count == 0);
    CHECK_FALSE(serial_mean({}).has_error());
    const std::vector<double> two{1.0, 3.0};
    CHECK(serial_mean(two).value == 2.0);
    CHECK(serial_mean(two).standard_error == std::numeric_limits<double>::infinity());
    CHECK_FALSE(serial_mean(two).has_error());
    const std::vector<double> equal(4, 0.5);
    CHECK(serial_mean(equal) == Estimate{0.5, 0.0, 4});
}

TEST_CASE("values that are further apart than numbers go are uncertain, and not of unknown error",
          "[J-1][J-2]") {
    for (const double far : {1e153, 1e155, 1e160, 1e300}) {
        CAPTURE(far);
        std::vector<double> leads(20, -1.0);
        leads[3] = far;
        const Estimate estimate = serial_mean(leads);
        CHECK(estimate.has_error());
        CHECK(judge::SequentialRule{}(estimate) == judge::Verdict::does_not_help);
    }
}

}  // namespace
}  // namespace kasmina::serial_mean_test
