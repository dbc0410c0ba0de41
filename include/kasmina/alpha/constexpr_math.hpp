// exp and cos that the compiler can run, for schedules that are tested at compile time.
#pragma once

#include <kasmina/requirements.hpp>

#include <numbers>

namespace kasmina::alpha_detail {

/// e^x for |x| <= 700: argument halved until small, Taylor series, squared back up in steps.
[[nodiscard]] constexpr double exp(double x) noexcept {
    // x = k ln 2 + r with |r| <= ln 2 / 2, so e^x = 2^k e^r.
    const double scaled = x / std::numbers::ln2;
    const int k = static_cast<int>(scaled + (scaled < 0 ? -0.5 : 0.5));
    const double r = (x - k * 0x1.62e42fefa38p-1) - k * 0x1.ef35793c7673p-45;
    double term = 1.0;
    double sum = 1.0;
    for (int n = 1; n <= 20; ++n) {
        term *= r / n;
        sum += term;
    }
    const double factor = k < 0 ? 0.5 : 2.0;
    for (int i = 0; i < (k < 0 ? -k : k); ++i) sum *= factor;
    return sum;
}

/// cos(pi * t) for t in [0, 1], by the series about the nearest multiple of pi / 2.
[[nodiscard]] constexpr double cos_pi(double t) noexcept {
    if (t > 0.5) return -cos_pi(1.0 - t);
    if (t > 0.25) {  // cos(pi t) = sin(pi (1/2 - t)), small argument
        const double y = std::numbers::pi * (0.5 - t);
        double term = y;
        double sum = y;
        for (int n = 1; n <= 10; ++n) {
            term *= -y * y / ((2 * n) * (2 * n + 1));
            sum += term;
        }
        return sum;
    }
    const double y = std::numbers::pi * t;
    double term = 1.0;
    double sum = 1.0;
    for (int n = 1; n <= 10; ++n) {
        term *= -y * y / ((2 * n - 1) * (2 * n));
        sum += term;
    }
    return sum;
}

}  // namespace kasmina::alpha_detail
