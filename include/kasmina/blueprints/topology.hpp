// Topology: which kind of network a host is and a blueprint fits into.
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

namespace kasmina {

/// CNN feature maps are (batch, height, width, channels), transformer states (batch, time, width).
enum class Topology : std::uint8_t { cnn, transformer };

[[nodiscard]] constexpr std::string_view to_string(Topology topology) noexcept {
    return topology == Topology::cnn ? "cnn" : "transformer";
}

/// Rank of the states that flow between a host's boundaries.
[[nodiscard]] constexpr int state_rank(Topology topology) noexcept {
    return topology == Topology::cnn ? 4 : 3;
}

/// `static constexpr Topology topology`.
template <class T>
concept HasTopology = requires { requires std::same_as<decltype(T::topology), const Topology>; };

}  // namespace kasmina
