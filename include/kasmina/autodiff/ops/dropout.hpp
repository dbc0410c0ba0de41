// dropout: values set to 0 at random while a pass trains, the others scaled to keep the mean.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <kasmina/autodiff/pass.hpp>
#include <kasmina/backend/dropout.hpp>
#include <kasmina/check_option.hpp>
#include <kasmina/error.hpp>

namespace kasmina::ops {
namespace detail {

template <DropoutBackend B>
struct DropoutOperation {
    Edge<B> input;
    RandomRange range;
    double rate;
    Index elements;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        const auto target = tape.gradient_target(input);
        if (!target) return;
        B::dropout_pullback(tape.context(),
                            DropoutPullback<typename B::Scalar>{.range = range,
                                                                .rate = rate,
                                                                .count = elements,
                                                                .grad_y = upstream.data(),
                                                                .grad_x = target});
    }
};

}  // namespace detail

/// In a pass that trains: each value with probability `rate` 0, else divided by 1 - rate
/// (Srivastava et al., "Dropout", 2014); otherwise, and at rate 0, the input itself. Value i goes
/// by word i of the range that is drawn from the pass, and only that is kept for the way back.
/// Errors: OptionError for a rate outside [0, 1), or in a pass without a random stream.
template <DropoutBackend B>
[[nodiscard]] Variable<B> dropout(const Pass<B>& pass, const Variable<B>& input, double rate) {
    check_option("ops::dropout", "rate", rate, OptionRange::at_least(0.0).below(1.0),
                 "use 0.1, or 0 for none");
    if (!pass.training() || rate == 0.0) return input;
    const Shape shape = input.shape();
    const Index elements = shape.elements();
    const RandomRange range = pass.draw(static_cast<std::uint64_t>(elements));
    Tape<B>& tape = input.tape();
    auto output = tape.acquire(elements);
    B::dropout(tape.context(), Dropout<typename B::Scalar>{.range = range,
                                                           .rate = rate,
                                                           .count = elements,
                                                           .x = input.data(),
                                                           .y = output.data()});
    return tape.record(shape, std::move(output), {input},
                       detail::DropoutOperation<B>{input, range, rate, elements});
}

}  // namespace kasmina::ops
