// batch_norm: normalisation per channel over a batch, fused with ReLU and 2x2 max-pooling.
#pragma once

#include <array>
#include <utility>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/backend/batch_norm.hpp>
#include <kasmina/check_option.hpp>
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
    using Scalar = typename B::Scalar;
    using Buffer = typename Tape<B>::Buffer;

    Variable<B> input;
    Variable<B> scale;
    Variable<B> shift;
    MapShape shape;
    NormEpilogue epilogue;
    bool batch_statistics;
    const Scalar* mean;
    Buffer own_mean;  // empty where the mean is read in place, because nothing is recorded
    Buffer inverse_deviation;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        B::batch_norm_pullback(
            tape.context(), BatchNormPullback<Scalar>{.shape = shape,
                                                      .epilogue = epilogue,
                                                      .batch_statistics = batch_statistics,
                                                      .x = input.data(),
                                                      .mean = mean,
                                                      .inverse_deviation = inverse_deviation.data(),
                                                      .scale = scale.data(),
                                                      .shift = shift.data(),
                                                      .grad_y = upstream.data(),
                                                      .grad_x = tape.gradient_target(input),
                                                      .grad_scale = tape.gradient_target(scale),
                                                      .grad_shift = tape.gradient_target(shift)});
    }
};

template <BatchNormBackend B>
[[nodiscard]] Variable<B> finish_batch_norm(BatchNormOperation<B> operation) {
    const MapShape& map = operation.shape;
    const Index pooled = operation.epilogue.max_pool ? 2 : 1;
    const Shape result{map.batch, map.height / pooled, map.width / pooled, map.channels};
    Tape<B>& tape = operation.input.tape();
    auto output = tape.acquire(result.elements());
    B::batch_norm(tape.context(), BatchNorm<typename B::Scalar>{
                                      .shape = map,
                                      .epilogue = operation.epilogue,
                                      .x = operation.input.data(),
                                      .mean = operation.mean,
                                      .inverse_deviation = operation.inverse_deviation.data(),
                                      .scale = operation.scale.data(),
                                      .shift = operation.shift.data(),
                                      .y = output.data()});
    const std::array<Edge<B>, 3> edges{operation.input, operation.scale, operation.shift};
    return tape.record(result, std::move(output), {edges[0], edges[1], edges[2]},
                       std::move(operation));
}

inline MapShape batch_norm_shape(const Shape& input, const Shape& scale, const Shape& shift,
                                 NormEpilogue epilogue) {
    const MapShape map = map_shape("batch_norm", input);
    const Shape per_channel{map.channels};
    require_shape("batch_norm", "scale", per_channel, scale);
    require_shape("batch_norm", "shift", per_channel, shift);
    require(!epilogue.max_pool || (map.height >= 2 && map.width >= 2), "batch_norm",
            "a map of 2x2 or more before a pool", input, "pool fewer times");
    return map;
}

/// With the batch's own statistics; moves the running ones where they are not null.
template <BatchNormBackend B>
[[nodiscard]] Variable<B> batch_norm_own(const Variable<B>& input, const Variable<B>& scale,
                                         const Variable<B>& shift, Tensor<B>* running_mean,
                                         Tensor<B>* running_variance, NormEpilogue epilogue,
                                         const BatchNormOptions& options) {
    const MapShape map = batch_norm_shape(input.shape(), scale.shape(), shift.shape(), epilogue);
    require(map.batch * map.height * map.width > 1, "batch_norm",
            "more than one value per channel in training", input.shape(),
            "use a larger batch, or evaluation mode");
    Tape<B>& tape = input.tape();
    auto mean = tape.acquire(map.channels);
    auto inverse_deviation = tape.acquire(map.channels);
    B::batch_norm_statistics(
        tape.context(),
        BatchNormStatistics<typename B::Scalar>{
            .shape = map,
            .epsilon = options.epsilon,
            .momentum = options.momentum,
            .x = input.data(),
            .mean = mean.data(),
            .inverse_deviation = inverse_deviation.data(),
            .running_mean = running_mean == nullptr ? nullptr : running_mean->data(),
            .running_variance = running_variance == nullptr ? nullptr : running_variance->data()});
    const typename B::Scalar* at = mean.data();
    return finish_batch_norm(BatchNormOperation<B>{input, scale, shift, map, epilogue, true, at,
                                                   std::move(mean), std::move(inverse_deviation)});
}

/// With the running statistics.
template <BatchNormBackend B>
[[nodiscard]] Variable<B> batch_norm_running(const Variable<B>& input, const Variable<B>& scale,
                                             const Variable<B>& shift,
                                             const Tensor<B>& running_mean,
                                             const Tensor<B>& running_variance,
                                             NormEpilogue epilogue,
                                             const BatchNormOptions& options) {
    using Scalar = typename B::Scalar;
    const MapShape map = batch_norm_shape(input.shape(), scale.shape(), shift.shape(), epilogue);
    Tape<B>& tape = input.tape();
    auto inverse_deviation = tape.acquire(map.channels);
    B::inverse_deviation(tape.context(),
                         InverseDeviation<Scalar>{.channels = map.channels,
                                                  .epsilon = options.epsilon,
                                                  .variance = running_variance.data(),
                                                  .inverse_deviation = inverse_deviation.data()});
    // The way back must not depend on what becomes of the running mean until then.
    typename Tape<B>::Buffer mean{};
    const Scalar* at = running_mean.data();
    if (tape.recording()) {
        mean = tape.acquire(map.channels);
        B::copy(tape.context(), running_mean.data(), mean.data(), map.channels);
        at = mean.data();
    }
    return finish_batch_norm(BatchNormOperation<B>{input, scale, shift, map, epilogue, false, at,
                                                   std::move(mean), std::move(inverse_deviation)});
}

}  // namespace detail

/// Normalises `input` (batch, height, width, channels) per channel, scales and shifts it (both
/// (channels)) and applies the epilogue. The pass says by which statistics: the batch's own, which
/// also move the running ones unless this is a recomputation, or the running ones, which stay as
/// they are (H-6). These are given apart because they are state and no variables.
/// Errors: ShapeError, also where a channel's own statistics would be those of a single value
/// (its variance says nothing); OptionError for an epsilon that is negative or no number, or a
/// momentum outside [0, 1].
template <BatchNormBackend B>
[[nodiscard]] Variable<B> batch_norm(const Pass<B>& pass, const Variable<B>& input,
                                     const Variable<B>& scale, const Variable<B>& shift,
                                     Tensor<B>& running_mean, Tensor<B>& running_variance,
                                     NormEpilogue epilogue = {},
                                     const BatchNormOptions& options = {}) {
    const Shape per_channel{input.shape().back()};
    detail::require_shape("batch_norm", "running mean", per_channel, running_mean.shape());
    detail::require_shape("batch_norm", "running variance", per_channel, running_variance.shape());
    check_option("ops::batch_norm", "epsilon", options.epsilon,
                 OptionRange::at_least(0.0).as<typename B::Scalar>());
    check_option("ops::batch_norm", "momentum", options.momentum,
                 OptionRange::at_least(0.0).at_most(1.0));
    if (!pass.batch_statistics()) {
        return detail::batch_norm_running(input, scale, shift, running_mean, running_variance,
                                          epilogue, options);
    }
    const bool moves = pass.moves_statistics();
    return detail::batch_norm_own(input, scale, shift, moves ? &running_mean : nullptr,
                                  moves ? &running_variance : nullptr, epilogue, options);
}

}  // namespace kasmina::ops
