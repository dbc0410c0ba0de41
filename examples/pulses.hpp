// A task of distances: which of two pulses in a sequence are eight steps apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <kasmina/data/samples.hpp>
#include <kasmina/random/generator.hpp>

namespace kasmina::examples {

/// Sequences of 32 steps with two pulses in noise: eight steps apart (class 1), or four, six, ten
/// or twelve.
[[nodiscard]] inline data::LabelledSamples<float> pulses(std::size_t count, std::uint64_t seed) {
    Generator random(seed);
    std::vector<float> values;
    std::vector<std::int32_t> labels;
    for (std::size_t i = 0; i < count; ++i) {
        labels.push_back(i % 2 == 0 ? 1 : 0);
        const std::uint32_t other[]{4, 6, 10, 12};
        const std::uint32_t apart = i % 2 == 0 ? 8 : other[random.below(4)];
        const std::uint32_t first = random.below(32 - apart);
        for (std::uint32_t t = 0; t < 32; ++t) {
            const double pulse = t == first || t == first + apart ? 3.0 : 0.0;
            values.push_back(static_cast<float>(pulse + 0.2 * random.normal()));
        }
    }
    return {{32, 1}, std::move(values), std::move(labels), 2};
}

}  // namespace kasmina::examples
