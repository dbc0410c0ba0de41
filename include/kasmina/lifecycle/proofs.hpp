// Proofs about a lifecycle, run by the compiler; a broken rule names itself and the stages.
#pragma once

#include <array>
#include <cstddef>

#include <kasmina/lifecycle/transition_table.hpp>

namespace kasmina {

/// The rules that every lifecycle keeps (L-2). They appear by name in compile errors.
enum class LifecycleRule : unsigned char {
    every_stage_is_reachable_from_the_first,
    only_the_final_stage_is_terminal,
    every_other_stage_can_return_to_rest,
    every_path_to_the_final_stage_passes_the_milestones_in_order,
    every_step_that_raises_influence_has_a_gate,
    steps_that_do_not_raise_influence_have_no_gate,
    no_stage_leads_to_itself,
    every_step_is_between_listed_stages,
};

/// All rules, the ones that others build on first.
inline constexpr std::array all_lifecycle_rules{
    LifecycleRule::every_step_is_between_listed_stages,
    LifecycleRule::no_stage_leads_to_itself,
    LifecycleRule::every_stage_is_reachable_from_the_first,
    LifecycleRule::only_the_final_stage_is_terminal,
    LifecycleRule::every_other_stage_can_return_to_rest,
    LifecycleRule::every_path_to_the_final_stage_passes_the_milestones_in_order,
    LifecycleRule::every_step_that_raises_influence_has_a_gate,
    LifecycleRule::steps_that_do_not_raise_influence_have_no_gate,
};

/// What a user states of a lifecycle (L-3): a struct with these static constexpr members.
///   table       the TransitionTable
///   stages      std::array of all stages
///   first       the stage that everything starts from
///   rest        the empty stage that all but the final one can return to
///   final       the terminal stage
///   influence   std::array of stages in the order of growing influence, `rest` to `final`
///   milestones  std::array of the stages that every path into `final` passes, in order
template <class L>
concept LifecycleDescription = requires {
    L::table.rows;
    L::stages.size();
    L::first;
    L::rest;
    L::final;
    L::influence.size();
    L::milestones.size();
};

namespace lifecycle_detail {

/// The outcome of one proof: the stages of the first counter-example.
template <class StageType>
struct Finding {
    bool holds = true;
    StageType from{};
    StageType to{};
};

/// The rows as lists of indices into `L::stages`, made once: plain arrays keep the compiler's
/// walks cheap.
template <class L>
struct Graph {
    static constexpr std::size_t stages = L::stages.size();
    static constexpr std::size_t rows = L::table.rows.size();
    std::size_t from[rows]{};
    std::size_t to[rows]{};

    consteval Graph() {
        std::size_t row = 0;
        for (const auto& step : L::table.rows) {
            from[row] = index(step.from);
            to[row++] = index(step.to);
        }
    }

