// Chosen: the backend that an example is built for; the same source is built for each.
#pragma once

#include <concepts>
#include <string>

#if defined(KASMINA_EXAMPLE_ON_CUDA)
#include <kasmina/backends/cuda.hpp>
#else
#include <kasmina/backends/eigen.hpp>
#endif

namespace kasmina::examples {

#if defined(KASMINA_EXAMPLE_ON_CUDA)
using Chosen = backends::Cuda<float>;
#else
using Chosen = backends::Eigen<float>;
#endif

/// Whether its contexts take a number of threads.
template <class B>
inline constexpr bool has_threads =
    std::constructible_from<typename B::Context, int> && requires { B::Context::max_threads; };

template <class B>
[[nodiscard]] constexpr int most_threads() noexcept {
    if constexpr (has_threads<B>) {
        return B::Context::max_threads;
    } else {
        return 1;
    }
}

/// A context with that many threads, where its backend has any.
template <class B>
[[nodiscard]] typename B::Context context_with([[maybe_unused]] int threads) {
    if constexpr (has_threads<B>) {
        return typename B::Context(threads);
    } else {
        return typename B::Context();
    }
}

/// What does the work, in words.
template <class B>
[[nodiscard]] std::string workers(int threads) {
    return has_threads<B> ? std::to_string(threads) + " threads" : std::string("a GPU");
}

}  // namespace kasmina::examples
