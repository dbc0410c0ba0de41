// Sets of gates: exchangeable one by one, complete or not, and what a policy must have.
#include <kasmina/gates/gate_set.hpp>

#include "support/catch.hpp"

using namespace kasmina;

namespace {

/// A gate of the user's own in the place of G2.
struct Patience {
    static constexpr Gate gate = Gate::g2;
    constexpr GateResult operator()(const GateEvidence& seen, const GateThresholds&) const {
        return GateResult(gate).require_at_least("patience", seen.epochs_in_stage, 10);
    }
};
using Mixed = GateSet<gates::Identity, gates::Germination, Patience, gates::Blended<false>,
                      gates::Contribution<true>>;
static_assert(GuardsEveryStep<Mixed>::value);
static_assert(GatePolicy<Patience>);

struct NoGate {
    constexpr GateResult operator()(const GateEvidence&, const GateThresholds&) const {
        return GateResult(Gate::g2);
    }
};
struct NoVerdict {
    static constexpr Gate gate = Gate::g2;
};
struct BoolVerdict {
    static constexpr Gate gate = Gate::g2;
    constexpr bool operator()(const GateEvidence&, const GateThresholds&) const { return true; }
};
static_assert(!GatePolicy<NoGate> && !GatePolicy<NoVerdict> && !GatePolicy<BoolVerdict>);

}  // namespace

TEST_CASE("a user's gate takes the place of one, the others stay", "[G-8]") {
    const Mixed gates{};
    GateEvidence seen;
    seen.epochs_in_stage = 9;
    CHECK(gates.evaluate(Gate::g2, seen).failed("patience"));
    seen.epochs_in_stage = 10;
    CHECK(gates.evaluate<Gate::g2>(seen).passed());
    CHECK(gates.evaluate(Gate::g5, seen).failed("contribution_measured"));
}

TEST_CASE("thresholds of a set move its gates", "[G-8]") {
    StrictGates gates;
    gates.thresholds.min_fossilize_contribution = 3.0;
    GateEvidence seen;
    seen.contribution = 2.0;
    CHECK_FALSE(gates.evaluate(Gate::g5, seen).passed());
    gates.thresholds.min_fossilize_contribution = 2.0;
    CHECK(gates.evaluate(Gate::g5, seen).passed());
}

TEST_CASE("a gate that a set lacks never passes at run time", "[G-0]") {
    const GateSet<gates::Identity> lacking{};
    const GateResult result = lacking.evaluate(Gate::g5, GateEvidence{});
    CHECK_FALSE(result.passed());
    CHECK(result.failed("gate_exists"));
}

TEST_CASE("a result without any check has not passed", "[G-0]") {
    CHECK_FALSE(GateResult(Gate::g2).passed());
}

TEST_CASE("more checks than there is room for fail instead of getting lost", "[G-0]") {
    GateResult result(Gate::g2);
    for (std::size_t i = 0; i <= GateResult::max_checks; ++i) result.require("check", true);
    CHECK_FALSE(result.passed());
    CHECK(result.failed("too_many_checks"));
}
