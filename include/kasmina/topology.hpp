// Topology: which kind of network a host is and a blueprint fits into.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <string_view>

#include <kasmina/reflect/enumerators.hpp>

namespace kasmina {

/// CNN feature maps are (batch, height, width, channels), transformer states (batch, time, width),
/// rows of features (batch, width).
enum class Topology : std::uint8_t { cnn, transformer, features };

[[nodiscard]] constexpr std::string_view name_of(Topology topology) noexcept {
    switch (topology) {
        case Topology::cnn: return "cnn";
        case Topology::transformer: return "transformer";
        case Topology::features: return "features";
    }
    return "(invalid)";
}

template <>
struct reflect::Enumerators<Topology> {
    static constexpr std::array all{Topology::cnn, Topology::transformer, Topology::features};
};

/// Rank of the states that flow between a host's boundaries.
[[nodiscard]] constexpr int state_rank(Topology topology) noexcept {
    switch (topology) {
        case Topology::cnn: return 4;
        case Topology::transformer: return 3;
        case Topology::features: return 2;
    }
    return 0;
}

/// Whether a seed that is blended in leaves the blocks before it without its gradient: in a
/// transformer it adapts them to itself (spec I-3).
[[nodiscard]] constexpr bool stays_isolated_in_blending(Topology topology) noexcept {
    return topology != Topology::transformer;
}

/// `static constexpr Topology topology`.
template <class T>
concept HasTopology = requires { requires std::same_as<decltype(T::topology), const Topology>; };

}  // namespace kasmina
