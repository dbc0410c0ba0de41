// The mean of a short series whose neighbours resemble each other, with an honest standard error.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include <kasmina/finite.hpp>
#include <kasmina/statistics/estimate.hpp>

namespace kasmina::judge {

namespace detail {

/// The variance of the mean of `count` values of an autoregressive series of first order with
/// correlation `rho` and variance 1.
[[nodiscard]] inline double variance_of_mean(double rho, int count) noexcept {
    double sum = 1.0;
    double power = rho;
    for (int lag = 1; lag < count; ++lag, power *= rho) {
        sum += 2.0 * (1.0 - static_cast<double>(lag) / count) * power;
    }
    return sum / count;
}

/// Student's t at 97.5 % over the normal's, by the expansion of Fisher and Cornish.
[[nodiscard]] inline double student_widening(double freedom) noexcept {
    constexpr double z = 1.959963985;
    constexpr double z3 = z * z * z;
    constexpr double z5 = z3 * z * z;
    constexpr double z7 = z5 * z * z;
    constexpr double first = (z3 + z) / 4.0;
    constexpr double second = (5.0 * z5 + 16.0 * z3 + 3.0 * z) / 96.0;
    constexpr double third = (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / 384.0;
    const double f = freedom;
    return (z + first / f + second / (f * f) + third / (f * f * f)) / z;
}

}  // namespace detail

/// The mean of successive measurements, such as a network's lead over another epoch by epoch. They
/// are taken for an autoregressive series of first order: the correlation of neighbours is
/// estimated with Kendall's correction ("Note on bias in the estimation of autocorrelation", 1954)
/// and, because a few measurements say little about it, drawn to 0.4 with the weight of eight of
/// them. In simulated series of 5 to 20 values whose neighbours correlate by 0 to 0.6 the truth is
/// within two standard errors in 89 to 98 of 100 cases (tests/judge).
[[nodiscard]] inline Estimate serial_mean(std::span<const double> values) noexcept {
    constexpr double expected_correlation = 0.4;
    constexpr double weight_of_expectation = 8.0;
    constexpr double largest_correlation = 0.75;
    Estimate estimate;
    estimate.count = static_cast<int>(values.size());
    if (values.empty()) return estimate;
    const double count = static_cast<double>(values.size());
    for (const double value : values) estimate.value += value / count;
    if (values.size() < 3) return estimate;
    double squares = 0.0;
    double products = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double deviation = values[i] - estimate.value;
        squares += deviation * deviation;
        if (i > 0) products += deviation * (values[i - 1] - estimate.value);
    }
    if (squares == 0.0) {
        estimate.standard_error = 0.0;
        return estimate;
    }
    // Further apart than numbers go: as uncertain as can be said, and not unknown.
    if (!is_finite(squares)) {
        estimate.standard_error = std::numeric_limits<double>::max();
        return estimate;
    }
    const double raw = products / squares;
    const double corrected = raw + (1.0 + 4.0 * raw) / count;
    const double drawn = (count * corrected + weight_of_expectation * expected_correlation) /
                         (count + weight_of_expectation);
    const double rho = std::clamp(drawn, 0.0, largest_correlation);
    const double of_mean = detail::variance_of_mean(rho, estimate.count);
    const double variance = squares / count / (1.0 - of_mean);
    const double freedom = std::max(1.0 / of_mean - 1.0, 1.5);
    estimate.standard_error = std::sqrt(variance * of_mean) * detail::student_widening(freedom);
    return estimate;
}

}  // namespace kasmina::judge
