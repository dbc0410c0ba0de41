// Many tensors: the capability to take norms of, clip and step all parameters in one pass.
#pragma once

#include <span>

#include <kasmina/tensor/index.hpp>

/// \file
/// The spans of slices are host memory, which may be overwritten when the call returns; what a
/// slice points to is the backend's. Sums run in a fixed order, in double.
namespace kasmina {

/// A tensor that is read.
template <class T>
struct TensorSlice {
    const T* data = nullptr;
    Index size = 0;
};

/// A gradient that is scaled in place.
template <class T>
struct GradientSlice {
    T* data = nullptr;
    Index size = 0;
};

/// One parameter tensor in an optimiser step. `first`, `second`: the optimiser's state (momentum;
/// or first and second moment).
template <class T>
struct OptimiserSlice {
    T* value = nullptr;
    const T* gradient = nullptr;
    T* first = nullptr;
    T* second = nullptr;
    Index size = 0;
};

/// norms[i] = the sum of squares of tensor i. `norms` is the backend's memory, one double for each
/// slice.
template <class T>
struct SquaredNorms {
    std::span<const TensorSlice<T>> tensors{};
    double* norms = nullptr;
};

/// All gradients *= max_norm / (norm + 1e-6) where that is below 1 and `norm`, their L2 norm taken
/// together, is finite (torch.nn.utils.clip_grad_norm_). The factor is computed where the
/// gradients are, so that nobody waits.
template <class T>
struct ClipByNorm {
    std::span<const GradientSlice<T>> gradients{};
    double max_norm = 1.0;
    double* norm = nullptr;  ///< one value: the norm before clipping
};

/// v = momentum*v + g (v = g on the first step), with g including weight_decay*w; the step is
/// v, or g + momentum*v with Nesterov. PyTorch's torch.optim.SGD with dampening 0.
template <class T>
struct SgdStep {
    double learning_rate = 0.0;
    double momentum = 0.0;
    double weight_decay = 0.0;
    bool nesterov = false;
    bool first_step = false;
    std::span<const OptimiserSlice<T>> parameters{};
};

/// PyTorch's torch.optim.AdamW. The bias corrections 1 - beta^t are computed by the caller.
template <class T>
struct AdamWStep {
    double learning_rate = 0.0;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 0.0;
    double bias_correction1 = 1.0;
    double bias_correction2 = 1.0;
    std::span<const OptimiserSlice<T>> parameters{};
};

template <class B>
concept MultiTensorBackend =
    requires(typename B::Context& context, const SquaredNorms<typename B::Scalar>& norms,
             const ClipByNorm<typename B::Scalar>& clip, const SgdStep<typename B::Scalar>& sgd,
             const AdamWStep<typename B::Scalar>& adamw) {
        B::squared_norms(context, norms);
        B::clip_by_norm(context, clip);
        B::sgd_step(context, sgd);
        B::adamw_step(context, adamw);
    };

}  // namespace kasmina
