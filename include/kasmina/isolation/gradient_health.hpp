// Gradient health: how strongly a seed learns next to its host, and whether its tensors are sane.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/tensor/backend.hpp>

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

    friend constexpr bool operator==(const ParameterHealth&,
                                     const ParameterHealth&) noexcept = default;
};

/// I-7 from the L2 norm of each parameter tensor's gradient; a seed without tensors is healthy.
[[nodiscard]] inline ParameterHealth parameter_health(std::span<const double> norms) noexcept {
    if (norms.empty()) return {};
    double vanishing = 0.0;
    double exploding = 0.0;
    for (const double norm : norms) {
        if (!std::isfinite(norm) || norm > 10.0) {
            exploding += 1.0;
        } else if (norm < 1e-7) {
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
};

/// I-4: (seed / host) * sqrt(host parameters / seed parameters), clamped. Absent when no
/// gradient was there to measure; a norm that is not finite reads as the maximum only where the
/// seed's is, and as absent where the host's is.
[[nodiscard]] inline std::optional<double> gradient_ratio(const GradientNorm& host,
                                                          const GradientNorm& seed) noexcept {
    if (seed.parameters == 0) return 0.0;
    if (!host.measured && !seed.measured) return std::nullopt;
    if (!std::isfinite(host.norm)) return std::nullopt;
    if (host.norm < minimum_host_gradient_norm) return 0.0;
    if (!std::isfinite(seed.norm)) return maximum_gradient_ratio;
    const double scale =
        std::sqrt(static_cast<double>(host.parameters) / static_cast<double>(seed.parameters));
    return std::min(seed.norm / host.norm * scale, maximum_gradient_ratio);
}

/// Measures gradients of a set of parameters in one multi-tensor reduction, in a fixed order.
/// Keeps its scratch between measurements.
template <class B>
    requires MultiTensorBackend<B>
class GradientProbe {
public:
    /// The norm over all of `parameters` that hold a gradient. `tensor_norms()` then has one
    /// norm for each of these.
    GradientNorm measure(typename B::Context& context,
                         std::span<const Parameter<B>* const> parameters) {
        GradientNorm result;
        slices_.clear();
        for (const Parameter<B>* parameter : parameters) {
            result.parameters += parameter->size();
            if (!parameter->has_gradient()) continue;
            slices_.push_back({parameter->gradient().data(), parameter->size()});
        }
        norms_.resize(slices_.size());
        result.measured = !slices_.empty();
        if (!result.measured) return result;
        B::squared_norms(context, slices_, norms_);
        double total = 0.0;
        for (double& norm : norms_) {
            total += norm;
            norm = std::sqrt(norm);
        }
        result.norm = std::sqrt(total);
        return result;
    }

    [[nodiscard]] std::span<const double> tensor_norms() const noexcept { return norms_; }

private:
    std::vector<TensorSlice<typename B::Scalar>> slices_;
    std::vector<double> norms_;
};

}  // namespace kasmina
