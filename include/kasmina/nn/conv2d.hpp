// Conv2d and DepthwiseConv2d: convolution layers over feature maps.
#pragma once

#include <optional>

#include <kasmina/autodiff/ops/conv2d.hpp>
#include <kasmina/autodiff/ops/depthwise_conv2d.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/nn/bias.hpp>
#include <kasmina/nn/initialise.hpp>
#include <kasmina/nn/visit.hpp>
#include <kasmina/reflect/check_enumerator.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::nn {
namespace detail {

/// The shape of a convolution's weight. Errors: OptionError for sizes and options out of range, and
/// for groups that do not divide the channels.
KASMINA_RARE inline Shape checked_conv_weight(const char* layer, Index inputs, Index outputs,
                                              const ops::HeightWidth& kernel,
                                              const ops::ConvOptions& options) {
    checked_size(layer, "outputs", outputs);
    checked_size(layer, "inputs", inputs);
    ops::check_sizes(layer, "kernel", kernel, 1);
    ops::detail::check_conv_options(layer, options);
    ops::detail::check_groups(layer, inputs, outputs, options.groups);
    return {outputs, inputs / options.groups, kernel.height, kernel.width};
}

/// A bias of zeros where one is wanted. Errors: OptionError for one that is neither there nor not.
template <class B>
[[nodiscard]] KASMINA_RARE std::optional<Parameter<B>> zero_bias(typename B::Context& context,
                                                                 const char* layer, Bias wanted,
                                                                 Index outputs) {
    reflect::check_enumerator(wanted, "bias", layer);
    if (wanted == Bias::absent) return std::nullopt;
    return constant_parameter<B>(context, {outputs});
}

/// PyTorch's default: both within one over the root of the weight's fan in.
template <class B>
KASMINA_RARE void initialise_convolution(typename B::Context& context, Parameter<B>& weight,
                                         std::optional<Parameter<B>>& bias, Generator& generator) {
    const Index fan = fan_in(weight.shape());
    fill_uniform(context, weight, fan, generator);
    if (bias) fill_uniform(context, *bias, fan, generator);
}

template <class B>
[[nodiscard]] std::optional<Variable<B>> in_pass(Pass<B>& pass,
                                                 const std::optional<Parameter<B>>& parameter) {
    if (!parameter) return std::nullopt;
    return pass.parameter(*parameter);
}

}  // namespace detail

/// (batch, height, width, in) -> (batch, out height, out width, out); weight (out, in / groups,
/// kernel height, kernel width), bias (out) where present. Without options the map keeps its size.
template <class B>
    requires ConvolutionBackend<B> && PointwiseBackend<B>
struct Conv2d : Visitable<Conv2d<B>> {
    using Context = typename B::Context;

    Parameter<B> weight;
    std::optional<Parameter<B>> bias;
    ops::ConvOptions options;

    /// Zero until initialised. Errors: OptionError for sizes and options out of range, groups that
    /// do not divide the channels, padding `same` with a stride, and a bias that is neither there
    /// nor not.
    KASMINA_RARE Conv2d(Context& context, Index inputs, Index outputs,
                        const ops::HeightWidth& kernel, const ops::ConvOptions& with = {},
                        Bias wanted = Bias::absent)
        : weight(constant_parameter<B>(
              context, detail::checked_conv_weight("nn::Conv2d", inputs, outputs, kernel, with))),
          bias(detail::zero_bias<B>(context, "nn::Conv2d", wanted, outputs)),
          options(with) {}

    KASMINA_RARE Conv2d(Context& context, Index inputs, Index outputs,
                        const ops::HeightWidth& kernel, Generator& generator,
                        const ops::ConvOptions& with = {}, Bias wanted = Bias::absent)
        : Conv2d(context, inputs, outputs, kernel, with, wanted) {
        initialise(context, generator);
    }

    KASMINA_RARE void initialise(Context& context, Generator& generator) {
        detail::initialise_convolution(context, weight, bias, generator);
    }

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
        return ops::conv2d(input, pass.parameter(weight), options, detail::in_pass(pass, bias));
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(Member{"weight", &Conv2d::weight}, Member{"bias", &Conv2d::bias});
    }
};

/// One kernel per channel, which keeps the map's size: weight (channels, 1, kernel, kernel). With a
/// stride, use Conv2d with as many groups as channels.
template <DepthwiseConvolutionBackend B>
struct DepthwiseConv2d : Visitable<DepthwiseConv2d<B>> {
    using Context = typename B::Context;

    Parameter<B> weight;

    /// Zero until initialised. Errors: OptionError for sizes below 1.
    KASMINA_RARE DepthwiseConv2d(Context& context, Index channels, Index kernel)
        : weight(constant_parameter<B>(
              context, {checked_size("nn::DepthwiseConv2d", "channels", channels), 1,
                        checked_size("nn::DepthwiseConv2d", "kernel", kernel), kernel})) {}

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
