// Matrix: the capability to multiply matrices.
#pragma once

#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// c (m, n) = op(a) (m, k) * op(b) (k, n) [+ bias] [+ c], row-major, dense, once for each matrix
/// of a batch. c overlaps no other.
template <class T>
struct Gemm {
    Index m = 0;
    Index n = 0;
    Index k = 0;
    bool transpose_a = false;  ///< a is stored as (k, m)
    bool transpose_b = false;  ///< b is stored as (n, k)
    const T* a = nullptr;
    const T* b = nullptr;
    T* c = nullptr;
    const T* bias = nullptr;   ///< (n), added to every row of c; null for none
    bool accumulate = false;   ///< c is added to, not overwritten
    Index batch = 1;           ///< how many products; a, b and c are those of the first
    Index batch_stride_a = 0;  ///< from one a to the next; 0 where all share one
    Index batch_stride_b = 0;
    Index batch_stride_c = 0;
};

template <class B>
concept MatrixBackend = requires(typename B::Context& context,
                                 const Gemm<typename B::Scalar>& gemm) { B::gemm(context, gemm); };

}  // namespace kasmina
