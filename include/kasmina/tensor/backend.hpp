// The backend concept: storage, and one concept per capability so that an error names what lacks.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <span>

#include <kasmina/tensor/index.hpp>
#include <kasmina/tensor/kernel_types.hpp>

/// \file
/// A backend is a struct of types and static functions. All pointers are the backend's own
/// memory; `Context` owns what a thread of work needs (threads, memory pool) and is passed in.
/// Every kernel is deterministic for a given shape, whatever the context's thread count (E-1).
namespace kasmina {

/// Memory: pooled for a tape's values, persistent for parameters, and copies to and from the host.
template <class B>
concept StorageBackend =
    requires(typename B::Context& context, typename B::Buffer buffer, typename B::Scalar* to,
             const typename B::Scalar* from, typename B::Scalar value, Index count) {
        requires std::floating_point<typename B::Scalar>;
        requires std::movable<typename B::Buffer>;
        { buffer.data() } -> std::same_as<typename B::Scalar*>;
        { buffer.size() } -> std::convertible_to<Index>;
        { B::acquire(context, count) } -> std::same_as<typename B::Buffer>;
        { B::persistent(count) } -> std::same_as<typename B::Buffer>;
        B::upload(from, to, count);
        B::download(from, to, count);
        B::copy(context, from, to, count);
        B::fill(context, to, count, value);
        B::add(context, from, to, count);  // to += from
    };

namespace detail {

/// Stands for any pointwise callable in the concept below.
struct AnyPointwise {
    template <class V>
    constexpr V operator()(const V& a, const V& b) const {
        return a * b;
    }
};

}  // namespace detail

/// Pointwise functions of several operands in one pass, and their pullback through dual numbers.
/// `map_pullback` adds up the gradients of operands that are stretched.
template <class B>
concept PointwiseBackend =
    requires(typename B::Context& context, detail::AnyPointwise function, MapGeometry geometry,
             std::array<Operand<typename B::Scalar>, 2> operands,
             std::array<GradientTarget<typename B::Scalar>, 2> targets,
             const typename B::Scalar* in, typename B::Scalar* out) {
        B::map(context, function, geometry, operands, out);
        B::map_pullback(context, function, geometry, operands, in, targets);
    };

/// Row-major matrix product: c (m, n) = op(a) (m, k) * op(b) (k, n), added to c or overwriting it.
template <class B>
concept MatrixBackend = requires(typename B::Context& context, bool flag, Index extent,
                                 const typename B::Scalar* in, typename B::Scalar* out) {
    B::gemm(context, flag, flag, extent, extent, extent, in, in, out, flag);
};

/// 2-d convolution as ConvShape describes it, with both backward passes.
template <class B>
concept ConvolutionBackend =
    requires(typename B::Context& context, ConvShape shape, const typename B::Scalar* in,
             typename B::Scalar* out, GradientTarget<typename B::Scalar> target) {
        B::conv2d(context, shape, in, in, out);
        B::conv2d_pullback_input(context, shape, in, in, target);   // grad_y, weight
        B::conv2d_pullback_weight(context, shape, in, in, target);  // x, grad_y
    };

/// The same with one filter per channel.
template <class B>
concept DepthwiseConvolutionBackend =
    requires(typename B::Context& context, ConvShape shape, const typename B::Scalar* in,
             typename B::Scalar* out, GradientTarget<typename B::Scalar> target) {
        B::depthwise_conv2d(context, shape, in, in, out);
        B::depthwise_conv2d_pullback_input(context, shape, in, in, target);
        B::depthwise_conv2d_pullback_weight(context, shape, in, in, target);
    };

/// Group norm y = [residual +] [relu](scale * (x - mean) / deviation + shift); layer norm is one
/// group over one position. `mean` and `inverse_deviation` hold samples * groups values.
template <class B>
concept GroupNormBackend = requires(typename B::Context& context, NormGeometry geometry,
                                    double epsilon, bool relu, const typename B::Scalar* in,
                                    typename B::Scalar* out,
                                    GradientTarget<typename B::Scalar> target) {
    // x, scale, shift, residual or null, relu, y, mean, inverse_deviation
    B::group_norm(context, geometry, epsilon, in, in, in, in, relu, out, out, out);
    // x, scale, shift, relu, mean, inverse_deviation, grad_y; grad x, scale, shift
    B::group_norm_pullback(context, geometry, in, in, in, relu, in, in, in, target, target, target);
};

/// Batch norm with the statistics given apart, fused with ReLU and 2x2 max-pool.
template <class B>
concept BatchNormBackend =
    requires(typename B::Context& context, MapShape shape, NormEpilogue epilogue, bool batch,
             double epsilon, double momentum, const typename B::Scalar* in, typename B::Scalar* out,
             GradientTarget<typename B::Scalar> target) {
        // x; mean and inverse_deviation of the batch; running mean and (unbiased)
        // variance updated as running += momentum * (batch - running); running may be null
        B::batch_norm_statistics(context, shape, epsilon, momentum, in, out, out, out, out);
        // running variance -> inverse_deviation, `channels` values
        B::inverse_deviation(context, Index{}, epsilon, in, out);
        // x, mean, inverse_deviation, scale, shift, y
        B::batch_norm(context, shape, epilogue, in, in, in, in, in, out);
        // `batch`: the statistics are the batch's own, so gradients flow through them.
        // x, mean, inverse_deviation, scale, shift, grad_y; grad x, scale, shift
        B::batch_norm_pullback(context, shape, epilogue, batch, in, in, in, in, in, in, target,
                               target, target);
    };

/// Pooling: 2x2 stride-2 maximum (floor) and the mean over all positions of a map.
template <class B>
concept PoolingBackend =
    requires(typename B::Context& context, MapShape shape, NormGeometry geometry,
             const typename B::Scalar* in, typename B::Scalar* out,
             GradientTarget<typename B::Scalar> target) {
        B::max_pool(context, shape, in, out);
        B::max_pool_pullback(context, shape, in, in, target);  // x, grad_y
        // (samples, positions, channels) -> (samples, channels); `groups` unused
        B::mean_positions(context, geometry, in, out);
        B::mean_positions_pullback(context, geometry, in, target);
    };

/// Mean cross-entropy of logits (rows, classes) with integer targets on the host.
/// `probabilities` (rows, classes) receives the softmax for the pullback. Targets are validated
/// by the caller. `loss` is one value. `scale` is one value: the upstream gradient of the loss.
template <class B>
concept LossBackend =
    requires(typename B::Context& context, Index extent, CrossEntropyOptions options,
             std::span<const std::int32_t> targets, const typename B::Scalar* in,
             typename B::Scalar* out, GradientTarget<typename B::Scalar> target) {
        // rows, classes, logits, targets, probabilities, loss
        B::cross_entropy(context, extent, extent, options, in, targets, out, out);
        // rows, classes, probabilities, targets, scale, grad logits
        B::cross_entropy_pullback(context, extent, extent, options, in, targets, in, target);
        // rows, classes, logits, targets -> how many rows have their maximum at the target
        { B::count_correct(context, extent, extent, in, targets) } -> std::convertible_to<Index>;
    };

/// Many tensors in one pass: norms for clipping and gradient health, and optimiser steps.
template <class B>
concept MultiTensorBackend = requires(
    typename B::Context& context, std::span<const TensorSlice<typename B::Scalar>> slices,
    std::span<double> norms, std::span<const OptimiserSlice<typename B::Scalar>> states,
    SgdStep sgd, AdamWStep adamw, typename B::Scalar* out, Index count, typename B::Scalar value) {
    B::squared_norms(context, slices, norms);  // one sum of squares per tensor, in double
    B::sgd_step(context, sgd, states);
    B::adamw_step(context, adamw, states);
    B::scale(context, value, out, count);  // out *= value
};

/// What hosts, blueprints and optimisers of the library need together.
template <class B>
concept Backend =
    StorageBackend<B> && PointwiseBackend<B> && MatrixBackend<B> && ConvolutionBackend<B> &&
    DepthwiseConvolutionBackend<B> && GroupNormBackend<B> && BatchNormBackend<B> &&
    PoolingBackend<B> && LossBackend<B> && MultiTensorBackend<B>;

}  // namespace kasmina
