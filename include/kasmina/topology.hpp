// Topology: which kind of network a host is and a blueprint fits into.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <string_view>

#include <kasmina/reflect/enumerators.hpp>

namespace kasmina {

/// CNN feature maps are (batch, height, width, channels), transformer states (batch, time, width).
enum class Topology : std::uint8_t { cnn, transformer };

[[nodiscard]] constexpr std::string_view name_of(Topology topology) noexcept {
    switch (topology) {
        case Topology::cnn: return "cnn";
        case Topology::transformer: return "transformer";
    }
    return "(invalid)";
}

template <>
struct reflect::Enumerators<Topology> {
    static constexpr std::array all{Topology::cnn, Topology::transformer};
};

/// Rank of the states that flow between a host's boundaries.
[[nodiscard]] constexpr int state_rank(Topology topology) noexcept {
    return topology == Topology::cnn ? 4 : 3;
}

/// `static constexpr Topology topology`.
template <class T>
concept HasTopology = requires { requires std::same_as<decltype(T::topology), const Topology>; };

}  // namespace kasmina
