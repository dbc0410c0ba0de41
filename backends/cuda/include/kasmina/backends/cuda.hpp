// Cuda<T>: the backend for NVIDIA's cards.
#pragma once

#include <kasmina/requirements.hpp>

#if !defined(__CUDACC__)
#error "kasmina/backends/cuda.hpp has kernels: compile what includes it with nvcc, as CUDA (.cu)"
#include <kasmina/ends_here>
#endif

#include <kasmina/backends/cuda/backend.hpp>
#include <kasmina/backends/cuda/gpu/gpu.hpp>

namespace kasmina::backends {

/// Work is ordered on the context's stream and done later; a training step waits for nothing. The
/// same work gives the same bits on the same card. Compile with nvcc: -std=c++20
/// --expt-relaxed-constexpr. A pointwise callable of your own has a constexpr operator().
template <class T = float>
using Cuda = BasicCuda<T, cuda_detail::Gpu>;

}  // namespace kasmina::backends
