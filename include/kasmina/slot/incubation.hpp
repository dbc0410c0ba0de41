// Incubation: how a seed in training learns behind the host (spec I-9).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <kasmina/reflect/enumerators.hpp>

namespace kasmina {

/// Under both the output and the host's gradients and statistics are the host's alone, bit for bit.
enum class Incubation : std::uint8_t {
    /// A pass of its own behind the host's, with the seed at its target amplitude and the host
    /// frozen, gives the seed the gradient of its own loss: it learns what would help.
    feedback = 1,
    /// The seed gets the gradient that reaches the host's features, which does not change with
    /// what the seed does: it never learns that it has learned enough. Esper-lite's way.
    straight_through = 2,
};

template <>
struct reflect::Enumerators<Incubation> {
    static constexpr std::array all{Incubation::feedback, Incubation::straight_through};
};

[[nodiscard]] constexpr std::string_view name_of(Incubation incubation) noexcept {
    switch (incubation) {
        case Incubation::feedback: return "feedback";
        case Incubation::straight_through: return "straight_through";
    }
    return "(invalid)";
}

}  // namespace kasmina
