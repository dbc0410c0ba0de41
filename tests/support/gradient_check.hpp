// Finite differences: whether a function's gradients are the slopes that its values show.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <kasmina/autodiff/tape.hpp>
#include <kasmina/random/generator.hpp>

namespace kasmina::test {

/// Standard normal values, the same for the same seed.
template <class Scalar>
[[nodiscard]] std::vector<Scalar> normal_values(Index count, std::uint64_t seed) {
    Generator generator(seed);
    std::vector<Scalar> values(static_cast<std::size_t>(count));
    for (Scalar& value : values) value = static_cast<Scalar>(generator.normal());
    return values;
}

/// The largest difference between gradients and central differences of
/// sum(weights * f(tape, inputs)), relative to the largest gradient of that input. Inputs and
/// weights are random; of each input at most about 50 elements are probed. Infinity where an
/// input got no gradient. For double precision.
template <class B, class F>
[[nodiscard]] double gradient_error(const std::vector<Shape>& shapes, const F& f,
                                    std::uint64_t seed = 1) {
    constexpr double step = 1e-5;
    std::vector<std::vector<double>> values;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        values.push_back(normal_values<double>(shapes[i].elements(), seed + i));
    }
    typename B::Context context{};
    Tape<B> tape(context);
    const auto run = [&] {
        tape.clear();
        std::vector<Variable<B>> leaves;
        for (std::size_t i = 0; i < shapes.size(); ++i) {
            leaves.push_back(tape.leaf(shapes[i], values[i]));
        }
        return std::pair(f(tape, leaves), leaves);
    };
    const auto [output, leaves] = run();
    const auto weights = normal_values<double>(output.shape().elements(), seed + 1000);
    tape.backward(output, weights);
    std::vector<std::vector<double>> gradients;
    for (const Variable<B>& leaf : leaves) gradients.push_back(tape.gradient(leaf));

    const auto loss = [&] {
        const std::vector<double> y = run().first.to_host();
        double total = 0.0;
        for (std::size_t i = 0; i < y.size(); ++i) total += weights[i] * y[i];
        return total;
    };
    double worst = 0.0;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        const std::size_t count = values[i].size();
        if (gradients[i].size() != count) return std::numeric_limits<double>::infinity();
        double scale = 1e-3;
        for (const double g : gradients[i]) scale = std::max(scale, std::abs(g));
        for (std::size_t k = 0; k < count; k += 1 + count / 50) {
            const double start = values[i][k];
            values[i][k] = start + step;
            const double above = loss();
            values[i][k] = start - step;
            const double below = loss();
            values[i][k] = start;
            const double slope = (above - below) / (2.0 * step);
            const double difference = std::abs(slope - gradients[i][k]) / scale;
            worst = std::max(worst, std::isfinite(difference)
                                        ? difference
                                        : std::numeric_limits<double>::infinity());
        }
    }
    return worst;
}

}  // namespace kasmina::test
