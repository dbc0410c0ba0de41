// SGD with momentum, Nesterov and weight decay, equal to torch.optim.SGD step for step.
#pragma once

#include <span>
#include <string_view>

#include <kasmina/check_option.hpp>
#include <kasmina/optim/optimiser.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina::optim {

struct SgdOptions {
    double learning_rate = 0.1;
    double momentum = 0.0;
    double weight_decay = 0.0;  ///< L2 penalty, added to the gradient
    bool nesterov = false;      ///< needs momentum above 0

    using Fields = reflect::List<&SgdOptions::learning_rate, &SgdOptions::momentum,
                                 &SgdOptions::weight_decay, &SgdOptions::nesterov>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;
};

struct SgdRule {
    using Options = SgdOptions;

    static constexpr std::string_view name = "sgd";

    /// Errors: OptionError for rates out of range, and for Nesterov without momentum.
    static void check(const Options& options) {
        check_option("Sgd", "learning_rate", options.learning_rate, OptionRange::at_least(0.0));
        check_option("Sgd", "momentum", options.momentum, OptionRange::at_least(0.0).below(1.0));
        check_option("Sgd", "weight_decay", options.weight_decay, OptionRange::at_least(0.0));
        if (options.nesterov && options.momentum == 0.0) {
            throw OptionError("Nesterov needs momentum", "Sgd", "momentum above 0", "momentum 0",
                              "set momentum, or leave nesterov off");
        }
    }

    /// Without momentum and decay, what has no gradient stays.
    static bool takes_rows(const Options& options) noexcept {
        return options.momentum == 0.0 && options.weight_decay == 0.0;
    }

    static int state_tensors(const Options& options) { return options.momentum > 0.0 ? 1 : 0; }

    template <class B>
    static void step(typename B::Context& context, const Options& options, std::int64_t step,
                     std::span<const OptimiserSlice<typename B::Scalar>> slices) {
        B::sgd_step(context, SgdStep<typename B::Scalar>{.learning_rate = options.learning_rate,
                                                         .momentum = options.momentum,
                                                         .weight_decay = options.weight_decay,
                                                         .nesterov = options.nesterov,
                                                         .first_step = step == 1,
                                                         .parameters = slices});
    }

    template <RowGradientBackend B>
    static void step_rows(typename B::Context& context, const Options& options,
                          const GradientRows<typename B::Scalar>& rows, typename B::Scalar* value) {
        B::sgd_row_step(
            context, SgdRowStep<typename B::Scalar>{
                         .learning_rate = options.learning_rate, .gradient = rows, .value = value});
    }
};

template <class B>
using Sgd = Optimiser<B, SgdRule>;

}  // namespace kasmina::optim
