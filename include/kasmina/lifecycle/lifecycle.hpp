// The seed lifecycle: its one transition table, and the compiler's proof of its rules.
#pragma once

#include <array>
#include <optional>

#include <kasmina/lifecycle/gate.hpp>
#include <kasmina/lifecycle/proofs.hpp>
#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/lifecycle/transition_table.hpp>

namespace kasmina {

/// The lifecycle of a seed (L-1, L-9). Typed seeds and run-time slots read this one table.
struct SeedLifecycle {
    using enum Stage;
    using Row = Transition<Stage, Gate>;

    static constexpr TransitionTable table{std::to_array<Row>({
        {unknown, dormant},
        {dormant, germinated, Gate::g0},
        {germinated, training, Gate::g1},
        {germinated, pruned},
        {training, blending, Gate::g2},
        {training, pruned},
        {blending, holding, Gate::g3},
        {blending, pruned},
        {holding, fossilized, Gate::g5},
        {holding, blending},  // through retargeting and scheduled prunes alone (L-9)
        {holding, pruned},
        {pruned, embargoed},
        {embargoed, resetting},
        {resetting, dormant},
    })};

    static constexpr auto stages = all_stages;
    static constexpr Stage first = unknown;
    static constexpr Stage rest = dormant;
    static constexpr Stage final = fossilized;
    static constexpr std::array influence{dormant,  germinated, training,
                                          blending, holding,    fossilized};
    static constexpr std::array milestones{training, blending, holding};
};

static_assert(ProvenLifecycle<SeedLifecycle>::value);

/// The table of `SeedLifecycle`.
inline constexpr auto& transitions = SeedLifecycle::table;

/// Whether a slot may go from one stage to another (L-1).
[[nodiscard]] constexpr bool is_allowed(Stage from, Stage to) noexcept {
    return transitions.allows(from, to);
}

/// The gate on a step; absent when the step is illegal, Gate::none when nothing guards it.
[[nodiscard]] constexpr std::optional<Gate> gate_of(Stage from, Stage to) noexcept {
    return transitions.gate(from, to);
}

/// Where an advance without a target goes (L-7); absent where there is no forward step.
[[nodiscard]] constexpr std::optional<Stage> next_stage(Stage from) noexcept {
    return transitions.forward_step(from);
}

}  // namespace kasmina
