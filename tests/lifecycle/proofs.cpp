// Proofs: the seeds' lifecycle keeps every rule, and each rule notices a lifecycle that breaks it.
#include <array>

#include <kasmina/lifecycle/lifecycle.hpp>

#include "support/catch.hpp"

namespace kasmina::proofs_test {
namespace {

/// A lifecycle of a user's own: other stages, other gates, no cooldown.
enum class Phase : unsigned char { created, empty, learning, mixing, judged, kept, forgotten };
enum class Guard : unsigned char { none, review };
using Row = Transition<Phase, Guard>;

template <std::size_t Rows>
using Steps = std::array<Row, Rows>;

inline constexpr Steps<9> sound_steps{{
    {Phase::created, Phase::empty},
    {Phase::empty, Phase::learning, Guard::review},
    {Phase::learning, Phase::mixing, Guard::review},
    {Phase::mixing, Phase::judged, Guard::review},
    {Phase::judged, Phase::kept, Guard::review},
    {Phase::learning, Phase::forgotten},
    {Phase::mixing, Phase::forgotten},
    {Phase::judged, Phase::forgotten},
    {Phase::forgotten, Phase::empty},
}};

template <const auto& Rows>
struct Lifecycle {
    static constexpr TransitionTable table{Rows};
    static constexpr std::array stages{Phase::created, Phase::empty, Phase::learning, Phase::mixing,
                                       Phase::judged,  Phase::kept,  Phase::forgotten};
    static constexpr Phase first = Phase::created;
    static constexpr Phase rest = Phase::empty;
    static constexpr Phase final = Phase::kept;
    static constexpr std::array influence{Phase::empty, Phase::learning, Phase::mixing,
                                          Phase::judged, Phase::kept};
    static constexpr std::array milestones{Phase::learning, Phase::mixing, Phase::judged};
};

/// The sound steps with one of them exchanged.
consteval Steps<9> exchanged(std::size_t index, Row row) {
    Steps<9> steps = sound_steps;
    steps[index] = row;
    return steps;
}

/// The sound steps and one more.
consteval Steps<10> extended(Row row) {
    Steps<10> steps{};
    for (std::size_t i = 0; i < 9; ++i) steps[i] = sound_steps[i];
    steps[9] = row;
    return steps;
}

template <class L, LifecycleRule Rule>
constexpr bool breaks(Phase from, Phase to) {
    constexpr auto verdict = lifecycle_detail::verdict<L>;
    return !keeps_rule<L, Rule> && !verdict.finding.holds && verdict.rule == Rule &&
           verdict.finding.from == from && verdict.finding.to == to;
}

using Sound = Lifecycle<sound_steps>;
static_assert(ProvenLifecycle<Sound>::value);

struct OutOfOrder : Sound {
    static constexpr std::array milestones{Phase::mixing, Phase::learning, Phase::judged};
};
static_assert(ProvenLifecycle<SeedLifecycle>::value);

}  // namespace

TEST_CASE("the seeds' lifecycle keeps each rule by itself", "[L-2]") {
    using L = SeedLifecycle;
    using enum LifecycleRule;
    static_assert(keeps_rule<L, every_stage_is_reachable_from_the_first>);
    static_assert(keeps_rule<L, only_the_final_stage_is_terminal>);
    static_assert(keeps_rule<L, every_other_stage_can_return_to_rest>);
    static_assert(keeps_rule<L, every_path_to_the_final_stage_passes_the_milestones_in_order>);
    static_assert(keeps_rule<L, every_step_that_raises_influence_has_a_gate>);
    static_assert(keeps_rule<L, steps_that_do_not_raise_influence_have_no_gate>);
    static_assert(keeps_rule<L, no_stage_leads_to_itself>);
    static_assert(keeps_rule<L, every_step_is_between_listed_stages>);
    static_assert(all_lifecycle_rules.size() == 8);
    SUCCEED();
}

TEST_CASE("a stage that nothing leads to is named", "[L-2][L-3]") {
    static constexpr auto steps = [] {
        Steps<6> left{};
        for (std::size_t i = 0; i < 5; ++i) left[i] = sound_steps[i];
        left[5] = {Phase::forgotten, Phase::empty};
        return left;
    }();
    static_assert(breaks<Lifecycle<steps>, LifecycleRule::every_stage_is_reachable_from_the_first>(
        Phase::created, Phase::forgotten));
    SUCCEED();
}

TEST_CASE("an exit from the final stage, and a second dead end, are named", "[L-2][L-3]") {
    static constexpr auto exit = extended({Phase::kept, Phase::forgotten});
    static_assert(breaks<Lifecycle<exit>, LifecycleRule::only_the_final_stage_is_terminal>(
        Phase::kept, Phase::kept));
    static constexpr auto dead_end = exchanged(8, {Phase::judged, Phase::empty});
    static_assert(breaks<Lifecycle<dead_end>, LifecycleRule::only_the_final_stage_is_terminal>(
        Phase::forgotten, Phase::forgotten));
    SUCCEED();
}

TEST_CASE("stages that cannot return to rest are named", "[L-2][L-3]") {
    static constexpr auto steps = [] {
        // Forgotten leads back to learning for ever: nothing is empty again.
        return exchanged(8, {Phase::forgotten, Phase::learning});
    }();
    static_assert(breaks<Lifecycle<steps>, LifecycleRule::every_other_stage_can_return_to_rest>(
        Phase::learning, Phase::empty));
    SUCCEED();
}

TEST_CASE("ways round a milestone are named with what they go round", "[L-2][L-3]") {
    using enum LifecycleRule;
    static constexpr auto last = extended({Phase::mixing, Phase::kept, Guard::review});
    static_assert(
        breaks<Lifecycle<last>, every_path_to_the_final_stage_passes_the_milestones_in_order>(
            Phase::judged, Phase::kept));
    static constexpr auto first = extended({Phase::empty, Phase::mixing, Guard::review});
    static_assert(
        breaks<Lifecycle<first>, every_path_to_the_final_stage_passes_the_milestones_in_order>(
            Phase::learning, Phase::kept));
    SUCCEED();
}

TEST_CASE("milestones that are passed, but not in order, are named", "[L-2][L-3]") {
    static_assert(
        breaks<OutOfOrder,
               LifecycleRule::every_path_to_the_final_stage_passes_the_milestones_in_order>(
            Phase::mixing, Phase::learning));
    SUCCEED();
}

TEST_CASE("a step that raises influence unguarded is named", "[L-2][L-3]") {
    static constexpr auto steps = exchanged(4, {Phase::judged, Phase::kept});
    static_assert(
        breaks<Lifecycle<steps>, LifecycleRule::every_step_that_raises_influence_has_a_gate>(
            Phase::judged, Phase::kept));
    SUCCEED();
}

TEST_CASE("a gate on a prune or on the way back is named", "[L-2][L-3]") {
    using enum LifecycleRule;
    static constexpr auto prune = exchanged(5, {Phase::learning, Phase::forgotten, Guard::review});
    static_assert(breaks<Lifecycle<prune>, steps_that_do_not_raise_influence_have_no_gate>(
        Phase::learning, Phase::forgotten));
    static constexpr auto back = extended({Phase::judged, Phase::mixing, Guard::review});
    static_assert(breaks<Lifecycle<back>, steps_that_do_not_raise_influence_have_no_gate>(
        Phase::judged, Phase::mixing));
    static constexpr auto free_back = extended({Phase::judged, Phase::mixing});
    static_assert(ProvenLifecycle<Lifecycle<free_back>>::value);
    SUCCEED();
}

TEST_CASE("a stage that leads to itself is named", "[L-2][L-3]") {
    static constexpr auto steps = extended({Phase::mixing, Phase::mixing});
    static_assert(breaks<Lifecycle<steps>, LifecycleRule::no_stage_leads_to_itself>(Phase::mixing,
                                                                                    Phase::mixing));
    SUCCEED();
}

TEST_CASE("a step to a stage that is not listed is named", "[L-3]") {
    static constexpr auto steps = extended({Phase::mixing, static_cast<Phase>(99)});
    static_assert(breaks<Lifecycle<steps>, LifecycleRule::every_step_is_between_listed_stages>(
        Phase::mixing, static_cast<Phase>(99)));
    SUCCEED();
}

namespace {

/// Near misses: each lacks one member.
struct HasTable {
    static constexpr TransitionTable table{sound_steps};
};
struct HasStages {
    static constexpr std::array stages{Phase::created};
};
struct HasFirst {
    static constexpr Phase first{};
};
struct HasRest {
    static constexpr Phase rest{};
};
struct HasFinal {
    static constexpr Phase final{};
};
struct HasInfluence {
    static constexpr std::array influence{Phase::created};
};
struct HasMilestones {
    static constexpr std::array milestones{Phase::created};
};

template <class... Parts>
struct Described : Parts... {};

}  // namespace

TEST_CASE("a lifecycle description needs each of its members", "[L-3]") {
    static_assert(LifecycleDescription<SeedLifecycle>);
    static_assert(LifecycleDescription<Described<HasTable, HasStages, HasFirst, HasRest, HasFinal,
                                                 HasInfluence, HasMilestones>>);
    static_assert(!LifecycleDescription<
                  Described<HasStages, HasFirst, HasRest, HasFinal, HasInfluence, HasMilestones>>);
    static_assert(!LifecycleDescription<
                  Described<HasTable, HasFirst, HasRest, HasFinal, HasInfluence, HasMilestones>>);
    static_assert(!LifecycleDescription<
                  Described<HasTable, HasStages, HasRest, HasFinal, HasInfluence, HasMilestones>>);
    static_assert(!LifecycleDescription<
                  Described<HasTable, HasStages, HasFirst, HasFinal, HasInfluence, HasMilestones>>);
    static_assert(!LifecycleDescription<
                  Described<HasTable, HasStages, HasFirst, HasRest, HasInfluence, HasMilestones>>);
    static_assert(!LifecycleDescription<
                  Described<HasTable, HasStages, HasFirst, HasRest, HasFinal, HasMilestones>>);
    static_assert(!LifecycleDescription<
                  Described<HasTable, HasStages, HasFirst, HasRest, HasFinal, HasInfluence>>);
    SUCCEED();
}

}  // namespace kasmina::proofs_test
