// AdamW (Loshchilov and Hutter 2019), equal to torch.optim.AdamW step for step.
#pragma once

#include <cmath>
#include <span>
#include <string_view>

#include <kasmina/check_option.hpp>
#include <kasmina/optim/decayed.hpp>
#include <kasmina/optim/optimiser.hpp>
#include <kasmina/reflect/check_enumerator.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina::optim {

/// As they were in schema 1, where decay acted on all parameters.
struct AdamWOptionsBefore2 {
    double learning_rate = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 1e-2;

    using Fields = reflect::List<&AdamWOptionsBefore2::learning_rate, &AdamWOptionsBefore2::beta1,
                                 &AdamWOptionsBefore2::beta2, &AdamWOptionsBefore2::epsilon,
                                 &AdamWOptionsBefore2::weight_decay>;
    static constexpr int schema = 1;
};

struct AdamWOptions {
    double learning_rate = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 1e-2;  ///< decoupled: scales the weights by 1 - learning_rate * decay
    Decayed decayed = Decayed::all;

    using Fields =
        reflect::List<&AdamWOptions::learning_rate, &AdamWOptions::beta1, &AdamWOptions::beta2,
                      &AdamWOptions::epsilon, &AdamWOptions::weight_decay, &AdamWOptions::decayed>;

    /// Of its form in a checkpoint. 1: rates. 2: which parameters decay.
    static constexpr int schema = 2;
    using Before = AdamWOptionsBefore2;
    [[nodiscard]] static AdamWOptions migrated(Before&& before) {
        return {.learning_rate = before.learning_rate,
                .beta1 = before.beta1,
                .beta2 = before.beta2,
                .epsilon = before.epsilon,
                .weight_decay = before.weight_decay};
    }
};

struct AdamWRule {
    using Options = AdamWOptions;

    static constexpr std::string_view name = "adamw";

    /// Errors: OptionError for rates out of range, and for no value of Decayed.
    static void check(const Options& options) {
        check_option("AdamW", "learning_rate", options.learning_rate, OptionRange::at_least(0.0));
        check_option("AdamW", "beta1", options.beta1, OptionRange::at_least(0.0).below(1.0));
        check_option("AdamW", "beta2", options.beta2, OptionRange::at_least(0.0).below(1.0));
        check_option("AdamW", "epsilon", options.epsilon, OptionRange::at_least(0.0));
        check_option("AdamW", "weight_decay", options.weight_decay, OptionRange::at_least(0.0));
        reflect::check_enumerator(options.decayed, "decayed", "AdamW");
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
