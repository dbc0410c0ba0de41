// Dropout: a share of the values at 0 in training, at random.
#pragma once

#include <kasmina/autodiff/ops/dropout.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/check_option.hpp>
#include <kasmina/nn/visit.hpp>

namespace kasmina::nn {

/// In a pass that trains each value is 0 with probability `rate` and otherwise divided by 1 - rate
/// (Srivastava et al., "Dropout", 2014); in evaluation the values are as they are. The random
/// numbers are the pass's.
template <class B>
struct Dropout : Visitable<Dropout<B>> {
    double rate;

    /// Errors: OptionError for a rate outside [0, 1).
    explicit Dropout(double share) : rate(share) {
        check_option("nn::Dropout", "rate", share, OptionRange::at_least(0.0).below(1.0),
                     "pass the share of values to drop");
    }

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
        return ops::dropout(pass, input, rate);
    }

    [[nodiscard]] static constexpr auto members() { return nn::members(); }
};

}  // namespace kasmina::nn
