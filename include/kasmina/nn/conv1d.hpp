// Conv1d: a convolution layer over sequences.
#pragma once

#include <optional>

#include <kasmina/autodiff/ops/conv1d.hpp>
#include <kasmina/nn/conv2d.hpp>

namespace kasmina::nn {

/// (batch, length, in) -> (batch, out length, out); weight (out, in / groups, kernel), bias (out)
/// where present. Without options a sequence keeps its length.
template <class B>
    requires ConvolutionBackend<B> && PointwiseBackend<B>
struct Conv1d : Visitable<Conv1d<B>> {
    using Context = typename B::Context;

    Parameter<B> weight;
    std::optional<Parameter<B>> bias;
    ops::Conv1dOptions options;

    /// Zero until initialised. Errors: as those of Conv2d.
    KASMINA_RARE Conv1d(Context& context, Index inputs, Index outputs, Index kernel,
                        const ops::Conv1dOptions& with = {}, Bias wanted = Bias::absent)
        : weight(constant_parameter<B>(context, weight_shape(inputs, outputs, kernel, with))),
          bias(detail::zero_bias<B>(context, "nn::Conv1d", wanted, outputs)),
          options(with) {}

    KASMINA_RARE Conv1d(Context& context, Index inputs, Index outputs, Index kernel,
                        Generator& generator, const ops::Conv1dOptions& with = {},
                        Bias wanted = Bias::absent)
        : Conv1d(context, inputs, outputs, kernel, with, wanted) {
        initialise(context, generator);
    }

    KASMINA_RARE void initialise(Context& context, Generator& generator) {
        detail::initialise_convolution(context, weight, bias, generator);
    }

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
        return ops::conv1d(input, pass.parameter(weight), options, detail::in_pass(pass, bias));
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(Member{"weight", &Conv1d::weight}, Member{"bias", &Conv1d::bias});
    }

private:
    [[nodiscard]] static Shape weight_shape(Index inputs, Index outputs, Index kernel,
                                            const ops::Conv1dOptions& options) {
        const Shape of_row = detail::checked_conv_weight("nn::Conv1d", inputs, outputs, {1, kernel},
                                                         options.of_row());
        return {of_row[0], of_row[1], kernel};
    }
};

}  // namespace kasmina::nn
