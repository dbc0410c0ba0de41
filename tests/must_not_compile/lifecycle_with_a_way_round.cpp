// expects: every_path_to_the_final_stage_passes_the_milestones_in_order
// expects: Phase::judged
// expects: Phase::kept
// expects: this lifecycle breaks the rule
// A way into the final stage that goes round the last gate (L-2, L-3).
#include "own_lifecycle.inc"

struct Lifecycle {
    using enum Phase;
    static constexpr kasmina::TransitionTable table{std::to_array<Row>({
        {created, empty},
        {empty, learning, Guard::any},
        {learning, mixing, Guard::any},
        {mixing, judged, Guard::any},
        {judged, kept, Guard::any},
        {learning, forgotten},
        {forgotten, empty},
        {mixing, empty},
        {judged, empty},
#ifdef KASMINA_MUST_NOT_COMPILE
        {mixing, kept, Guard::any},
#endif
    })};
    static constexpr std::array stages{created, empty, learning, mixing, judged, kept, forgotten};
    static constexpr Phase first = created, rest = empty, final = kept;
    static constexpr std::array influence{empty, learning, mixing, judged, kept};
    static constexpr std::array milestones{learning, mixing, judged};
};
static_assert(kasmina::ProvenLifecycle<Lifecycle>::value);
