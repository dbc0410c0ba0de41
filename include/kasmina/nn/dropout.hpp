// Dropout: a share of the values at 0 in training, at random.
#pragma once

#include <string>

#include <kasmina/autodiff/ops/dropout.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/nn/visit.hpp>
#include <kasmina/number_text.hpp>

namespace kasmina::nn {

/// In a pass that trains each value is 0 with probability `rate` and otherwise divided by 1 - rate
/// (Srivastava et al., "Dropout", 2014); in evaluation the values are as they are. The random
/// numbers are the pass's.
template <class B>
struct Dropout : Visitable<Dropout<B>> {
    double rate;

    /// Errors: OptionError for a rate outside [0, 1).
    explicit Dropout(double share) : rate(share) {
        if (is_within(share, 0.0, 1.0) && share < 1.0) return;
        throw OptionError("option rate is out of range", "nn::Dropout", "0 or more, below 1",
                          number_text(share), "pass the share of values to drop");
    }

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
        return ops::dropout(pass, input, rate);
    }

    [[nodiscard]] static constexpr auto members() { return nn::members(); }
};

}  // namespace kasmina::nn
