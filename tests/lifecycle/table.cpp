// The transition table, held against a list written down from the specification.
#include <kasmina/lifecycle/check_transition.hpp>

#include <set>
#include <utility>

#include "support/catch.hpp"
#include "support/error_text.hpp"

using namespace kasmina;
using enum Stage;

static_assert(sizeof(transitions) == SeedLifecycle::table.rows.size() * 3);
static_assert(is_allowed(holding, blending) && gate_of(holding, blending) == Gate::none);
static_assert(!gate_of(dormant, training));
static_assert(next_stage(holding) == fossilized && !next_stage(fossilized));

TEST_CASE("exactly the steps of the specification are allowed", "[L-1]") {
    const std::set<std::pair<Stage, Stage>> expected{
        {unknown, dormant},      {dormant, germinated},  {germinated, training},
        {germinated, pruned},    {training, blending},   {training, pruned},
        {blending, holding},     {blending, pruned},     {holding, fossilized},
        {holding, blending},     {holding, pruned},      {pruned, embargoed},
        {embargoed, resetting},  {resetting, dormant}};
    for (const Stage from : all_stages) {
        for (const Stage to : all_stages) {
            CAPTURE(name_of(from), name_of(to));
            CHECK(is_allowed(from, to) == expected.contains({from, to}));
        }
        CHECK_FALSE(is_allowed(fossilized, from));
    }
}

TEST_CASE("the forward steps have gates G0, G1, G2, G3, G5 and no other step has one",
          "[L-2][L-9]") {
    int gated = 0;
    for (const auto& row : transitions.rows) gated += row.gate != Gate::none ? 1 : 0;
    CHECK(gated == 5);
    CHECK(gate_of(dormant, germinated) == Gate::g0);
    CHECK(gate_of(germinated, training) == Gate::g1);
    CHECK(gate_of(training, blending) == Gate::g2);
    CHECK(gate_of(blending, holding) == Gate::g3);
    CHECK(gate_of(holding, fossilized) == Gate::g5);
}

TEST_CASE("an advance without a target takes the forward step", "[L-7]") {
    CHECK(next_stage(dormant) == germinated);
    CHECK(next_stage(germinated) == training);
    CHECK(next_stage(training) == blending);
    CHECK(next_stage(blending) == holding);
    CHECK(next_stage(holding) == fossilized);
    for (const Stage stage : {unknown, fossilized, pruned, embargoed, resetting}) {
        CHECK_FALSE(next_stage(stage));
    }
}

TEST_CASE("an illegal step names both stages and the allowed list", "[L-4]") {
    const std::string text = test::error_text<LifecycleError>(
        [] { check_transition(training, fossilized, "slot r0c0"); });
    CHECK(test::mentions(text, "training to fossilized"));
    CHECK(test::mentions(text, "training may go to blending, pruned"));
    CHECK(test::mentions(text, "slot r0c0"));
    CHECK(test::mentions(test::error_text<LifecycleError>(
                             [] { check_transition(fossilized, pruned, "slot"); }),
                         "fossilized is final"));
    CHECK_NOTHROW(check_transition(training, blending, "slot"));
}
