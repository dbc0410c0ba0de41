// Schedules: what share of its rate an optimiser steps with, by how much of a run is done.
#pragma once

#include <kasmina/requirements.hpp>

#include <cmath>
#include <concepts>
#include <numbers>

namespace kasmina::train {

/// `schedule(done)`: the factor of the rates for `done` in [0, 1) of the epochs.
template <class S>
concept Schedule = requires(const S& schedule, double done) {
    { schedule(done) } -> std::convertible_to<double>;
};

/// The rates as they are.
struct ConstantSchedule {
    [[nodiscard]] constexpr double operator()(double) const noexcept { return 1.0; }
};

/// From 1 to `lowest` along half a cosine (Loshchilov and Hutter, "SGDR", 2017).
struct CosineSchedule {
    double lowest = 0.0;

    [[nodiscard]] double operator()(double done) const noexcept {
        return lowest + (1.0 - lowest) * 0.5 * (1.0 + std::cos(std::numbers::pi * done));
    }
};

}  // namespace kasmina::train
