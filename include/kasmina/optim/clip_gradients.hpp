// Gradient clipping by the global norm.
#pragma once

#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/optim/check_rate.hpp>
#include <kasmina/tensor/backend.hpp>

namespace kasmina::optim {

/// Clips the gradients of a fixed set of parameters; keeps its scratch between steps.
template <class B>
    requires MultiTensorBackend<B>
class GradientClipper {
public:
    /// Errors: OptionError unless `max_norm` is positive.
    explicit GradientClipper(double max_norm) : max_norm_(max_norm) {
        detail::check_range("GradientClipper", "max_norm", max_norm,
                            std::numeric_limits<double>::min(),
                            std::numeric_limits<double>::infinity());
    }

    /// Scales all gradients by max_norm / (norm + 1e-6) when their global L2 norm is above
    /// max_norm, as torch.nn.utils.clip_grad_norm_ does, and returns the norm before clipping.
    /// A norm that is not finite is returned and the gradients are left as they are: scaling
    /// cannot mend them.
    double clip(typename B::Context& context, std::span<const Parameter<B>* const> parameters) {
        slices_.clear();
        for (const Parameter<B>* parameter : parameters) {
            if (!parameter->has_gradient() || !parameter->trainable()) continue;
            slices_.push_back({parameter->gradient().data(), parameter->size()});
        }
        norms_.resize(slices_.size());
        B::squared_norms(context, slices_, norms_);
        double total = 0.0;
        for (const double squared : norms_) total += squared;
        const double norm = std::sqrt(total);
        const double factor = max_norm_ / (norm + 1e-6);
        if (std::isfinite(norm) && factor < 1.0) {
            for (const Parameter<B>* parameter : parameters) {
                if (!parameter->has_gradient() || !parameter->trainable()) continue;
                B::scale(context, static_cast<typename B::Scalar>(factor),
                         parameter->state()->gradient.data(), parameter->size());
            }
        }
        return norm;
    }

private:
    double max_norm_;
    std::vector<TensorSlice<typename B::Scalar>> slices_;
    std::vector<double> norms_;
};

}  // namespace kasmina::optim
