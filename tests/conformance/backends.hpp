// Backends: those that the conformance suite holds against the oracle.
#pragma once

#include <tuple>

#if defined(KASMINA_TEST_ON_CUDA)
#include <kasmina/backends/cuda.hpp>
#elif defined(KASMINA_TEST_ON_EMULATED_CUDA)
#include "support/cuda_emulation/emulated_cuda.hpp"
#else
#include <kasmina/backends/eigen.hpp>

#include "support/device/device_like.hpp"
#endif

namespace kasmina::conformance {

/// A new one is one line here. On a GPU the suite is compiled by nvcc and runs on that alone; on
/// an emulated one, too.
#if defined(KASMINA_TEST_ON_CUDA)
using Backends = std::tuple<backends::Cuda<float>, backends::Cuda<double>>;
#elif defined(KASMINA_TEST_ON_EMULATED_CUDA)
using Backends = std::tuple<test::EmulatedCuda<float>, test::EmulatedCuda<double>>;
#elif defined(KASMINA_TEST_KERNELS_ALONE)  // the test device has the oracle's
using Backends = std::tuple<backends::Eigen<float>, backends::Eigen<double>>;
#else
using Backends = std::tuple<backends::Eigen<float>,  //
                            backends::Eigen<double>, test::DeviceLike<double>>;
#endif

}  // namespace kasmina::conformance
