// RampModel: an amplitude's ramp, restated from spec for the slot's model.
#pragma once

#include <cmath>
#include <numbers>

#include <kasmina/alpha/controller.hpp>  // AlphaMode and AlphaCurve: the words, nothing else

namespace kasmina::test {

/// A-4 with the standard library's functions.
[[nodiscard]] inline double model_curve(AlphaCurve curve, double t, double steepness) {
    const auto logistic = [](double z) { return 1.0 / (1.0 + std::exp(-z)); };
    switch (curve) {
        case AlphaCurve::linear: return t;
        case AlphaCurve::cosine: return (1.0 - std::cos(std::numbers::pi * t)) / 2.0;
        case AlphaCurve::sigmoid: break;
    }
    const double low = logistic(-steepness / 2.0);
    const double high = logistic(steepness / 2.0);
    return (logistic(steepness * (t - 0.5)) - low) / (high - low);
}

struct RampModel {
    double alpha = 0.0;
    double start = 0.0;
    double target = 0.0;
    AlphaMode mode = AlphaMode::hold;
    AlphaCurve curve = AlphaCurve::linear;
    double steepness = 12.0;
    int total = 0;
    int done = 0;

    [[nodiscard]] bool holds() const { return mode == AlphaMode::hold; }
    [[nodiscard]] int time_to_target() const { return holds() ? 0 : total - done; }

    /// Nothing scheduled, at `value`.
    void hold_at(double value) {
        alpha = target = value;
        mode = AlphaMode::hold;
        total = done = 0;
    }

    /// whoever calls this knows that the ramp holds.
    void retarget(double goal, int steps, AlphaCurve shape, double slope) {
        if (goal == alpha) return hold_at(alpha);
        start = alpha;
        curve = shape;
        steepness = slope > 0.1 ? slope : 0.1;
        if (steps <= 0) return hold_at(goal);
        target = goal;
        mode = goal > alpha ? AlphaMode::up : AlphaMode::down;
        total = steps;
        done = 0;
    }

    /// whether this tick ended the ramp.
    bool tick() {
        if (holds()) return false;
        ++done;
        if (done < total) {
            const double t = static_cast<double>(done) / total;
            alpha = start + (target - start) * model_curve(curve, t, steepness);
            return false;
        }
        alpha = target;
        mode = AlphaMode::hold;
        return true;
    }
};

}  // namespace kasmina::test
