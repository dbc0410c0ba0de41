// A lifecycle of the user's own gets the same proofs; each rule can be broken, and is noticed.
#include <kasmina/lifecycle/lifecycle.hpp>

#include "support/catch.hpp"

using namespace kasmina;

namespace {

enum class Phase : unsigned char { created, empty, learning, mixing, judged, kept, forgotten };
enum class Guard : unsigned char { none, any };
using Row = Transition<Phase, Guard>;

struct Base {
    using enum Phase;
    static constexpr std::array stages{created, empty, learning, mixing, judged, kept, forgotten};
    static constexpr Phase first = created;
    static constexpr Phase rest = empty;
    static constexpr Phase final = kept;
    static constexpr std::array influence{empty, learning, mixing, judged, kept};
    static constexpr std::array milestones{learning, mixing, judged};
};

struct Sound : Base {
    static constexpr TransitionTable table{std::to_array<Row>({
        {created, empty}, {empty, learning, Guard::any}, {learning, mixing, Guard::any},
        {mixing, judged, Guard::any}, {judged, kept, Guard::any}, {learning, forgotten},
        {mixing, forgotten}, {judged, forgotten}, {forgotten, empty}})};
};
static_assert(LifecycleDescription<Sound> && proven_lifecycle<Sound>);

struct Unreachable : Base {
    static constexpr TransitionTable table{std::to_array<Row>({
        {created, empty}, {empty, learning, Guard::any}, {learning, mixing, Guard::any},
        {mixing, judged, Guard::any}, {judged, kept, Guard::any}, {learning, empty},
        {mixing, empty}, {judged, empty}, {forgotten, empty}})};
};
struct SecondTerminal : Base {
    static constexpr TransitionTable table{std::to_array<Row>({
        {created, empty}, {empty, learning, Guard::any}, {learning, mixing, Guard::any},
        {mixing, judged, Guard::any}, {judged, kept, Guard::any}, {learning, forgotten}})};
};
struct NoWayBack : Base {
    static constexpr TransitionTable table{std::to_array<Row>({
        {created, empty}, {empty, learning, Guard::any}, {learning, mixing, Guard::any},
        {mixing, judged, Guard::any}, {judged, kept, Guard::any}, {learning, forgotten},
        {forgotten, empty}})};
};
struct WayRound : Base {
    static constexpr TransitionTable table{std::to_array<Row>({
        {created, empty}, {empty, learning, Guard::any}, {learning, mixing, Guard::any},
        {mixing, judged, Guard::any}, {judged, kept, Guard::any}, {learning, forgotten},
        {mixing, forgotten}, {judged, forgotten}, {forgotten, empty},
        {learning, kept, Guard::any}})};
};
struct OpenGate : Base {
    static constexpr TransitionTable table{std::to_array<Row>({
        {created, empty}, {empty, learning, Guard::any}, {learning, mixing},
        {mixing, judged, Guard::any}, {judged, kept, Guard::any}, {learning, forgotten},
        {mixing, forgotten}, {judged, forgotten}, {forgotten, empty}})};
};
struct GatedPrune : Base {
    static constexpr TransitionTable table{std::to_array<Row>({
        {created, empty}, {empty, learning, Guard::any}, {learning, mixing, Guard::any},
        {mixing, judged, Guard::any}, {judged, kept, Guard::any}, {learning, forgotten, Guard::any},
        {mixing, forgotten}, {judged, forgotten}, {forgotten, empty}})};
};
struct SelfStep : Base {
    static constexpr TransitionTable table{std::to_array<Row>({
        {created, empty}, {empty, learning, Guard::any}, {learning, mixing, Guard::any},
        {mixing, judged, Guard::any}, {judged, kept, Guard::any}, {learning, forgotten},
        {mixing, forgotten}, {judged, forgotten}, {forgotten, empty}, {mixing, mixing}})};
};

struct NoTable : Base {};
static_assert(!LifecycleDescription<NoTable>);

}  // namespace

TEST_CASE("each broken rule of a lifecycle is found, with the stages", "[L-2][L-3]") {
    using enum LifecycleRule;
    STATIC_REQUIRE(!keeps_rule<Unreachable, every_stage_is_reachable_from_the_first>);
    STATIC_REQUIRE(!keeps_rule<SecondTerminal, only_the_final_stage_is_terminal>);
    STATIC_REQUIRE(!keeps_rule<NoWayBack, every_other_stage_can_return_to_rest>);
    STATIC_REQUIRE(
        !keeps_rule<WayRound, every_path_to_the_final_stage_passes_the_milestones_in_order>);
    STATIC_REQUIRE(!keeps_rule<OpenGate, every_step_that_raises_influence_has_a_gate>);
    STATIC_REQUIRE(!keeps_rule<GatedPrune, steps_that_do_not_raise_influence_have_no_gate>);
    STATIC_REQUIRE(!keeps_rule<SelfStep, no_stage_leads_to_itself>);

    constexpr auto finding =
        lifecycle_detail::find_violation<Unreachable>(
            every_stage_is_reachable_from_the_first);
    CHECK(finding.to == Phase::forgotten);
    constexpr auto open =
        lifecycle_detail::find_violation<OpenGate>(every_step_that_raises_influence_has_a_gate);
    CHECK(open.from == Phase::learning);
    CHECK(open.to == Phase::mixing);
}

TEST_CASE("the library's own lifecycle keeps every rule", "[L-2]") {
    using enum LifecycleRule;
    STATIC_REQUIRE(keeps_rule<SeedLifecycle, every_stage_is_reachable_from_the_first>);
    STATIC_REQUIRE(keeps_rule<SeedLifecycle, only_the_final_stage_is_terminal>);
    STATIC_REQUIRE(keeps_rule<SeedLifecycle, every_other_stage_can_return_to_rest>);
    STATIC_REQUIRE(
        keeps_rule<SeedLifecycle, every_path_to_the_final_stage_passes_the_milestones_in_order>);
    STATIC_REQUIRE(keeps_rule<SeedLifecycle, every_step_that_raises_influence_has_a_gate>);
    STATIC_REQUIRE(keeps_rule<SeedLifecycle, steps_that_do_not_raise_influence_have_no_gate>);
    STATIC_REQUIRE(keeps_rule<SeedLifecycle, no_stage_leads_to_itself>);
}
