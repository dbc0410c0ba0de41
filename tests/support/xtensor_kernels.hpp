// The reference backend's kernels, declared as compiled elsewhere: once for all tests.
#pragma once

#include <kasmina/backends/xtensor.hpp>

/// Functions that take callables are not in it: each is compiled where it is called.
#define KASMINA_XTENSOR_KERNELS_OF(KEYWORDS, T)   \
    namespace kasmina::backends::xtensor_detail { \
    KEYWORDS struct Matrices<T>;                  \
    KEYWORDS struct Convolutions<T>;              \
    KEYWORDS struct DepthwiseConvolutions<T>;     \
    KEYWORDS struct GroupNorms<T>;                \
    KEYWORDS struct BatchNorms<T>;                \
    KEYWORDS struct Pooling<T>;                   \
    KEYWORDS struct AveragePooling<T>;            \
    KEYWORDS struct Losses<T>;                    \
    KEYWORDS struct MultiTensors<T>;              \
    KEYWORDS struct Randoms<T>;                   \
    KEYWORDS struct Dropouts<T>;                  \
    KEYWORDS struct Embeddings<T>;                \
    KEYWORDS struct RowGradients<T>;              \
    KEYWORDS struct Rearranging<T>;               \
    KEYWORDS struct Softmaxes<T>;                 \
    }

#if !defined(KASMINA_TEST_ON_CUDA)  // nvcc's programs have no library of them
KASMINA_XTENSOR_KERNELS_OF(extern template, float)
KASMINA_XTENSOR_KERNELS_OF(extern template, double)
#endif
