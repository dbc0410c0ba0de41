// Losses of numbers against targets, one pass each way: squared, absolute, Huber, binary, KL.
#pragma once

#include <concepts>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/ops/pointwise.hpp>
#include <kasmina/autodiff/ops/reduce.hpp>
#include <kasmina/check_option.hpp>
#include <kasmina/pointwise/math.hpp>
#include <kasmina/tensor/tensor.hpp>

/// \file
/// Each is a mean, as PyTorch's of that name is by default. Targets are of the shape of what they
/// are targets for; they are a Variable, which may want a gradient, or a Tensor, which is read in
/// place, may go before the backward pass and gets none. Errors of all: ShapeError, also where
/// there are no elements, whose mean is no number.
namespace kasmina::ops {

/// What a loss takes targets as.
template <class Target, class B>
concept TargetsOf = std::same_as<Target, Variable<B>> || std::same_as<Target, Tensor<B>>;

/// (prediction - target)^2.
struct SquaredError {
    template <class V>
    constexpr V operator()(const V& prediction, const V& target) const {
        const V difference = prediction - target;
        return difference * difference;
    }
};

/// |prediction - target|, with derivative 0 where they are equal.
struct AbsoluteError {
    template <class V>
    constexpr V operator()(const V& prediction, const V& target) const {
        return math::relu(prediction - target) + math::relu(target - prediction);
    }
};

/// Half the square of the difference up to `delta`, from there on straight.
template <class Scalar>
struct HuberError {
    Scalar delta;

    template <class V>
    constexpr V operator()(const V& prediction, const V& target) const {
        const V difference = prediction - target;
        const V held = math::clamp(difference, -static_cast<double>(delta),  //
                                   static_cast<double>(delta));
        // What is beyond by itself: an infinite difference still has the slope `delta`.
        const V beyond = math::relu(difference - held) + math::relu(held - difference);
        return held * held * Scalar(0.5) + beyond * delta;
    }
};

/// -(positive_weight * target * log(p) + (1 - target) * log(1 - p)) with p = sigmoid(logit).
template <class Scalar>
struct BinaryCrossEntropy {
    Scalar positive_weight;

    template <class V>
    constexpr V operator()(const V& logit, const V& target) const {
        return target * math::softplus(-logit) * positive_weight +
               (Scalar(1) - target) * math::softplus(logit);
    }
};

/// target * (log(target) - input), and 0 where the target is 0.
struct Divergence {
    template <class V>
    constexpr V operator()(const V& input, const V& target) const {
        return math::select_equal(target, 0.0, V(0), target * (math::log(target) - input));
    }
};

/// The same where the target is given as its logarithm.
struct DivergenceOfLogarithms {
    template <class V>
    constexpr V operator()(const V& input, const V& target) const {
        return math::exp(target) * (target - input);
    }
};

namespace detail {

template <PointwiseBackend B>
[[nodiscard]] const Variable<B>& as_variable(Tape<B>&, const Variable<B>& targets) {
    return targets;
}
template <PointwiseBackend B>
[[nodiscard]] Variable<B> as_variable(Tape<B>& tape, const Tensor<B>& targets) {
    return tape.constant(targets);
}

/// Errors: ShapeError.
inline void require_targets(const char* op, const Shape& predictions, const Shape& targets) {
    require_shape(op, "the target", predictions, targets);
    require(predictions.elements() > 0, op, "one element or more", predictions,
            "skip such a batch");
}

template <class Function, PointwiseBackend B, class Target>
[[nodiscard]] Variable<B> mean_loss(const char* op, const Function& function,
                                    const Variable<B>& predictions, const Target& targets) {
    require_targets(op, predictions.shape(), targets.shape());
    return mean(pointwise(function, predictions, as_variable(predictions.tape(), targets)));
}

}  // namespace detail

/// The mean of (prediction - target)^2: PyTorch's mse_loss.
template <PointwiseBackend B, TargetsOf<B> Target>
[[nodiscard]] Variable<B> mean_squared_error(const Variable<B>& predictions,
                                             const Target& targets) {
    return detail::mean_loss("mean_squared_error", SquaredError{}, predictions, targets);
}

/// The mean of |prediction - target|.
template <PointwiseBackend B, TargetsOf<B> Target>
[[nodiscard]] Variable<B> l1_loss(const Variable<B>& predictions, const Target& targets) {
    return detail::mean_loss("l1_loss", AbsoluteError{}, predictions, targets);
}

/// The mean of half the squares up to a difference of `delta`, and of delta * (difference - delta /
/// 2) above (Huber, "Robust estimation of a location parameter", 1964). Errors: also OptionError
/// unless delta is above 0, as a Scalar too.
template <PointwiseBackend B, TargetsOf<B> Target>
[[nodiscard]] Variable<B> huber_loss(const Variable<B>& predictions, const Target& targets,
                                     double delta = 1.0) {
    using Scalar = typename B::Scalar;
    check_option("ops::huber_loss", "delta", delta, OptionRange::above(0.0).as<Scalar>());
    return detail::mean_loss("huber_loss", HuberError<Scalar>{static_cast<Scalar>(delta)},
                             predictions, targets);
}

/// How much targets of 1 count; above 1 where they are rare.
struct BinaryCrossEntropyOptions {
    double positive_weight = 1.0;
};

/// The mean cross-entropy in nats of `targets`, probabilities, with sigmoid(`logits`), exact for
/// logits of any size: PyTorch's binary_cross_entropy_with_logits, with one pos_weight for all.
/// Errors: also OptionError for a weight below 0.
template <PointwiseBackend B, TargetsOf<B> Target>
[[nodiscard]] Variable<B> binary_cross_entropy_with_logits(
    const Variable<B>& logits, const Target& targets,
    const BinaryCrossEntropyOptions& options = {}) {
    using Scalar = typename B::Scalar;
    check_option("ops::binary_cross_entropy_with_logits", "positive_weight",
                 options.positive_weight, OptionRange::at_least(0.0).as<Scalar>());
    return detail::mean_loss(
        "binary_cross_entropy_with_logits",
        BinaryCrossEntropy<Scalar>{static_cast<Scalar>(options.positive_weight)}, logits, targets);
}

/// Whether targets are logarithms of probabilities, as the input always is.
struct KlDivergenceOptions {
    bool log_target = false;
};

/// The Kullback-Leibler divergence of `targets`, probabilities, from `input`, logarithms of
/// probabilities (log_softmax), both (batch, ...): its sum over a sample, its mean over the batch.
/// PyTorch's kl_div with reduction="batchmean".
template <PointwiseBackend B, TargetsOf<B> Target>
[[nodiscard]] Variable<B> kl_divergence(const Variable<B>& input, const Target& targets,
                                        const KlDivergenceOptions& options = {}) {
    detail::require_targets("kl_divergence", input.shape(), targets.shape());
    detail::require(input.shape().rank() >= 1, "kl_divergence", "an input (batch, ...)",
                    input.shape(), "add a batch dimension");
    const auto target = detail::as_variable(input.tape(), targets);
    const Variable<B> terms = options.log_target
                                  ? pointwise(DivergenceOfLogarithms{}, input, target)
                                  : pointwise(Divergence{}, input, target);
    using Scalar = typename B::Scalar;
    return detail::scaled_sum(terms, Scalar(1) / static_cast<Scalar>(input.shape()[0]));
}

}  // namespace kasmina::ops
