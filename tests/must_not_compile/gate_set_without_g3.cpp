// expects: Gate::g3
// expects: this gate set lacks the gate
// A gate set that leaves a guarded step open does not compile, and says which (G-0, G-8).
#include <kasmina/gates/gate_set.hpp>

using namespace kasmina;
#ifdef KASMINA_MUST_NOT_COMPILE
using Gates =
    GateSet<gates::Identity, gates::Germination, gates::StrictTraining, gates::Contribution<true>>;
#else
using Gates = GateSet<gates::Identity, gates::Germination, gates::StrictTraining,
                      gates::Blended<false>, gates::Contribution<true>>;
#endif
static_assert(GuardsEveryStep<Gates>::value);
