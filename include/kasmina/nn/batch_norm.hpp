// BatchNorm2d: normalisation per channel over the batch, with running statistics.
#pragma once

#include <kasmina/autodiff/ops/batch_norm.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/autodiff/state.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/nn/initialise.hpp>
#include <kasmina/nn/visit.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::nn {

/// Batch normalisation of (batch, height, width, channels), fused with what the epilogue says.
/// A pass in training uses the batch's statistics and moves the running ones, so one thread at a
/// time may run it; in any other mode the running ones are used and nothing changes, so several
/// threads may.
template <BatchNormBackend B>
struct BatchNorm2d : Visitable<BatchNorm2d<B>> {
    Parameter<B> weight;
    Parameter<B> bias;
    State<B> running_mean;      ///< starts at 0
    State<B> running_variance;  ///< starts at 1

    /// Errors: OptionError below one channel.
    KASMINA_RARE BatchNorm2d(typename B::Context& context, Index channels)
        : weight(constant_parameter<B>(
              context, {checked_size("nn::BatchNorm2d", "channels", channels)}, 1.0)),
          bias(constant_parameter<B>(context, {channels}, 0.0)),
          running_mean(Tensor<B>::full(context, {channels}, 0)),
          running_variance(Tensor<B>::full(context, {channels}, 1)) {}

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input,
                                      NormEpilogue epilogue = {}) const {
        return ops::batch_norm(pass, input, pass.parameter(weight), pass.parameter(bias),
                               running_mean.value(), running_variance.value(), epilogue);
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(Member{"weight", &BatchNorm2d::weight},
                           Member{"bias", &BatchNorm2d::bias},
                           Member{"running_mean", &BatchNorm2d::running_mean},
                           Member{"running_var", &BatchNorm2d::running_variance});
    }
};

}  // namespace kasmina::nn
