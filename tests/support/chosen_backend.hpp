// Chosen32, Chosen64: the backend that tests which are built more than once are built for.
#pragma once

#include <concepts>

#if defined(KASMINA_TEST_ON_CUDA)
#include <kasmina/backends/cuda.hpp>
#elif defined(KASMINA_TEST_ON_DEVICE)
#include "support/device/device_like.hpp"
#else
#include <kasmina/backends/eigen.hpp>
#endif

namespace kasmina::test {

#if defined(KASMINA_TEST_ON_CUDA)
using Chosen32 = backends::Cuda<float>;
using Chosen64 = backends::Cuda<double>;
#elif defined(KASMINA_TEST_ON_DEVICE)
using Chosen32 = DeviceLike<float>;
using Chosen64 = DeviceLike<double>;
#else
using Chosen32 = backends::Eigen<float>;
using Chosen64 = backends::Eigen<double>;
#endif

/// A context with that many threads, where its backend has any.
template <class B>
[[nodiscard]] typename B::Context context_with([[maybe_unused]] int threads) {
    if constexpr (std::constructible_from<typename B::Context, int>) {
        return typename B::Context(threads);
    } else {
        return typename B::Context();
    }
}

}  // namespace kasmina::test
