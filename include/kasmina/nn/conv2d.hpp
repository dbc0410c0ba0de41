// Conv2d and DepthwiseConv2d: convolution layers, stride 1, "same" padding, no bias.
#pragma once

#include <kasmina/autodiff/ops/conv2d.hpp>
#include <kasmina/autodiff/ops/depthwise_conv2d.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/nn/initialise.hpp>
#include <kasmina/nn/visit.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::nn {

/// (batch, height, width, in) -> (batch, height, width, out); weight (out, in, kernel, kernel).
template <ConvolutionBackend B>
struct Conv2d : Visitable<Conv2d<B>> {
    using Context = typename B::Context;

    Parameter<B> weight;

    /// Zero until initialised. Errors: OptionError for sizes below 1 and an even kernel.
    KASMINA_RARE Conv2d(Context& context, Index inputs, Index outputs, Index kernel)
        : weight(constant_parameter<B>(context, {checked_size("nn::Conv2d", "outputs", outputs),
                                                 checked_size("nn::Conv2d", "inputs", inputs),
                                                 checked_kernel("nn::Conv2d", kernel), kernel})) {}

    KASMINA_RARE Conv2d(Context& context, Index inputs, Index outputs, Index kernel,
                        Generator& generator)
        : Conv2d(context, inputs, outputs, kernel) {
        initialise(context, generator);
    }

    KASMINA_RARE void initialise(Context& context, Generator& generator) {
        fill_uniform(context, weight, fan_in(weight.shape()), generator);
    }

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
        return ops::conv2d(input, pass.parameter(weight));
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(Member{"weight", &Conv2d::weight});
    }
};

/// One kernel per channel: weight (channels, 1, kernel, kernel).
template <DepthwiseConvolutionBackend B>
struct DepthwiseConv2d : Visitable<DepthwiseConv2d<B>> {
    using Context = typename B::Context;

    Parameter<B> weight;

    /// Zero until initialised. Errors: OptionError for sizes below 1 and an even kernel.
    KASMINA_RARE DepthwiseConv2d(Context& context, Index channels, Index kernel)
        : weight(constant_parameter<B>(
              context, {checked_size("nn::DepthwiseConv2d", "channels", channels), 1,
                        checked_kernel("nn::DepthwiseConv2d", kernel), kernel})) {}

    KASMINA_RARE DepthwiseConv2d(Context& context, Index channels, Index kernel,
                                 Generator& generator)
        : DepthwiseConv2d(context, channels, kernel) {
        initialise(context, generator);
    }

    KASMINA_RARE void initialise(Context& context, Generator& generator) {
        fill_uniform(context, weight, fan_in(weight.shape()), generator);
    }

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
        return ops::depthwise_conv2d(input, pass.parameter(weight));
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(Member{"weight", &DepthwiseConv2d::weight});
    }
};

}  // namespace kasmina::nn
