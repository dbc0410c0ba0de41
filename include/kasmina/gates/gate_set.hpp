// GateSet: one policy per gate, checked at compile time to guard every step of a lifecycle.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>

#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>
#include <kasmina/gates/policies.hpp>
#include <kasmina/lifecycle/lifecycle.hpp>

namespace kasmina {

/// A gate policy: which gate it is, and a verdict from evidence and thresholds (G-8).
template <class P>
concept GatePolicy =
    requires(const P policy, const GateEvidence& seen, const GateThresholds& thresholds) {
        { P::gate } -> std::convertible_to<Gate>;
        { policy(seen, thresholds) } -> std::same_as<GateResult>;
    };

/// Whether a policy calls itself strict with `static constexpr bool strict = true`.
template <class P>
inline constexpr bool is_strict_gate = [] {
    if constexpr (requires { P::strict; }) {
        return static_cast<bool>(P::strict);
    } else {
        return false;
    }
}();

/// Names a gate in the condition of an assertion, where clang shows it.
template <Gate G, bool Present>
struct GateIsInSet {
    static constexpr bool value = Present;
};

/// Policies for gates, one each, with the thresholds they share. Exchange a single gate by
/// writing the set with another policy in its place.
template <class... Policies>
struct GateSet : Policies... {
    static_assert((GatePolicy<Policies> && ...),
                  "GatePolicy: give each gate `static constexpr Gate gate` and `GateResult "
                  "operator()(const GateEvidence&, const GateThresholds&) const`");

    GateThresholds thresholds{};

    template <Gate G>
    static constexpr bool has = ((Policies::gate == G) || ...);

    /// Whether gate G asks for a minimum of epochs; auto-forward waits for them then (G-9).
    template <Gate G>
    static constexpr bool strict = ((Policies::gate == G && is_strict_gate<Policies>) || ...);

    /// The verdict of gate G; a compile error when the set has none (G-0).
    template <Gate G>
    [[nodiscard]] constexpr GateResult evaluate(const GateEvidence& seen) const {
        static_assert(GateIsInSet<G, has<G>>::value,
                      "this gate set lacks the gate that is named here: add a policy for it");
        GateResult result(G);
        ((Policies::gate == G
              ? (void)(result = static_cast<const Policies&>(*this)(seen, thresholds))
              : (void)0),
         ...);
        return result;
    }

    /// The verdict of a gate known at run time. Errors: GateError when the set has none (G-0).
    [[nodiscard]] constexpr GateResult evaluate(Gate asked, const GateEvidence& seen) const {
        GateResult result(asked);
        const bool known =
            ((Policies::gate == asked
                  ? (result = static_cast<const Policies&>(*this)(seen, thresholds), true)
                  : false) ||
             ...);
        if (!known) throw_missing(asked);
        return result;
    }

private:
    [[noreturn]] KASMINA_COLD static void throw_missing(Gate asked) {
        std::string there;
        (append_to_list(there, name_of(Policies::gate)), ...);
        throw GateError(
            "there is no such gate in this set", "GateSet::evaluate",
            there.empty() ? "a set with gates" : "one of " + there,
            std::string(name_of(asked)) + " (" + std::to_string(static_cast<int>(asked)) + ")",
            "add a policy for it to the GateSet");
    }
};

namespace gates::detail {

template <class Set>
struct ArePolicies : std::true_type {};
template <class... Policies>
struct ArePolicies<GateSet<Policies...>> : std::bool_constant<(GatePolicy<Policies> && ...)> {};

/// The first gate that the table needs and the set lacks; Gate::none when it lacks none.
template <class Set>
consteval Gate first_missing() {
    constexpr bool has[]{Set::template has<Gate::g0>,
                         Set::template has<Gate::g1>,
                         Set::template has<Gate::g2>,
                         Set::template has<Gate::g3>,
                         false,
                         Set::template has<Gate::g5>};
    for (const auto& row : transitions.rows) {
        if (row.gate != Gate::none && !has[static_cast<std::size_t>(row.gate)]) return row.gate;
    }
    return Gate::none;
}

/// `Missing` is there so that the compiler prints it.
template <class Set, Gate Missing>
struct GateSetProof {
    static_assert(GateIsInSet<Missing, Missing == Gate::none>::value,
                  "this gate set lacks the gate that is named here, and the lifecycle needs it: "
                  "add a policy for it to the GateSet");
    static constexpr bool value = Missing == Gate::none;
};

}  // namespace gates::detail

/// Whether a set is made of gates; asked without making the set. One of another make answers for
/// itself.
template <class Set>
inline constexpr bool gates_are_policies = gates::detail::ArePolicies<Set>::value;

/// What can be asked for each gate whether it has it, and for its verdict.
template <class Set>
concept GuardingSet =
    gates_are_policies<Set> && requires(const Set& set, const GateEvidence& seen) {
        { Set::template has<Gate::g2> } -> std::convertible_to<bool>;
        { Set::template strict<Gate::g2> } -> std::convertible_to<bool>;
        { set.evaluate(Gate::g2, seen) } -> std::same_as<GateResult>;
    };

/// `GuardsEveryStep<Set>::value` is true, or a compile error that names the gate the set lacks
/// (G-8).
template <class Set>
using GuardsEveryStep = gates::detail::GateSetProof<Set, gates::detail::first_missing<Set>()>;

using StrictGates = GateSet<gates::Identity, gates::Germination, gates::StrictTraining,
                            gates::Blended<true>, gates::Contribution<true>>;
using PermissiveGates = GateSet<gates::Identity, gates::Germination, gates::PermissiveTraining,
                                gates::Blended<false>, gates::Contribution<false>>;

/// What a network grows with (S-13): a seed is blended in when it is ready, and kept when it was
/// seen to help.
using DefaultGates = GateSet<gates::Identity, gates::Germination, gates::ReadyTraining,
                             gates::Blended<true>, gates::Contribution<true>>;

static_assert(GuardsEveryStep<StrictGates>::value);
static_assert(GuardsEveryStep<DefaultGates>::value);
static_assert(GuardsEveryStep<PermissiveGates>::value);

}  // namespace kasmina
