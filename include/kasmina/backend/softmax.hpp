// Softmax: the capability to turn rows of numbers into distributions, or their logarithms.
#pragma once

#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// Each row of y (rows, columns) = softmax of x's row, or with `log` its logarithm, from
/// differences to the row's greatest value. A row with a NaN, or of -infinity alone, is NaN. y may
/// be x.
template <class T>
struct Softmax {
    Index rows = 0;
    Index columns = 0;
    bool log = false;
    const T* x = nullptr;
    T* y = nullptr;
};

/// The gradient of x, from y as the forward pass left it. `grad_x` may be grad_y where it does not
/// accumulate.
template <class T>
struct SoftmaxPullback {
    Index rows = 0;
    Index columns = 0;
    bool log = false;
    const T* y = nullptr;
    const T* grad_y = nullptr;
    GradientTarget<T> grad_x{};
};

template <class B>
concept SoftmaxBackend =
    requires(typename B::Context& context, const Softmax<typename B::Scalar>& forward,
             const SoftmaxPullback<typename B::Scalar>& pullback) {
        B::softmax(context, forward);
        B::softmax_pullback(context, pullback);
    };

}  // namespace kasmina
