// expects: Gate::g2
// expects: this gate set lacks the gate
// A typed seed cannot take a guarded step with a gate set that does not guard it (G-0).
#include "illegal_advance.inc"

namespace gates = kasmina::gates;
#ifdef KASMINA_MUST_NOT_COMPILE
using Gates = kasmina::GateSet<gates::Identity, gates::Germination>;
#else
using Gates = kasmina::GateSet<gates::Identity, gates::Germination, gates::PermissiveTraining>;
#endif

auto step(SeedIn<Stage::training> seed, const Gates& gates) {
    return std::move(seed).advance<Stage::blending>(gates);
}
