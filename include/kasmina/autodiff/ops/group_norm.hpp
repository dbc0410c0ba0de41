// group_norm and layer_norm: normalisation within a sample, fused with ReLU and a residual sum.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/group_norm.hpp>
#include <kasmina/check_option.hpp>

namespace kasmina::ops {

/// What is fused into a group normalisation, in this order.
template <class B>
struct GroupNormOptions {
    double epsilon = 1e-5;
    bool relu = false;
    std::optional<Variable<B>> residual{};  ///< added last; of the input's shape
};

namespace detail {

template <GroupNormBackend B>
struct GroupNormOperation {
    using Scalar = typename B::Scalar;
    using Buffer = typename Tape<B>::Buffer;

    Variable<B> input;
    Variable<B> scale;
    Variable<B> shift;
    std::optional<Edge<B>> residual;
    NormGeometry geometry;
    bool relu;
    Buffer mean;
    Buffer inverse_deviation;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        const GroupNormPullback<Scalar> call{.geometry = geometry,
                                             .relu = relu,
                                             .x = input.data(),
                                             .scale = scale.data(),
                                             .shift = shift.data(),
                                             .mean = mean.data(),
                                             .inverse_deviation = inverse_deviation.data(),
                                             .grad_y = upstream.data(),
                                             .grad_x = tape.gradient_target(input),
                                             .grad_scale = tape.gradient_target(scale),
                                             .grad_shift = tape.gradient_target(shift)};
        if (call.grad_x || call.grad_scale || call.grad_shift) {
            B::group_norm_pullback(tape.context(), call);
        }
        if (residual) upstream.pass_to(*residual);
    }
};

template <GroupNormBackend B>
[[nodiscard]] Variable<B> normalise(const char* op, const Variable<B>& input,
                                    const Variable<B>& scale, const Variable<B>& shift,
                                    const NormGeometry& geometry,
                                    const GroupNormOptions<B>& options) {
    const Shape result = input.shape();
    require_shape(op, "scale", Shape{geometry.channels}, scale.shape());
    require_shape(op, "shift", Shape{geometry.channels}, shift.shape());
    if (options.residual) require_shape(op, "residual", result, options.residual->shape());
    check_option(op, "epsilon", options.epsilon,
                 OptionRange::at_least(0.0).as<typename B::Scalar>());

    Tape<B>& tape = input.tape();
    const Index statistics = geometry.samples * geometry.groups;
    auto mean = tape.acquire(statistics);
    auto inverse_deviation = tape.acquire(statistics);
    auto output = tape.acquire(result.elements());
    B::group_norm(tape.context(),
                  GroupNorm<typename B::Scalar>{
                      .geometry = geometry,
                      .epsilon = options.epsilon,
                      .relu = options.relu,
                      .x = input.data(),
                      .scale = scale.data(),
                      .shift = shift.data(),
                      .residual = options.residual ? options.residual->data() : nullptr,
                      .y = output.data(),
                      .mean = mean.data(),
                      .inverse_deviation = inverse_deviation.data()});
    std::optional<Edge<B>> residual;
    if (options.residual) residual.emplace(*options.residual);
    return tape.record(result, std::move(output),
                       {input, scale, shift, residual.value_or(input.edge())},
                       GroupNormOperation<B>{input, scale, shift, residual, geometry, options.relu,
                                             std::move(mean), std::move(inverse_deviation)});
}

}  // namespace detail

/// y = [residual +] [relu](scale * normalised + shift), one pass. `input` (batch, ..., channels)
/// is normalised over the positions and channels of each of `groups` groups (Wu and He, "Group
/// normalization", 2018); `scale` and `shift` are (channels). Errors: ShapeError; OptionError when
/// the groups do not divide the channels, and for an epsilon that is negative or no number.
template <GroupNormBackend B>
[[nodiscard]] Variable<B> group_norm(const Variable<B>& input, const Variable<B>& scale,
                                     const Variable<B>& shift, Index groups,
                                     const GroupNormOptions<B>& options = {}) {
    const Shape& shape = input.shape();
    detail::require(shape.rank() >= 2, "group_norm", "an input (batch, ..., channels)", shape,
                    "add a batch dimension");
    detail::require_filled("group_norm", shape);
    const Index channels = shape.back();
    if (groups < 1 || channels % groups != 0) {
        throw OptionError("the groups do not divide the channels", "ops::group_norm",
                          "a divisor of " + std::to_string(channels), std::to_string(groups),
                          "use kasmina::groups(channels)");
    }
    Index positions = 1;
    for (Index axis = 1; axis + 1 < shape.rank(); ++axis) positions *= shape[axis];
    return detail::normalise("group_norm", input, scale, shift,
                             NormGeometry{shape[0], positions, channels, groups}, options);
}

/// The same over the last dimension alone: each row of `input` (..., channels) by itself.
template <GroupNormBackend B>
[[nodiscard]] Variable<B> layer_norm(const Variable<B>& input, const Variable<B>& scale,
                                     const Variable<B>& shift,
                                     const GroupNormOptions<B>& options = {}) {
    const Shape& shape = input.shape();
    detail::require(shape.rank() >= 1, "layer_norm", "an input (..., channels)", shape,
                    "pass rank 1 or more");
    detail::require(shape.back() > 0, "layer_norm", "rows of one value or more", shape,
                    "leave such an operand out");
    Index rows = 1;
    for (Index axis = 0; axis + 1 < shape.rank(); ++axis) rows *= shape[axis];
    return detail::normalise("layer_norm", input, scale, shift,
                             NormGeometry{rows, 1, shape.back(), 1}, options);
}

}  // namespace kasmina::ops
