// AdamW (Loshchilov and Hutter 2019), equal to torch.optim.AdamW step for step.
#pragma once

#include <cmath>
#include <span>
#include <string_view>

#include <kasmina/check_option.hpp>
#include <kasmina/optim/optimiser.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina::optim {

struct AdamWOptions {
    double learning_rate = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 1e-2;  ///< decoupled: scales the weights by 1 - learning_rate * decay

    using Fields =
        reflect::List<&AdamWOptions::learning_rate, &AdamWOptions::beta1, &AdamWOptions::beta2,
                      &AdamWOptions::epsilon, &AdamWOptions::weight_decay>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;
};

struct AdamWRule {
    using Options = AdamWOptions;

    static constexpr std::string_view name = "adamw";

    /// Errors: OptionError for rates out of range.
    static void check(const Options& options) {
        check_option("AdamW", "learning_rate", options.learning_rate, OptionRange::at_least(0.0));
        check_option("AdamW", "beta1", options.beta1, OptionRange::at_least(0.0).below(1.0));
        check_option("AdamW", "beta2", options.beta2, OptionRange::at_least(0.0).below(1.0));
        check_option("AdamW", "epsilon", options.epsilon, OptionRange::at_least(0.0));
        check_option("AdamW", "weight_decay", options.weight_decay, OptionRange::at_least(0.0));
    }

    static int state_tensors(const Options&) { return 2; }

    template <class B>
    static void step(typename B::Context& context, const Options& options, std::int64_t step,
                     std::span<const OptimiserSlice<typename B::Scalar>> slices) {
        const double count = static_cast<double>(step);
        B::adamw_step(context, AdamWStep<typename B::Scalar>{
                                   .learning_rate = options.learning_rate,
                                   .beta1 = options.beta1,
                                   .beta2 = options.beta2,
                                   .epsilon = options.epsilon,
                                   .weight_decay = options.weight_decay,
                                   .bias_correction1 = 1.0 - std::pow(options.beta1, count),
                                   .bias_correction2 = 1.0 - std::pow(options.beta2, count),
                                   .parameters = slices});
    }
};

template <class B>
using AdamW = Optimiser<B, AdamWRule>;

}  // namespace kasmina::optim
