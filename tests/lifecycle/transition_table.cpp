// The transition table of seeds, row by row.
#include <set>
#include <utility>

#include <kasmina/lifecycle/lifecycle.hpp>

#include "support/catch.hpp"

namespace kasmina::transition_table_test {

using enum Stage;

static_assert(sizeof(Transition<Stage, Gate>) == 3);
static_assert(sizeof(transitions) == 14 * 3);

TEST_CASE("exactly the fourteen steps are allowed, of all hundred pairs", "[L-1]") {
    const std::set<std::pair<Stage, Stage>> allowed{
        {unknown, dormant},     {dormant, germinated}, {germinated, training}, {germinated, pruned},
        {training, blending},   {training, pruned},    {blending, holding},    {blending, pruned},
        {holding, fossilized},  {holding, blending},   {holding, pruned},      {pruned, embargoed},
        {embargoed, resetting}, {resetting, dormant}};
    for (const Stage from : all_stages) {
        for (const Stage to : all_stages) {
            CAPTURE(name_of(from), name_of(to));
            CHECK(is_allowed(from, to) == allowed.contains({from, to}));
            CHECK(gate_of(from, to).has_value() == allowed.contains({from, to}));
        }
    }
}

TEST_CASE("the five forward steps carry the five gates, no other step carries one", "[L-2][L-9]") {
    static_assert(gate_of(dormant, germinated) == Gate::g0);
    static_assert(gate_of(germinated, training) == Gate::g1);
    static_assert(gate_of(training, blending) == Gate::g2);
    static_assert(gate_of(blending, holding) == Gate::g3);
    static_assert(gate_of(holding, fossilized) == Gate::g5);
    int gated = 0;
    for (const auto& row : transitions.rows) gated += row.gate == Gate::none ? 0 : 1;
    CHECK(gated == 5);
}

TEST_CASE("an advance without a target goes to the next stage of the success path", "[L-7]") {
    static_assert(next_stage(dormant) == germinated);
    static_assert(next_stage(germinated) == training);
    static_assert(next_stage(training) == blending);
    static_assert(next_stage(blending) == holding);
    static_assert(next_stage(holding) == fossilized);
    for (const Stage stage : {unknown, fossilized, pruned, embargoed, resetting}) {
        CHECK_FALSE(next_stage(stage));
    }
}

TEST_CASE("no forward step leads to a failure stage, nor from holding back to blending",
          "[L-7][L-9]") {
    for (const Stage stage : all_stages) {
        if (const auto next = next_stage(stage)) CHECK_FALSE(is_failure(*next));
    }
    CHECK(is_allowed(holding, blending));
    CHECK(next_stage(holding) != blending);
}

TEST_CASE("gates have the names that reports show", "[G-0]") {
    CHECK(name_of(Gate::g0) == "G0");
    CHECK(name_of(Gate::g5) == "G5");
    CHECK(name_of(Gate::none) == "none");
    static_assert(static_cast<int>(Gate::g3) == 3 && static_cast<int>(Gate::g5) == 5);
}

}  // namespace kasmina::transition_table_test
