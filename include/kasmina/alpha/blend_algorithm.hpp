// BlendAlgorithm: how a seed's output is mixed into the host's (spec A-5).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <kasmina/reflect/enumerators.hpp>

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
        case BlendAlgorithm::gate: return "gate";
    }
    return "(invalid)";
}

}  // namespace kasmina

template <>
struct kasmina::reflect::Enumerators<kasmina::BlendAlgorithm> {
    static constexpr std::array all{kasmina::BlendAlgorithm::add, kasmina::BlendAlgorithm::multiply,
                                    kasmina::BlendAlgorithm::gate};
};
