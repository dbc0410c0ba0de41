// AlphaState: everything that the controller of an amplitude knows (spec A-1).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <kasmina/alpha/curve.hpp>
#include <kasmina/reflect/enumerators.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina {

enum class AlphaMode : std::uint8_t { hold = 0, up = 1, down = 2 };

[[nodiscard]] constexpr std::string_view name_of(AlphaMode mode) noexcept {
    switch (mode) {
        case AlphaMode::hold: return "hold";
        case AlphaMode::up: return "up";
        case AlphaMode::down: return "down";
    }
    return "(invalid)";
}

}  // namespace kasmina

template <>
struct kasmina::reflect::Enumerators<kasmina::AlphaMode> {
    static constexpr std::array all{kasmina::AlphaMode::hold, kasmina::AlphaMode::up,
                                    kasmina::AlphaMode::down};
};

namespace kasmina {

/// Everything the controller knows; what a checkpoint stores.
struct AlphaState {
    double alpha = 0.0;
    double start = 0.0;
    double target = 0.0;
    AlphaMode mode = AlphaMode::hold;
    AlphaCurve curve = AlphaCurve::linear;
    double steepness = default_steepness;
    int steps_total = 0;
    int steps_done = 0;
    using Fields = reflect::List<&AlphaState::alpha, &AlphaState::start, &AlphaState::target,
                                 &AlphaState::mode, &AlphaState::curve, &AlphaState::steepness,
                                 &AlphaState::steps_total, &AlphaState::steps_done>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;

    /// Ticks until the target is reached; 0 when nothing is scheduled.
    [[nodiscard]] constexpr int time_to_target() const noexcept {
        return mode == AlphaMode::hold ? 0 : steps_total - steps_done;
    }

    friend constexpr bool operator==(const AlphaState&, const AlphaState&) noexcept = default;
};

}  // namespace kasmina
