// A convolution of either way, as Winograd's kernels take it.
#pragma once

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <utility>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail::winograd {

/// The shape of the backward-data convolution: inputs and outputs change places.
[[nodiscard]] inline ConvShape transposed(ConvShape shape) {
    std::swap(shape.in_channels, shape.out_channels);
    return shape;
}

/// A convolution of either way, that keeps the size: y (+)= x convolved with filters. `shape` is
/// that of this convolution. For backward-data, whose x is grad_y and whose y is grad_x, `weight`
/// belongs to `transposed(shape)`.
template <class T>
struct Convolution {
    ConvShape shape;
    const T* x;
    const T* weight;
    bool backward;
    GradientTarget<T> y;

    Convolution(const Conv2d<T>& call)  // NOLINT(google-explicit-constructor)
        : shape(call.shape), x(call.x), weight(call.weight), backward(false), y{call.y, false} {}
    Convolution(const Conv2dPullbackInput<T>& call)  // NOLINT(google-explicit-constructor)
        : shape(transposed(call.shape)),
          x(call.grad_y),
          weight(call.weight),
          backward(true),
          y(call.grad_x) {}
};

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail::winograd
