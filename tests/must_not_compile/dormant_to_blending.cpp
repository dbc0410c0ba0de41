// expects: Stage::dormant
// expects: Stage::blending
// expects: MayGoTo<
// expects: illegal advance
// An empty slot has nothing to blend (L-1, L-4).
#include "illegal_advance.inc"

#ifdef KASMINA_MUST_NOT_COMPILE
constexpr Stage from = Stage::dormant;
#else
constexpr Stage from = Stage::training;
#endif

auto step(SeedIn<from> seed, const kasmina::StrictGates& gates) {
    return std::move(seed).advance<Stage::blending>(gates);
}
