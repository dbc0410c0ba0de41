// BatchNorm2d: normalisation per channel over the batch, with running statistics.
#pragma once

#include <memory>
#include <tuple>

#include <kasmina/autodiff/ops/batch_norm.hpp>
#include <kasmina/nn/initialise.hpp>
#include <kasmina/nn/mode.hpp>
#include <kasmina/nn/visit.hpp>

namespace kasmina::nn {

/// Batch normalisation of (batch, height, width, channels), fused with what the epilogue says.
/// A forward pass in training moves the running statistics, so one thread at a time may train;
/// evaluation changes nothing and may run from several.
template <BatchNormBackend B>
struct BatchNorm2d : Visitable<BatchNorm2d<B>> {
    Parameter<B> weight;
    Parameter<B> bias;
    std::unique_ptr<Tensor<B>> running_mean;      ///< starts at 0
    std::unique_ptr<Tensor<B>> running_variance;  ///< starts at 1

    explicit BatchNorm2d(Index channels)
        : weight(constant_parameter<B>({channels}, 1.0)),
          bias(constant_parameter<B>({channels}, 0.0)),
          running_mean(std::make_unique<Tensor<B>>(Tensor<B>::full({channels}, 0))),
          running_variance(std::make_unique<Tensor<B>>(Tensor<B>::full({channels}, 1))) {}

    [[nodiscard]] Variable<B> forward(Tape<B>& tape, const Variable<B>& input, Mode mode,
                                      NormEpilogue epilogue = {}) const {
        const Variable<B> scale = tape.parameter(weight);
        const Variable<B> shift = tape.parameter(bias);
        return mode == Mode::training
                   ? ops::batch_norm_training(input, scale, shift, *running_mean, *running_variance,
                                              epilogue)
                   : ops::batch_norm_evaluation(input, scale, shift, *running_mean,
                                                *running_variance, epilogue);
    }

    [[nodiscard]] static constexpr auto members() {
        return std::tuple(Member{"weight", &BatchNorm2d::weight},
                          Member{"bias", &BatchNorm2d::bias},
                          Member{"running_mean", &BatchNorm2d::running_mean},
                          Member{"running_var", &BatchNorm2d::running_variance});
    }
};

}  // namespace kasmina::nn
