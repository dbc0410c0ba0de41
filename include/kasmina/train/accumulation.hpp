// Accumulation: the gradients of several batches as those of one step of the optimiser.
#pragma once

#include <cstddef>

#include <kasmina/autodiff/ops/pointwise.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/pointwise.hpp>
#include <kasmina/code_size.hpp>

namespace kasmina::train {

namespace detail {

/// x times a factor, which has no gradient.
struct ScaledBy {
    double factor = 1.0;

    template <class V>
    constexpr V operator()(const V& x) const {
        return x * factor;
    }
};

}  // namespace detail

/// The way back of a batch's share of a step's mean loss.
struct ShareOfLoss {
    int batches = 1;  ///< of a step

    template <class B>
    void operator()(Tape<B>& tape, const Variable<B>& loss) const {
        if (batches == 1) {
            tape.backward(loss);
        } else {
            tape.backward(ops::pointwise(detail::ScaledBy{1.0 / batches}, loss));
        }
    }
};

/// Multiplies all gradients that an optimiser would step on.
template <class Optimiser>
KASMINA_RARE void scale_gradients(typename Optimiser::Context& context, const Optimiser& optimiser,
                                  double factor) {
    using B = typename Optimiser::Backend;
    for (std::size_t group = 0; group < optimiser.groups(); ++group) {
        for (const auto& tracked : optimiser.tracked(group)) {
            const auto parameter = tracked.parameter.lock();
            if (parameter == nullptr || !parameter->has_gradient) continue;
            const GradientSlice<typename B::Scalar> gradient = parameter->gradient.numbers();
            if (gradient.size == 0) continue;
            const Map<typename B::Scalar, 1> map{.geometry = {.channels = gradient.size},
                                                 .operands = {{{.data = gradient.data}}},
                                                 .out = gradient.data};
            B::map(context, detail::ScaledBy{factor}, map);
        }
    }
}

}  // namespace kasmina::train
