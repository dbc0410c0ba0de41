// put: how kernels bring a gradient to its target.
#pragma once

#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backends/cuda/block.hpp>

namespace kasmina::backends::cuda_detail {

/// Adds `value` to element i of the target or overwrites it, as the target says; nothing where the
/// gradient is not wanted.
template <class T>
KASMINA_DEVICE void put(const GradientTarget<T>& target, Index i, T value) {
    if (target.data == nullptr) return;
    target.data[i] = target.accumulate ? target.data[i] + value : value;
}

}  // namespace kasmina::backends::cuda_detail
