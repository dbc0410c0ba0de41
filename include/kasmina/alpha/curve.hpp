// AlphaCurve: the shape of a ramp from 0 to 1 (spec A-4).
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

#include <kasmina/alpha/constexpr_math.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/reflect/check_enumerator.hpp>

namespace kasmina {

enum class AlphaCurve : std::uint8_t { linear = 1, cosine = 2, sigmoid = 3 };

template <>
struct reflect::Enumerators<AlphaCurve> {
    static constexpr std::array all{AlphaCurve::linear, AlphaCurve::cosine, AlphaCurve::sigmoid};
};

[[nodiscard]] constexpr std::string_view name_of(AlphaCurve curve) noexcept {
    switch (curve) {
        case AlphaCurve::linear: return "linear";
        case AlphaCurve::cosine: return "cosine";
        case AlphaCurve::sigmoid: return "sigmoid";
    }
    return "(invalid)";
}

/// Steepness of the sigmoid when none is asked for, and the least that is used.
inline constexpr double default_steepness = 12.0;
inline constexpr double minimum_steepness = 0.1;

namespace alpha_detail {

/// 1 / (1 + e^-z) without overflow for any z.
[[nodiscard]] constexpr double logistic(double z) noexcept {
    if (z > 700.0) return 1.0;
    if (z < -700.0) return 0.0;
    if (z >= 0.0) return 1.0 / (1.0 + exp(-z));
    const double e = exp(z);
    return e / (1.0 + e);
}

/// The logistic rescaled to run from 0 at t = 0 to 1 at t = 1; t itself when the rescale has
/// nothing to divide by. An infinite steepness is a step at 1/2.
[[nodiscard]] constexpr double sigmoid_curve(double t, double steepness) noexcept {
    if (is_nan(steepness) || steepness <= 0.0) return t;
    constexpr double greatest = std::numeric_limits<double>::max();
    if (steepness > greatest) steepness = greatest;
    const double low = logistic(-0.5 * steepness);
    const double high = logistic(0.5 * steepness);
    if (high - low <= 1e-12) return t;
    return (logistic(steepness * (t - 0.5)) - low) / (high - low);
}

}  // namespace alpha_detail

/// The curve's value at `t`, both in [0, 1]: 0 at 0, 1 at 1, monotone. `t` outside is clamped.
/// Errors: OptionError for a curve that does not exist.
[[nodiscard]] constexpr double curve_value(AlphaCurve curve, double t,
                                           double steepness = default_steepness) {
    reflect::check_enumerator(curve, "curve", "curve_value");
    if (is_nan(t) || t <= 0.0) return 0.0;
    if (t >= 1.0) return 1.0;
    double value = t;
    if (curve == AlphaCurve::cosine) value = 0.5 * (1.0 - alpha_detail::cos_pi(t));
    if (curve == AlphaCurve::sigmoid) value = alpha_detail::sigmoid_curve(t, steepness);
    return value < 0.0 ? 0.0 : (value > 1.0 ? 1.0 : value);
}

}  // namespace kasmina
