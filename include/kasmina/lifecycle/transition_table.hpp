// TransitionTable: a lifecycle as an array of rows (from, to, gate), walked by constexpr loops.
#pragma once

#include <kasmina/requirements.hpp>

#include <array>
#include <cstddef>
#include <optional>

namespace kasmina {

/// One allowed step. `StageType` and `GateType` are enumerations; `GateType::none` says that the
/// step is not guarded (L-9).
template <class StageType, class GateType>
struct Transition {
    StageType from;
    StageType to;
    GateType gate = GateType::none;
};

/// All allowed steps of a lifecycle; anything else is illegal (L-1). The gated step out of a stage
/// is its forward step (L-7).
template <class StageType, class GateType, std::size_t Rows>
struct TransitionTable {
    using StageEnum = StageType;
    using GateEnum = GateType;

    std::array<Transition<StageType, GateType>, Rows> rows;

    // No pointers into the table: g++ with -fsanitize=undefined does not take a comparison of one
    // with null for a constant.
    [[nodiscard]] constexpr bool allows(StageType from, StageType to) const {
        return gate(from, to).has_value();
    }

    /// The gate of a step; absent when the step is illegal.
    [[nodiscard]] constexpr std::optional<GateType> gate(StageType from, StageType to) const {
        for (const auto& row : rows) {
            if (row.from == from && row.to == to) return row.gate;
        }
        return std::nullopt;
    }

    /// The guarded step out of `from` (L-7); absent when there is none.
    [[nodiscard]] constexpr std::optional<StageType> forward_step(StageType from) const {
        for (const auto& row : rows) {
            if (row.from == from && row.gate != GateType::none) return row.to;
        }
        return std::nullopt;
    }
};

template <class StageType, class GateType, std::size_t Rows>
TransitionTable(std::array<Transition<StageType, GateType>, Rows>)
    -> TransitionTable<StageType, GateType, Rows>;

}  // namespace kasmina
