// Gradient health: how strongly a seed learns next to its host, and whether its tensors are sane.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

#include <kasmina/finite.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// Below this host gradient norm a ratio means nothing and reads 0 (spec I-4).
inline constexpr double minimum_host_gradient_norm = 1e-8;
/// Gradient ratios are clamped to this (spec I-4).
inline constexpr double maximum_gradient_ratio = 10.0;
/// Decay of the moving average of a seed's gradient norm, per measurement (spec I-4).
inline constexpr double gradient_norm_decay = 0.9;

/// The share of a seed's tensors with a useful gradient (spec I-7).
struct ParameterHealth {
    double health = 1.0;     ///< in [0, 1]
    bool vanishing = false;  ///< a tensor's norm is below 1e-7
    bool exploding = false;  ///< a tensor's norm is above 10, or not finite
    using Fields = reflect::List<&ParameterHealth::health, &ParameterHealth::vanishing,
                                 &ParameterHealth::exploding>;

    friend constexpr bool operator==(const ParameterHealth&,
                                     const ParameterHealth&) noexcept = default;
};

/// Below this the gradient of a tensor has vanished (spec I-7).
inline constexpr double vanishing_gradient_norm = 1e-7;

/// Whether nothing of a seed learns: it has tensors, and the gradient of each has vanished.
[[nodiscard]] inline bool all_vanish(std::span<const double> norms) noexcept {
    return !norms.empty() && std::ranges::all_of(norms, [](double norm) {
        return is_finite(norm) && norm < vanishing_gradient_norm;
    });
}

/// I-7 from the L2 norm of each parameter tensor's gradient; a seed without tensors is healthy.
[[nodiscard]] inline ParameterHealth parameter_health(std::span<const double> norms) noexcept {
    if (norms.empty()) return {};
    double vanishing = 0.0;
    double exploding = 0.0;
    for (const double norm : norms) {
        if (!is_finite(norm) || norm > 10.0) {
            exploding += 1.0;
        } else if (norm < vanishing_gradient_norm) {
            vanishing += 1.0;
        }
    }
    const double tensors = static_cast<double>(norms.size());
    return {std::clamp(1.0 - 0.5 * vanishing / tensors - 0.8 * exploding / tensors, 0.0, 1.0),
            vanishing > 0.0, exploding > 0.0};
}

/// One L2 norm over many tensors, and how many parameters it speaks for.
struct GradientNorm {
    double norm = 0.0;
    Index parameters = 0;
    bool measured = false;  ///< whether any of the tensors held a gradient
    bool trainable = true;  ///< whether any of them may be trained
};

/// The norm over parameters that lie on several devices, from each device's own: one number per
/// device crosses (spec I-5). Added up in the order given, so the result does not depend on which
/// device was ready first.
[[nodiscard]] inline GradientNorm combined(std::span<const GradientNorm> of_devices) noexcept {
    GradientNorm whole;
    double total = 0.0;
    whole.trainable = of_devices.empty();
    for (const GradientNorm& device : of_devices) {
        total += device.norm * device.norm;
        whole.parameters += device.parameters;
        whole.measured = whole.measured || device.measured;
        whole.trainable = whole.trainable || device.trainable;
    }
    whole.norm = std::sqrt(total);
    return whole;
}

/// I-4: (seed / host) * sqrt(host parameters / seed parameters), clamped. Absent when no
/// gradient was there to measure; not a number, which passes no gate (G-7), where a norm is not
/// finite.
[[nodiscard]] inline std::optional<double> gradient_ratio(const GradientNorm& host,
                                                          const GradientNorm& seed) noexcept {
    if (seed.parameters == 0) return 0.0;
    if (!host.measured && !seed.measured) return std::nullopt;
    if (!is_finite(host.norm) || !is_finite(seed.norm)) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    if (host.norm < minimum_host_gradient_norm) return 0.0;
    const double scale =
        std::sqrt(static_cast<double>(host.parameters) / static_cast<double>(seed.parameters));
    return std::min(seed.norm / host.norm * scale, maximum_gradient_ratio);
}

}  // namespace kasmina
