// The CPU backend's kernels, listed once: those that can be compiled once for a whole program.
#pragma once

/// Every kernel for numbers of type `T`, after kasmina/backends/eigen.hpp. `KEYWORDS` is `extern
/// template` in the header that a program's sources see, `template` in the one source that compiles
/// them. Pointwise functions, masks and scores are not in it: each is
/// compiled where it is written.
#define KASMINA_EIGEN_KERNELS_OF(KEYWORDS, T)                                                   \
    namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {                 \
    KEYWORDS decltype(conv2d<T>) conv2d<T>;                                                     \
    KEYWORDS decltype(conv2d_pullback_input<T>) conv2d_pullback_input<T>;                       \
    KEYWORDS decltype(conv2d_pullback_weight<T>) conv2d_pullback_weight<T>;                     \
    KEYWORDS decltype(depthwise_conv2d<T>) depthwise_conv2d<T>;                                 \
    KEYWORDS decltype(depthwise_conv2d_pullback_input<T>) depthwise_conv2d_pullback_input<T>;   \
    KEYWORDS decltype(depthwise_conv2d_pullback_weight<T>) depthwise_conv2d_pullback_weight<T>; \
    KEYWORDS decltype(gemm<T>) gemm<T>;                                                         \
    KEYWORDS decltype(group_norm<T>) group_norm<T>;                                             \
    KEYWORDS decltype(group_norm_pullback<T>) group_norm_pullback<T>;                           \
    KEYWORDS decltype(batch_norm_statistics<T>) batch_norm_statistics<T>;                       \
    KEYWORDS decltype(batch_norm<T>) batch_norm<T>;                                             \
    KEYWORDS decltype(batch_norm_pullback<T>) batch_norm_pullback<T>;                           \
    KEYWORDS decltype(max_pool<T>) max_pool<T>;                                                 \
    KEYWORDS decltype(max_pool_pullback<T>) max_pool_pullback<T>;                               \
    KEYWORDS decltype(average_pool<T>) average_pool<T>;                                         \
    KEYWORDS decltype(average_pool_pullback<T>) average_pool_pullback<T>;                       \
    KEYWORDS decltype(mean_positions<T>) mean_positions<T>;                                     \
    KEYWORDS decltype(mean_positions_pullback<T>) mean_positions_pullback<T>;                   \
    KEYWORDS decltype(cross_entropy<T>) cross_entropy<T>;                                       \
    KEYWORDS decltype(cross_entropy_pullback<T>) cross_entropy_pullback<T>;                     \
    KEYWORDS decltype(squared_norms<T>) squared_norms<T>;                                       \
    KEYWORDS decltype(clip_by_norm<T>) clip_by_norm<T>;                                         \
    KEYWORDS decltype(sgd_step<T>) sgd_step<T>;                                                 \
    KEYWORDS decltype(adamw_step<T>) adamw_step<T>;                                             \
    KEYWORDS decltype(fill_uniform<T>) fill_uniform<T>;                                         \
    KEYWORDS decltype(dropout<T>) dropout<T>;                                                   \
    KEYWORDS decltype(dropout_pullback<T>) dropout_pullback<T>;                                 \
    KEYWORDS decltype(embedding<T>) embedding<T>;                                               \
    KEYWORDS decltype(embedding_pullback<T>) embedding_pullback<T>;                             \
    KEYWORDS decltype(embedding_pullback_rows<T>) embedding_pullback_rows<T>;                   \
    KEYWORDS decltype(rows_to_dense<T>) rows_to_dense<T>;                                       \
    KEYWORDS decltype(sgd_row_step<T>) sgd_row_step<T>;                                         \
    KEYWORDS decltype(rearrange<T>) rearrange<T>;                                               \
    KEYWORDS decltype(sum_axes<T>) sum_axes<T>;                                                 \
    KEYWORDS decltype(softmax<T>) softmax<T>;                                                   \
    KEYWORDS decltype(softmax_pullback<T>) softmax_pullback<T>;                                 \
    KEYWORDS decltype(run_attention<T>) run_attention<T>;                                       \
    KEYWORDS decltype(run_attention_pullback<T>) run_attention_pullback<T>;                     \
    }
