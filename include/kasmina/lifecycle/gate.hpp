// Gate: the names of the guards on the forward steps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <kasmina/reflect/enumerators.hpp>

namespace kasmina {

/// The guards of spec section 2; 4 is retired. `none` marks a step that no gate guards.
enum class Gate : std::uint8_t { none = 255, g0 = 0, g1 = 1, g2 = 2, g3 = 3, g5 = 5 };

[[nodiscard]] constexpr std::string_view name_of(Gate gate) noexcept {
    switch (gate) {
        case Gate::g0: return "G0";
        case Gate::g1: return "G1";
        case Gate::g2: return "G2";
        case Gate::g3: return "G3";
        case Gate::g5: return "G5";
        case Gate::none: return "none";
    }
    return "(invalid)";
}

}  // namespace kasmina

template <>
struct kasmina::reflect::Enumerators<kasmina::Gate> {
    static constexpr std::array all{kasmina::Gate::g0, kasmina::Gate::g1, kasmina::Gate::g2,
                                    kasmina::Gate::g3, kasmina::Gate::g5};
};
