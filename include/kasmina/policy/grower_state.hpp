// GrowerState: all that a grower remembers, as it stands in a checkpoint.
#pragma once

#include <optional>
#include <utility>

#include <kasmina/model/snapshot.hpp>
#include <kasmina/policy/governor.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina {

/// As it was in schema 1.
template <class B, class ControllerState>
struct GrowerStateBefore2 {
    int epoch = 0;
    GovernorState governor{};
    ControllerState controller{};
    Snapshot<B> snapshot{};
    bool told_of_dependence = false;

    using Fields = reflect::List<&GrowerStateBefore2::epoch, &GrowerStateBefore2::governor,
                                 &GrowerStateBefore2::controller, &GrowerStateBefore2::snapshot,
                                 &GrowerStateBefore2::told_of_dependence>;
    static constexpr int schema = 1;
};

/// All that a grower remembers. Move-only, for the snapshot's sake.
template <class B, class ControllerState>
struct GrowerState {
    int epoch = 0;  ///< the last that ended
    GovernorState governor{};
    ControllerState controller{};
    Snapshot<B> snapshot{};
    bool told_of_dependence = false;  ///< that it judges by ablation was reported (J-4)
    /// Which way the scores went that the controller remembers; absent in states of schema 1.
    std::optional<bool> score_falls{};

    using Fields = reflect::List<&GrowerState::epoch, &GrowerState::governor,
                                 &GrowerState::controller, &GrowerState::snapshot,
                                 &GrowerState::told_of_dependence, &GrowerState::score_falls>;

    /// Of its form in a checkpoint. 1: the first. 2: which way scores went.
    static constexpr int schema = 2;
    using Before = GrowerStateBefore2<B, ControllerState>;
    [[nodiscard]] static GrowerState migrated(Before&& before) {
        return {.epoch = before.epoch,
                .governor = std::move(before.governor),
                .controller = std::move(before.controller),
                .snapshot = std::move(before.snapshot),
                .told_of_dependence = before.told_of_dependence,
                .score_falls = {}};
    }
};

}  // namespace kasmina
