// Conv2d and DepthwiseConv2d: convolution layers, stride 1, "same" padding, no bias.
#pragma once

#include <tuple>

#include <kasmina/autodiff/ops/conv2d.hpp>
#include <kasmina/autodiff/ops/depthwise_conv2d.hpp>
#include <kasmina/nn/initialise.hpp>
#include <kasmina/nn/visit.hpp>

namespace kasmina::nn {

/// (batch, height, width, in) -> (batch, height, width, out); weight (out, in, kernel, kernel).
template <ConvolutionBackend B>
struct Conv2d : Visitable<Conv2d<B>> {
    Parameter<B> weight;

    /// Zero until initialised. Errors: ShapeError for negative sizes.
    Conv2d(Index inputs, Index outputs, Index kernel)
        : weight(constant_parameter<B>({outputs, inputs, kernel, kernel})) {}

    Conv2d(Index inputs, Index outputs, Index kernel, Generator& generator)
        : Conv2d(inputs, outputs, kernel) {
        initialise(generator);
    }

    void initialise(Generator& generator) {
        fill_uniform(weight, fan_in(weight.shape()), generator);
    }

    [[nodiscard]] Variable<B> forward(Tape<B>& tape, const Variable<B>& input) const {
        return ops::conv2d(input, tape.parameter(weight));
    }

    [[nodiscard]] static constexpr auto members() {
        return std::tuple(Member{"weight", &Conv2d::weight});
    }
};

/// One kernel per channel: weight (channels, 1, kernel, kernel).
template <DepthwiseConvolutionBackend B>
struct DepthwiseConv2d : Visitable<DepthwiseConv2d<B>> {
    Parameter<B> weight;

    /// Zero until initialised.
    DepthwiseConv2d(Index channels, Index kernel)
        : weight(constant_parameter<B>({channels, 1, kernel, kernel})) {}

    DepthwiseConv2d(Index channels, Index kernel, Generator& generator)
        : DepthwiseConv2d(channels, kernel) {
        initialise(generator);
    }

    void initialise(Generator& generator) {
        fill_uniform(weight, fan_in(weight.shape()), generator);
    }

    [[nodiscard]] Variable<B> forward(Tape<B>& tape, const Variable<B>& input) const {
        return ops::depthwise_conv2d(input, tape.parameter(weight));
    }

    [[nodiscard]] static constexpr auto members() {
        return std::tuple(Member{"weight", &DepthwiseConv2d::weight});
    }
};

}  // namespace kasmina::nn
