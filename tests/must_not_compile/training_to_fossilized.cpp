// expects: Stage::training
// expects: Stage::fossilized
// expects: MayGoTo<
// expects: illegal advance
// A seed in training cannot fossilize: blending and holding come first (L-1, L-4).
#include "illegal_advance.inc"

auto step(SeedIn<Stage::training> seed, const kasmina::StrictGates& gates) {
#ifdef KASMINA_MUST_NOT_COMPILE
    return std::move(seed).advance<Stage::fossilized>(gates);
#else
    return std::move(seed).advance<Stage::blending>(gates);
#endif
}
