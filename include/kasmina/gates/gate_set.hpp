// GateSet: one policy per gate, checked at compile time to guard every step of a lifecycle.
#pragma once

#include <concepts>

#include <kasmina/gates/policies.hpp>
#include <kasmina/lifecycle/lifecycle.hpp>

namespace kasmina {

/// A gate policy: which gate it is, and a verdict from evidence and thresholds (G-8).
template <class P>
concept GatePolicy = requires(const P policy, const GateEvidence& seen,
                              const GateThresholds& thresholds) {
    { P::gate } -> std::convertible_to<Gate>;
    { policy(seen, thresholds) } -> std::same_as<GateResult>;
};

/// Appears in a compile error with the gate that a set lacks.
template <Gate Missing, bool Present>
struct GateIsInSet {
    static_assert(Present,
                  "this gate set lacks the gate named in `GateIsInSet<gate, ...>`, which the "
                  "lifecycle needs: add a policy for it to the GateSet");
    static constexpr bool value = Present;
};

/// Policies for gates, one each, with the thresholds they share. Exchange a single gate by
/// writing the set with another policy in its place.
template <GatePolicy... Policies>
struct GateSet : Policies... {
    GateThresholds thresholds{};

    template <Gate G>
    static constexpr bool has = ((Policies::gate == G) || ...);

    /// The verdict of gate G; a compile error when the set has none (G-0).
    template <Gate G>
    [[nodiscard]] constexpr GateResult evaluate(const GateEvidence& seen) const {
        static_assert(GateIsInSet<G, has<G>>::value);
        GateResult result(G);
        ((Policies::gate == G
              ? (void)(result = static_cast<const Policies&>(*this)(seen, thresholds))
              : (void)0),
         ...);
        return result;
    }

    /// The verdict of a gate known at run time. A gate that the set lacks never passes: its
    /// result says `gate_exists` failed.
    [[nodiscard]] constexpr GateResult evaluate(Gate gate, const GateEvidence& seen) const {
        GateResult result(gate);
        const bool known =
            ((Policies::gate == gate
                  ? (result = static_cast<const Policies&>(*this)(seen, thresholds), true)
                  : false) ||
             ...);
        if (!known) result.require("gate_exists", false);
        return result;
    }
};

namespace lifecycle_detail {

/// Whether a row of the table needs the gate.
consteval bool needs_gate(Gate gate) {
    for (const auto& row : SeedLifecycle::table.rows) {
        if (row.gate == gate) return true;
    }
    return false;
}

template <class Set, Gate G>
inline constexpr bool open = needs_gate(G) && !Set::template has<G>;

}  // namespace lifecycle_detail

/// True, or a compile error that names the gate the set lacks (G-8).
template <class Set>
inline constexpr bool guards_every_step =
    GateIsInSet<Gate::g0, !lifecycle_detail::open<Set, Gate::g0>>::value &&
    GateIsInSet<Gate::g1, !lifecycle_detail::open<Set, Gate::g1>>::value &&
    GateIsInSet<Gate::g2, !lifecycle_detail::open<Set, Gate::g2>>::value &&
    GateIsInSet<Gate::g3, !lifecycle_detail::open<Set, Gate::g3>>::value &&
    GateIsInSet<Gate::g5, !lifecycle_detail::open<Set, Gate::g5>>::value;

using StrictGates = GateSet<gates::Identity, gates::Germination, gates::StrictTraining,
                            gates::Blended<true>, gates::Contribution<true>>;
using PermissiveGates = GateSet<gates::Identity, gates::Germination, gates::PermissiveTraining,
                                gates::Blended<false>, gates::Contribution<false>>;

static_assert(guards_every_step<StrictGates>);
static_assert(guards_every_step<PermissiveGates>);

}  // namespace kasmina
