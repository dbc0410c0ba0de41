// BlendAlgorithm: how a seed's output is mixed into the host's (spec A-5).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kasmina {

enum class BlendAlgorithm : std::uint8_t {
    add = 1,       ///< h + a (s - h)
    multiply = 2,  ///< h (1 + a tanh(s - x)), x what the seed was fed
    gate = 3,      ///< h + a g(x) (s - h), g per sample from a gate network
};

[[nodiscard]] constexpr std::string_view name_of(BlendAlgorithm algorithm) noexcept {
    switch (algorithm) {
        case BlendAlgorithm::add: return "add";
        case BlendAlgorithm::multiply: return "multiply";
        case BlendAlgorithm::gate: break;
    }
    return "gate";
}

[[nodiscard]] constexpr std::optional<BlendAlgorithm> blend_algorithm_from_name(
    std::string_view name) noexcept {
    for (const auto algorithm :
         {BlendAlgorithm::add, BlendAlgorithm::multiply, BlendAlgorithm::gate}) {
        if (name_of(algorithm) == name) return algorithm;
    }
    return std::nullopt;
}

}  // namespace kasmina
