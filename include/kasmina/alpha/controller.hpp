// AlphaController: the one owner of a seed's amplitude and of its ramp (spec ).
#pragma once

#include <cstdint>
#include <string>

#include <kasmina/alpha/check_alpha_state.hpp>
#include <kasmina/alpha/curve.hpp>
#include <kasmina/alpha/state.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/number_text.hpp>

namespace kasmina {

/// How a retarget was taken.
enum class Retarget : std::uint8_t {
    scheduled,  ///< a ramp began
    snapped,    ///< zero steps: alpha is at the target at once
    unchanged,  ///< the target was held already; nothing is scheduled (A-10)
};

namespace alpha_detail {

[[noreturn]] KASMINA_COLD inline void refuse_retarget(const AlphaState& state, double target) {
    throw AlphaError("a retarget while a ramp is under way", "AlphaController::retarget",
                     "a controller that holds",
                     "mode " + std::string(name_of(state.mode)) + ", step " +
                         std::to_string(state.steps_done) + " of " +
                         std::to_string(state.steps_total) + " to " + number_text(state.target) +
                         ", asked for " + number_text(target),
                     "wait until the ramp ends, or drop it with hold_at");
}

[[noreturn]] KASMINA_COLD inline void refuse_steepness() {
    throw AlphaError("the steepness is not a number", "AlphaController::retarget",
                     "a steepness of 0.1 or more", "NaN", "use the default of 12");
}

}  // namespace alpha_detail

/// The only alpha there is: forward, gates, reports and checkpoints read it here.
class AlphaController {
public:
    constexpr AlphaController() = default;

    [[nodiscard]] constexpr const AlphaState& state() const noexcept { return state_; }

    /// Goes on from a stored state. Errors: StateError naming the field, for a state that no
    /// controller comes to; the controller is as it was then.
    void restore(const AlphaState& state, const std::string& where = "AlphaController::restore") {
        check_alpha_state(state, where);
        state_ = state;
    }

    [[nodiscard]] constexpr double alpha() const noexcept { return state_.alpha; }
    [[nodiscard]] constexpr double target() const noexcept { return state_.target; }
    [[nodiscard]] constexpr AlphaMode mode() const noexcept { return state_.mode; }
    [[nodiscard]] constexpr bool holds() const noexcept { return state_.mode == AlphaMode::hold; }

    /// Ticks until the target is reached; 0 when nothing is scheduled.
    [[nodiscard]] constexpr int time_to_target() const noexcept { return state_.time_to_target(); }

    /// Schedules a ramp from the current alpha; only from hold. `target` is clamped to
    /// [0, 1]; fewer than 1 step snaps. Errors: AlphaError while a ramp is under way, and for a
    /// steepness that is not a number; OptionError for a curve that does not exist.
    constexpr Retarget retarget(double target, int steps, AlphaCurve curve = AlphaCurve::linear,
                                double steepness = default_steepness) {
        if (!holds()) alpha_detail::refuse_retarget(state_, target);
        if (is_nan(steepness)) alpha_detail::refuse_steepness();
        reflect::check_enumerator(curve, "curve", "AlphaController::retarget");
        target = clamp01(target);
        if (target == state_.alpha) {
            settle(target);
            return Retarget::unchanged;
        }
        state_.start = state_.alpha;
        state_.curve = curve;
        state_.steepness = at_least_minimum(steepness);
        if (steps < 1) {
            settle(target);
            return Retarget::snapped;
        }
        state_.target = target;
        state_.mode = target > state_.alpha ? AlphaMode::up : AlphaMode::down;
        state_.steps_total = steps;
        state_.steps_done = 0;
        return Retarget::scheduled;
    }

    /// One epoch of a ramp. True when this tick ended it: alpha is exactly the target then.
    constexpr bool tick() noexcept {
        if (holds()) return false;
        if (++state_.steps_done >= state_.steps_total) {
            const int steps = state_.steps_total;
            settle(state_.target);
            state_.steps_total = state_.steps_done = steps;
            return true;
        }
        const double t = static_cast<double>(state_.steps_done) / state_.steps_total;
        const double value = curve_value(state_.curve, t, state_.steepness);
        const double alpha = state_.start + (state_.target - state_.start) * value;
        const double low = state_.start < state_.target ? state_.start : state_.target;
        const double high = state_.start < state_.target ? state_.target : state_.start;
        state_.alpha = alpha < low ? low : (alpha > high ? high : alpha);
        return false;
    }

    /// Drops any ramp and holds `alpha`: entering holding (1) and pruned (0).
    constexpr void hold_at(double alpha) noexcept { settle(clamp01(alpha)); }

private:
    /// NaN clamps to 0: no amplitude.
    static constexpr double clamp01(double value) noexcept {
        return is_nan(value) || value <= 0.0 ? 0.0 : (value < 1.0 ? value : 1.0);
    }
    static constexpr double at_least_minimum(double steepness) noexcept {
        return steepness > minimum_steepness ? steepness : minimum_steepness;
    }

    constexpr void settle(double alpha) noexcept {
        state_.alpha = alpha;
        state_.target = alpha;
        state_.mode = AlphaMode::hold;
        state_.steps_total = 0;
        state_.steps_done = 0;
    }

    AlphaState state_;
};

}  // namespace kasmina