    template <class StageType>
    static consteval std::size_t index(StageType stage) {
        std::size_t place = 0;
        for (const StageType other : L::stages) {
            if (other == stage) return place;
            ++place;
        }
        return place;
    }
};

template <class L>
inline constexpr Graph<L> graph{};

/// Whether `to` can be reached from `from` without entering `avoided` (pass `from` to avoid
/// nothing).
template <class L, class StageType>
consteval bool reaches(StageType from, StageType to, StageType avoided) {
    const Graph<L>& steps = graph<L>;
    bool seen[Graph<L>::stages]{};
    seen[Graph<L>::index(from)] = true;
    const std::size_t blocked = avoided == from ? Graph<L>::stages : Graph<L>::index(avoided);
    bool changed = true;
    while (changed) {
        changed = false;
        for (std::size_t row = 0; row < Graph<L>::rows; ++row) {
            const std::size_t next = steps.to[row];
            if (!seen[steps.from[row]] || seen[next] || next == blocked) continue;
            seen[next] = true;
            changed = true;
        }
    }
    return seen[Graph<L>::index(to)];
}

template <class L, class StageType>
consteval bool lists(StageType stage) {
    for (const StageType other : L::stages) {
        if (other == stage) return true;
    }
    return false;
}

template <class L, class StageType>
consteval bool raises_influence(StageType from, StageType to) {
    for (std::size_t i = 0; i + 1 < L::influence.size(); ++i) {
        if (L::influence[i] != from) continue;
        for (std::size_t j = i + 1; j < L::influence.size(); ++j) {
            if (L::influence[j] == to) return true;
        }
    }
    return false;
}

template <class L>
consteval auto find_violation(LifecycleRule rule) {
    using StageType = typename decltype(L::table)::StageEnum;
    using GateType = typename decltype(L::table)::GateEnum;
    using Result = Finding<StageType>;
    using enum LifecycleRule;
    switch (rule) {
        case every_stage_is_reachable_from_the_first:
            for (const StageType stage : L::stages) {
                if (!reaches<L>(L::first, stage, L::first)) return Result{false, L::first, stage};
            }
            break;
        case only_the_final_stage_is_terminal:
            for (const StageType stage : L::stages) {
                bool leaves = false;
                for (const auto& row : L::table.rows) leaves = leaves || row.from == stage;
                if (leaves == (stage == L::final)) return Result{false, stage, stage};
            }
            break;
        case every_other_stage_can_return_to_rest:
            for (const StageType stage : L::stages) {
                if (stage != L::final && !reaches<L>(stage, L::rest, stage)) {
                    return Result{false, stage, L::rest};
                }
            }
            break;
        case every_path_to_the_final_stage_passes_the_milestones_in_order: {
            // Each milestone dominates the final stage, and each dominates the next one.
            for (std::size_t i = 0; i < L::milestones.size(); ++i) {
                const bool last = i + 1 == L::milestones.size();
                const StageType next = last ? L::final : L::milestones[i + 1];
                if (reaches<L>(L::first, L::final, L::milestones[i])) {
                    return Result{false, L::milestones[i], L::final};
                }
                if (reaches<L>(L::first, next, L::milestones[i])) {
                    return Result{false, L::milestones[i], next};
                }
            }
            break;
        }
        case every_step_that_raises_influence_has_a_gate:
            for (const auto& row : L::table.rows) {
                if (raises_influence<L>(row.from, row.to) && row.gate == GateType::none) {
                    return Result{false, row.from, row.to};
                }
            }
            break;
        case steps_that_do_not_raise_influence_have_no_gate:
            for (const auto& row : L::table.rows) {
                if (!raises_influence<L>(row.from, row.to) && row.gate != GateType::none) {
                    return Result{false, row.from, row.to};
                }
            }
            break;
        case every_step_is_between_listed_stages:
            for (const auto& row : L::table.rows) {
                if (!lists<L>(row.from) || !lists<L>(row.to)) {
                    return Result{false, row.from, row.to};
                }
            }
            break;
        case no_stage_leads_to_itself:
            for (const auto& row : L::table.rows) {
                if (row.from == row.to) return Result{false, row.from, row.to};
            }
            break;
    }
    return Result{};
}

/// The first rule that a lifecycle breaks, and the stages of its counter-example.
template <class L>
struct Verdict {
    using StageType = typename decltype(L::table)::StageEnum;
    LifecycleRule rule{};
    Finding<StageType> finding{};

    consteval Verdict() {
        for (const LifecycleRule next : all_lifecycle_rules) {
            if (!finding.holds) return;
            rule = next;
            finding = find_violation<L>(next);
        }
    }
};

template <class L>
inline constexpr Verdict<L> verdict{};

/// Names rule and stages in the condition of an assertion, where clang shows them.
template <LifecycleRule Rule, auto From, auto To, bool Holds>
struct Proof {
    static constexpr bool holds = Holds;
};

}  // namespace lifecycle_detail

/// Whether a lifecycle keeps a rule; for tests and for choosing between lifecycles.
template <LifecycleDescription L, LifecycleRule Rule>
inline constexpr bool keeps_rule = lifecycle_detail::find_violation<L>(Rule).holds;

namespace lifecycle_detail {

/// All arguments but the first are the verdict, there so that the compiler prints it.
template <LifecycleDescription L, LifecycleRule Rule, auto From, auto To, bool Holds>
struct LifecycleProof {
    static_assert(Proof<Rule, From, To, Holds>::holds,
                  "this lifecycle breaks the rule that is named here: mend the rows between the "
                  "two stages named after it in its transition table");
    static constexpr bool value = Holds;
};

}  // namespace lifecycle_detail

/// `static_assert(kasmina::ProvenLifecycle<MyLifecycle>::value);` is true, or a compile error that
/// names the rule broken and the stages (L-3). An alias, so that the compiler's first lines show
/// the verdict and not just `MyLifecycle`.
template <LifecycleDescription L>
using ProvenLifecycle = lifecycle_detail::LifecycleProof<
    L, lifecycle_detail::verdict<L>.rule, lifecycle_detail::verdict<L>.finding.from,
    lifecycle_detail::verdict<L>.finding.to, lifecycle_detail::verdict<L>.finding.holds>;

}  // namespace kasmina
