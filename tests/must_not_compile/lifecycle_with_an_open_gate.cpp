// expects: every_step_that_raises_influence_has_a_gate
// expects: Phase::judged
// expects: Phase::kept
// expects: this lifecycle breaks the rule
// The last step is there, but nothing guards it (L-2, L-3).
#include "own_lifecycle.inc"

#ifdef KASMINA_MUST_NOT_COMPILE
constexpr Guard last = Guard::none;
#else
constexpr Guard last = Guard::any;
#endif

struct Lifecycle {
    using enum Phase;
    static constexpr kasmina::TransitionTable table{std::to_array<Row>({
        {created, empty},
        {empty, learning, Guard::any},
        {learning, mixing, Guard::any},
        {mixing, judged, Guard::any},
        {judged, kept, last},
        {learning, forgotten},
        {forgotten, empty},
        {mixing, empty},
        {judged, empty},
    })};
    static constexpr std::array stages{created, empty, learning, mixing, judged, kept, forgotten};
    static constexpr Phase first = created, rest = empty, final = kept;
    static constexpr std::array influence{empty, learning, mixing, judged, kept};
    static constexpr std::array milestones{learning, mixing, judged};
};
static_assert(kasmina::ProvenLifecycle<Lifecycle>::value);
