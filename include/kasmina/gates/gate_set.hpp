// GateSet: one policy per gate, checked at compile time to guard every step of a lifecycle.
#pragma once

#include <concepts>
#include <cstddef>
#include <utility>

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

template <class Set, std::size_t Row>
consteval bool guards_row() {
    constexpr Gate gate = SeedLifecycle::table.rows[Row].gate;
    if constexpr (gate == Gate::none) {
        return true;
    } else {
        return GateIsInSet<gate, Set::template has<gate>>::value;
    }
}

template <class Set, std::size_t... Rows>
consteval bool guards_rows(std::index_sequence<Rows...>) {
    return (guards_row<Set, Rows>() && ...);
}

}  // namespace lifecycle_detail

/// True, or a compile error that names the gate the set lacks (G-8).
template <class Set>
inline constexpr bool guards_every_step = lifecycle_detail::guards_rows<Set>(
    std::make_index_sequence<SeedLifecycle::table.rows.size()>{});

using StrictGates = GateSet<gates::Identity, gates::Germination, gates::StrictTraining,
                            gates::Blended<true>, gates::Contribution<true>>;
using PermissiveGates = GateSet<gates::Identity, gates::Germination, gates::PermissiveTraining,
                                gates::Blended<false>, gates::Contribution<false>>;

static_assert(guards_every_step<StrictGates>);
static_assert(guards_every_step<PermissiveGates>);

}  // namespace kasmina
