// Group norm: the capability to normalise within a sample, fused with ReLU and a residual sum.
#pragma once

#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// A tensor (samples, positions, channels) whose statistics run over the positions and the
/// channels of a group; layer norm is one group and one position.
struct NormGeometry {
    Index samples = 1;
    Index positions = 1;
    Index channels = 1;
    Index groups = 1;
};

/// y = [residual +] [relu](scale * (x - mean) * inverse_deviation + shift). `scale` and `shift`
/// hold one value per channel; `mean` and `inverse_deviation`, which this writes for the way back,
/// samples * groups.
template <class T>
struct GroupNorm {
    NormGeometry geometry{};
    double epsilon = 1e-5;
    bool relu = false;
    const T* x = nullptr;
    const T* scale = nullptr;
    const T* shift = nullptr;
    const T* residual = nullptr;  ///< null for none
    T* y = nullptr;
    T* mean = nullptr;
    T* inverse_deviation = nullptr;
};

/// The gradients of x, scale and shift, those that are wanted. The residual's is grad_y itself.
template <class T>
struct GroupNormPullback {
    NormGeometry geometry{};
    bool relu = false;
    const T* x = nullptr;
    const T* scale = nullptr;
    const T* shift = nullptr;
    const T* mean = nullptr;
    const T* inverse_deviation = nullptr;
    const T* grad_y = nullptr;
    GradientTarget<T> grad_x{};
    GradientTarget<T> grad_scale{};
    GradientTarget<T> grad_shift{};
};

template <class B>
concept GroupNormBackend =
    requires(typename B::Context& context, const GroupNorm<typename B::Scalar>& forward,
             const GroupNormPullback<typename B::Scalar>& pullback) {
        B::group_norm(context, forward);
        B::group_norm_pullback(context, pullback);
    };

}  // namespace kasmina
