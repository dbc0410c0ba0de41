// expects: every_stage_is_reachable_from_the_first
// expects: Phase::forgotten
// expects: this lifecycle breaks the rule
// A stage that nothing leads to (L-2, L-3).
#include "own_lifecycle.inc"

struct Lifecycle {
    using enum Phase;
    static constexpr kasmina::TransitionTable table{std::to_array<Row>({
        {created, empty},
        {empty, learning, Guard::any},
        {learning, mixing, Guard::any},
        {mixing, judged, Guard::any},
        {judged, kept, Guard::any},
        {forgotten, empty},
        {judged, empty},
#ifndef KASMINA_MUST_NOT_COMPILE
        {learning, forgotten},
#endif
    })};
    static constexpr std::array stages{created, empty, learning, mixing, judged, kept, forgotten};
    static constexpr Phase first = created, rest = empty, final = kept;
    static constexpr std::array influence{empty, learning, mixing, judged, kept};
    static constexpr std::array milestones{learning, mixing, judged};
};
static_assert(kasmina::ProvenLifecycle<Lifecycle>::value);
