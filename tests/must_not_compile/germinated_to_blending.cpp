// expects: Stage::germinated
// expects: Stage::blending
// expects: illegal advance
// A seed that has not trained cannot blend (L-1, L-4).
#include "illegal_advance.inc"

auto step(SeedIn<Stage::germinated> seed, const kasmina::StrictGates& gates) {
#ifdef KASMINA_MUST_NOT_COMPILE
    return std::move(seed).advance<Stage::blending>(gates);
#else
    return std::move(seed).advance<Stage::training>(gates);
#endif
}
