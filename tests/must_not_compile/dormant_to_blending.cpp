// expects: Stage::dormant
// expects: Stage::blending
// expects: illegal advance
// An empty slot has nothing to blend (L-1, L-4).
#include <kasmina/slot/typed_seed.hpp>

using kasmina::Stage;
#ifdef KASMINA_MUST_NOT_COMPILE
constexpr Stage target = Stage::blending;
#else
constexpr Stage target = Stage::germinated;
#endif
static_assert(kasmina::Advance<Stage::dormant, target,
                               kasmina::slot_detail::Allowed<Stage::dormant>,
                               kasmina::next_stage(Stage::dormant) == target>::legal);
