// Schedules: what share of its rate an optimiser steps with, by how much of a run is done.
#pragma once

#include <kasmina/requirements.hpp>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <numbers>

namespace kasmina::train {

/// `schedule(done)`: the factor of the rates for `done` in [0, 1) of the epochs.
template <class S>
concept Schedule = requires(const S& schedule, double done) {
    { schedule(done) } -> std::convertible_to<double>;
};

/// `schedule.after(count)`: the factor of the rates after `count` epochs, or after that many steps
/// of the optimiser where it says `static constexpr bool counts_steps = true` (EachStep). What it
/// cannot be, its `check()` says, where it has one. (PyTorch's are in schedules.hpp.)
template <class S>
concept CountedSchedule = requires(const S& schedule, std::int64_t count) {
    { schedule.after(count) } -> std::convertible_to<double>;
};

/// What a trainer asks for its rates.
template <class S>
concept RateSchedule = Schedule<S> || CountedSchedule<S>;

/// Whether a schedule is asked before each step, and not once an epoch.
template <class S>
inline constexpr bool counts_steps = [] {
    if constexpr (requires { S::counts_steps; }) return CountedSchedule<S> && S::counts_steps;
    return false;
}();

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
