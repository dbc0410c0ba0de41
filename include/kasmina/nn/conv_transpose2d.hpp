// ConvTranspose2d: a layer that makes feature maps larger, by the transpose of a convolution.
#pragma once

#include <optional>

#include <kasmina/autodiff/ops/conv_transpose2d.hpp>
#include <kasmina/nn/conv2d.hpp>

namespace kasmina::nn {

/// (batch, height, width, in) -> (batch, out height, out width, out); weight (in, out / groups,
/// kernel height, kernel width), bias (out) where present.
template <class B>
    requires ConvolutionBackend<B> && PointwiseBackend<B>
struct ConvTranspose2d : Visitable<ConvTranspose2d<B>> {
    using Context = typename B::Context;

    Parameter<B> weight;
    std::optional<Parameter<B>> bias;
    ops::ConvTransposeOptions options;

    /// Zero until initialised. Errors: OptionError for sizes and options out of range, groups that
    /// do not divide the channels, and a bias that is neither there nor not.
    KASMINA_RARE ConvTranspose2d(Context& context, Index inputs, Index outputs,
                                 const ops::HeightWidth& kernel,
                                 const ops::ConvTransposeOptions& with = {},
                                 Bias wanted = Bias::absent)
        : weight(constant_parameter<B>(context, weight_shape(inputs, outputs, kernel, with))),
          bias(detail::zero_bias<B>(context, name, wanted, outputs)),
          options(with) {}

    KASMINA_RARE ConvTranspose2d(Context& context, Index inputs, Index outputs,
                                 const ops::HeightWidth& kernel, Generator& generator,
                                 const ops::ConvTransposeOptions& with = {},
                                 Bias wanted = Bias::absent)
        : ConvTranspose2d(context, inputs, outputs, kernel, with, wanted) {
        initialise(context, generator);
    }

    KASMINA_RARE void initialise(Context& context, Generator& generator) {
        detail::initialise_convolution(context, weight, bias, generator);
    }

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
        return ops::conv_transpose2d(input, pass.parameter(weight), options,
                                     detail::in_pass(pass, bias));
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(Member{"weight", &ConvTranspose2d::weight},
                           Member{"bias", &ConvTranspose2d::bias});
    }

private:
    static constexpr const char* name = "nn::ConvTranspose2d";

    [[nodiscard]] static Shape weight_shape(Index inputs, Index outputs,
                                            const ops::HeightWidth& kernel,
                                            const ops::ConvTransposeOptions& options) {
        checked_size(name, "inputs", inputs);
        checked_size(name, "outputs", outputs);
        ops::check_sizes(name, "kernel", kernel, 1);
        ops::detail::check_transpose_options(name, options);
        ops::detail::check_groups(name, inputs, outputs, options.groups);
        return {inputs, outputs / options.groups, kernel.height, kernel.width};
    }
};

}  // namespace kasmina::nn
