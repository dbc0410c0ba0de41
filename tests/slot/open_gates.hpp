// Gates that let every seed pass, but one that a test has shut: so tests reach any stage.
#pragma once

#include <kasmina/slot/slot.hpp>

namespace kasmina::test {

/// The alpha tolerance with which a test shuts the gates.
inline constexpr double shut = 1.0;

/// Passes, unless a test has shut it.
template <Gate G>
struct OpenGate {
    static constexpr Gate gate = G;

    constexpr GateResult operator()(const GateEvidence&, const GateThresholds& thresholds) const {
        return GateResult(G).require("open", thresholds.alpha_tolerance < shut);
    }
};

using OpenGates = GateSet<OpenGate<Gate::g0>, OpenGate<Gate::g1>, OpenGate<Gate::g2>,
                          OpenGate<Gate::g3>, OpenGate<Gate::g5>>;

struct OpenPolicies : DefaultPolicies {
    using Gates = OpenGates;
};

}  // namespace kasmina::test
