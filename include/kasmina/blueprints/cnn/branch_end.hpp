// end_branch: how the convolutional blueprints end, x + [scale *] relu(GN(branch)).
#pragma once

#include <optional>

#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/blueprints/quiet_birth.hpp>
#include <kasmina/nn/group_norm.hpp>

namespace kasmina::cnn {

/// Adds a normalised, rectified branch to the input: one fused pass, or two with a layer scale.
template <class B>
[[nodiscard]] Variable<B> end_branch(Pass<B>& pass, const Variable<B>& input,
                                     const Variable<B>& branch, const nn::GroupNorm<B>& norm,
                                     const std::optional<Parameter<B>>& scale) {
    if (!scale) return norm.forward(pass, branch, {.relu = true, .residual = input});
    const Variable<B> rectified = norm.forward(pass, branch, {.relu = true});
    return ops::add_scaled(input, pass.parameter(*scale), rectified);
}

/// A scale per channel where it is wanted.
template <class B>
[[nodiscard]] std::optional<Parameter<B>> layer_scale(typename B::Context& context, Index width,
                                                      bool wanted) {
    if (!wanted) return std::nullopt;
    return nn::constant_parameter<B>(context, {width}, layer_scale_start);
}

}  // namespace kasmina::cnn
