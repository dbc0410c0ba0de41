// expects: Stage::fossilized
// expects: Stage::pruned
// expects: MayGoTo<>
// expects: illegal advance
// Fossilized is final: not even a prune (L-1, S-4).
#include "illegal_advance.inc"

#ifdef KASMINA_MUST_NOT_COMPILE
auto step(SeedIn<Stage::fossilized> seed) {
    return std::move(seed).prune("no");
}
#else
auto step(SeedIn<Stage::holding> seed) {
    return std::move(seed).prune("no");
}
#endif
