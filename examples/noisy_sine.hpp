// A noisy sine: points of a curve that bends more often than a small network can.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include <kasmina/random/generator.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::examples {

/// Rows of features, and what the network is to make of them.
template <class B>
struct Points {
    Tensor<B> input;
    Tensor<B> targets;
};

/// Batches of 32 points of sin(2 pi x) for x in [-1, 1], with noise of so much deviation.
template <class B>
[[nodiscard]] std::vector<Points<B>> noisy_sine(typename B::Context& context, int batches,
                                                std::uint64_t seed, double noise = 0.1) {
    using Scalar = typename B::Scalar;
    constexpr Index rows = 32;
    Generator random(seed);
    std::vector<Points<B>> all;
    for (int batch = 0; batch < batches; ++batch) {
        std::vector<Scalar> x;
        std::vector<Scalar> y;
        for (Index row = 0; row < rows; ++row) {
            x.push_back(static_cast<Scalar>(random.uniform(-1.0, 1.0)));
            const double clean = std::sin(2.0 * std::numbers::pi * static_cast<double>(x.back()));
            y.push_back(static_cast<Scalar>(clean + noise * random.normal()));
        }
        all.push_back({Tensor<B>::from_host(context, {rows, 1}, x),
                       Tensor<B>::from_host(context, {rows, 1}, y)});
    }
    return all;
}

}  // namespace kasmina::examples
