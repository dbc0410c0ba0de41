// Gradient clipping by the global norm, without waiting for the norm.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/backend/multi_tensor.hpp>
#include <kasmina/check_option.hpp>
#include <kasmina/tensor/pending.hpp>

namespace kasmina::optim {

/// Clips the gradients of a set of parameters; keeps its scratch between steps.
template <class B>
    requires MultiTensorBackend<B>
class GradientClipper {
public:
    /// Errors: OptionError unless `max_norm` is positive.
    explicit GradientClipper(double max_norm) : max_norm_(max_norm) {
        check_option("GradientClipper", "max_norm", max_norm, OptionRange::above(0.0));
    }

    /// Scales all gradients by max_norm / (norm + 1e-6) when their global L2 norm is above
    /// max_norm, as torch.nn.utils.clip_grad_norm_ does, and gives the norm before clipping. A
    /// norm that is not finite is given and the gradients are left as they are: scaling cannot
    /// mend them. Frozen parameters and those without a gradient stay out of it. All of it happens
    /// behind the work that the context has been given so far; waits for nothing.
    Pending<B, double> clip(typename B::Context& context,
                            std::span<const Parameter<B>* const> parameters) {
        gradients_.clear();
        for (const Parameter<B>* parameter : parameters) add(*parameter->state());
        return clip(context);
    }

    /// The same for what an optimiser steps and `counts` says yes to.
    template <class Optimiser, class Counts>
    Pending<B, double> clip(typename B::Context& context, const Optimiser& optimiser,
                            Counts counts) {
        gather(optimiser, counts);
        return clip(context);
    }

    /// The same, for those who do not ask for the norm.
    template <class Optimiser, class Counts>
    void clip_unread(typename B::Context& context, const Optimiser& optimiser, Counts counts) {
        gather(optimiser, counts);
        static_cast<void>(scale(context));
    }

private:
    template <class Optimiser, class Counts>
    void gather(const Optimiser& optimiser, Counts& counts) {
        gradients_.clear();
        for (std::size_t group = 0; group < optimiser.groups(); ++group) {
            for (const auto& tracked : optimiser.tracked(group)) {
                if (!counts(tracked)) continue;
                if (const auto parameter = tracked.parameter.lock()) add(*parameter);
            }
        }
    }

    void add(ParameterState<B>& parameter) {
        if (!parameter.has_gradient || !parameter.trainable) return;
        gradients_.push_back(parameter.gradient.numbers());
    }

    Pending<B, double> clip(typename B::Context& context) {
        const auto norm = scale(context);
        return {context, norm.data(), 1};
    }

    /// Returns where the norm is.
    [[nodiscard]] auto scale(typename B::Context& context) {
        auto norm = B::template acquire<double>(context, 1);
        B::clip_by_norm(context,
                        ClipByNorm<typename B::Scalar>{
                            .gradients = gradients_, .max_norm = max_norm_, .norm = norm.data()});
        return norm;
    }

    double max_norm_;
    std::vector<GradientSlice<typename B::Scalar>> gradients_;
};

}  // namespace kasmina::optim
