// ModelOptions: what a model is made with, and what its host does in passes that train.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <kasmina/reflect/enumerators.hpp>
#include <kasmina/slot/options.hpp>
#include <kasmina/slot/services.hpp>
#include <kasmina/statistics/score_kind.hpp>

namespace kasmina {

/// Where the values come from that a model's host begins with.
enum class HostValues : std::uint8_t {
    drawn,  ///< from the model's generator, whatever was in the host
    kept,   ///< they are in the host
};

[[nodiscard]] constexpr std::string_view name_of(HostValues values) noexcept {
    switch (values) {
        case HostValues::drawn: return "drawn";
        case HostValues::kept: return "kept";
    }
    return "(invalid)";
}

template <>
struct reflect::Enumerators<HostValues> {
    static constexpr std::array all{HostValues::drawn, HostValues::kept};
};

/// What a model is made with.
template <class Policies = DefaultPolicies>
struct ModelOptions {
    /// Not said: a host whose values were drawn or put in keeps them, and a new one is drawn.
    std::optional<HostValues> host{};
    SlotOptions slots{};
    /// What the network is scored in: all that grow it, and their bounds, follow it.
    ScoreKind score = ScoreKind::accuracy();
    typename Policies::Gates gates{};
    typename Policies::Sink sink{};
    typename Policies::Communicator communicator{};
    std::optional<std::int64_t> environment{};  ///< of telemetry, absent when there is just one
};

/// What the host's norms do in passes that train.
enum class HostStatistics : std::uint8_t { moving, still };

[[nodiscard]] constexpr std::string_view name_of(HostStatistics statistics) noexcept {
    switch (statistics) {
        case HostStatistics::moving: return "moving";
        case HostStatistics::still: return "still";
    }
    return "(invalid)";
}

template <>
struct reflect::Enumerators<HostStatistics> {
    static constexpr std::array all{HostStatistics::moving, HostStatistics::still};
};

}  // namespace kasmina
