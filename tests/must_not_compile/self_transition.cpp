// expects: To = kasmina::Stage::training|Stage::training, kasmina::Stage::training
// expects: S = kasmina::Stage::training|Stage::training, kasmina::Stage::training
// expects: illegal advance
// No stage leads to itself (L-2).
#include "illegal_advance.inc"

auto step(SeedIn<Stage::training> seed, const kasmina::StrictGates& gates) {
#ifdef KASMINA_MUST_NOT_COMPILE
    return std::move(seed).advance<Stage::training>(gates);
#else
    return std::move(seed).advance<Stage::blending>(gates);
#endif
}
