// The CPU backend's kernels and operations, declared as compiled elsewhere: once for all tests.
#pragma once

#include <kasmina/backends/eigen.hpp>

#include "support/op_instances.hpp"

#define KASMINA_EACH_KERNEL(DO, T)          \
    DO(conv2d_forward, T)                   \
    DO(conv2d_backward_input, T)            \
    DO(conv2d_backward_weight, T)           \
    DO(depthwise_conv2d_forward, T)         \
    DO(depthwise_conv2d_backward_input, T)  \
    DO(depthwise_conv2d_backward_weight, T) \
    DO(gemm, T)                             \
    DO(matrix_product, T)                   \
    DO(group_norm, T)                       \
    DO(group_norm_pullback, T)              \
    DO(batch_norm_statistics, T)            \
    DO(batch_norm, T)                       \
    DO(batch_norm_pullback, T)              \
    DO(max_pool, T)                         \
    DO(max_pool_pullback, T)                \
    DO(mean_positions, T)                   \
    DO(mean_positions_pullback, T)          \
    DO(cross_entropy, T)                    \
    DO(cross_entropy_pullback, T)           \
    DO(squared_norms, T)                    \
    DO(clip_by_norm, T)                     \
    DO(sgd_step, T)                         \
    DO(adamw_step, T)                       \
    DO(fill_uniform, T)                     \
    DO(dropout, T)                          \
    DO(dropout_pullback, T)                 \
    DO(embedding, T)                        \
    DO(embedding_pullback, T)

namespace kasmina::backends::eigen_detail {

#define KASMINA_DECLARE(name, T) extern template decltype(name<T>) name<T>;
KASMINA_EACH_KERNEL(KASMINA_DECLARE, float)
KASMINA_EACH_KERNEL(KASMINA_DECLARE, double)
#undef KASMINA_DECLARE

}  // namespace kasmina::backends::eigen_detail

KASMINA_OPS_OF(extern template, backends::Eigen<float>)
KASMINA_OPS_OF(extern template, backends::Eigen<double>)
