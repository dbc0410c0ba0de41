// batch_norm: normalisation per channel over a batch, fused with ReLU and 2x2 max-pooling.
#pragma once

#include <utility>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/tensor/backend.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::ops {

/// `momentum` is the weight of the new batch in the running statistics, as in PyTorch.
struct BatchNormOptions {
    double epsilon = 1e-5;
    double momentum = 0.1;
};

namespace detail {

template <BatchNormBackend B>
struct BatchNormOperation {
    Variable<B> input;
    Variable<B> scale;
    Variable<B> shift;
    MapShape shape;
    NormEpilogue epilogue;
    bool batch_statistics;
    const typename B::Scalar* mean;
    typename B::Buffer own_mean;  // empty where the mean is the running one
    typename B::Buffer inverse_deviation;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        const auto grad_input = tape.gradient_target(input);
        const auto grad_scale = tape.gradient_target(scale);
        const auto grad_shift = tape.gradient_target(shift);
        B::batch_norm_pullback(tape.context(), shape, epilogue, batch_statistics, input.data(),
                               mean, inverse_deviation.data(), scale.data(), shift.data(),
                               upstream.data(), grad_input, grad_scale, grad_shift);
    }
};

template <BatchNormBackend B>
[[nodiscard]] Variable<B> finish_batch_norm(BatchNormOperation<B> operation) {
    const MapShape& map = operation.shape;
    const Index pooled = operation.epilogue.max_pool ? 2 : 1;
    const Shape result{map.batch, map.height / pooled, map.width / pooled, map.channels};
    const Variable<B> input = operation.input;
    Tape<B>& tape = input.tape();
    auto output = tape.acquire(result.elements());
    B::batch_norm(tape.context(), map, operation.epilogue, input.data(), operation.mean,
                  operation.inverse_deviation.data(), operation.scale.data(),
                  operation.shift.data(), output.data());
    return tape.record(result, std::move(output), {input, operation.scale, operation.shift},
                       std::move(operation));
}

inline MapShape batch_norm_shape(const Shape& input, const Shape& scale, const Shape& shift,
                                 const Shape& running_mean, const Shape& running_variance,
                                 NormEpilogue epilogue) {
    const MapShape map = map_shape("batch_norm", input);
    const Shape per_channel{map.channels};
    require_shape("batch_norm", "scale", per_channel, scale);
    require_shape("batch_norm", "shift", per_channel, shift);
    require_shape("batch_norm", "running mean", per_channel, running_mean);
    require_shape("batch_norm", "running variance", per_channel, running_variance);
    require(!epilogue.max_pool || (map.height >= 2 && map.width >= 2), "batch_norm",
            "a map of 2x2 or more before a pool", input, "pool fewer times");
    return map;
}

}  // namespace detail

/// Training: normalises `input` (batch, height, width, channels) with the batch's own statistics
/// and moves the running ones, which are given apart because they are state and no variables.
/// Errors: ShapeError, also where a channel has a single value (its variance says nothing).
template <BatchNormBackend B>
[[nodiscard]] Variable<B> batch_norm_training(const Variable<B>& input, const Variable<B>& scale,
                                              const Variable<B>& shift, Tensor<B>& running_mean,
                                              Tensor<B>& running_variance,
                                              NormEpilogue epilogue = {},
                                              const BatchNormOptions& options = {}) {
    const MapShape map =
        detail::batch_norm_shape(input.shape(), scale.shape(), shift.shape(), running_mean.shape(),
                                 running_variance.shape(), epilogue);
    detail::require(map.batch * map.height * map.width > 1, "batch_norm",
                    "more than one value per channel in training", input.shape(),
                    "use a larger batch, or evaluation mode");
    Tape<B>& tape = input.tape();
    auto mean = tape.acquire(map.channels);
    auto inverse_deviation = tape.acquire(map.channels);
    B::batch_norm_statistics(tape.context(), map, options.epsilon, options.momentum, input.data(),
                             mean.data(), inverse_deviation.data(), running_mean.data(),
                             running_variance.data());
    const typename B::Scalar* at = mean.data();
    return detail::finish_batch_norm(
        detail::BatchNormOperation<B>{input, scale, shift, map, epilogue, true, at, std::move(mean),
                                      std::move(inverse_deviation)});
}

/// Evaluation: normalises with the running statistics, which are read in place and stay as they
/// are (H-6). Errors: ShapeError.
template <BatchNormBackend B>
[[nodiscard]] Variable<B> batch_norm_evaluation(const Variable<B>& input, const Variable<B>& scale,
                                                const Variable<B>& shift,
                                                const Tensor<B>& running_mean,
                                                const Tensor<B>& running_variance,
                                                NormEpilogue epilogue = {},
                                                const BatchNormOptions& options = {}) {
    const MapShape map =
        detail::batch_norm_shape(input.shape(), scale.shape(), shift.shape(), running_mean.shape(),
                                 running_variance.shape(), epilogue);
    Tape<B>& tape = input.tape();
    auto inverse_deviation = tape.acquire(map.channels);
    B::inverse_deviation(tape.context(), map.channels, options.epsilon, running_variance.data(),
                         inverse_deviation.data());
    return detail::finish_batch_norm(detail::BatchNormOperation<B>{
        input, scale, shift, map, epilogue, false, running_mean.data(), typename B::Buffer{},
        std::move(inverse_deviation)});
}

}  // namespace kasmina::ops
