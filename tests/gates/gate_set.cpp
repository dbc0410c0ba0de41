// Gate sets: exchangeable per gate, complete by proof, and closed where they are not.
#include <type_traits>

#include <kasmina/gates/gate_set.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::gate_set_test {
namespace {

/// A user's own G5: the seed has held for ten epochs, whatever it contributes.
struct Patience {
    static constexpr Gate gate = Gate::g5;
    int epochs = 10;

    constexpr GateResult operator()(const GateEvidence& seen, const GateThresholds&) const {
        return GateResult(gate).require_at_least("patience", seen.epochs_in_stage, epochs);
    }
};

struct StrictPatience : Patience {
    static constexpr bool strict = true;
};

struct WithoutGate {
    constexpr GateResult operator()(const GateEvidence&, const GateThresholds&) const {
        return GateResult(Gate::g5);
    }
};
struct WithoutVerdict {
    static constexpr Gate gate = Gate::g5;
};
struct WithBareAnswer {
    static constexpr Gate gate = Gate::g5;
    constexpr bool operator()(const GateEvidence&, const GateThresholds&) const { return true; }
};
struct WithoutThresholds {
    static constexpr Gate gate = Gate::g5;
    constexpr GateResult operator()(const GateEvidence&) const { return GateResult(gate); }
};
struct NotConst {
    static constexpr Gate gate = Gate::g5;
    constexpr GateResult operator()(const GateEvidence&, const GateThresholds&) {
        return GateResult(gate);
    }
};

using Patient = GateSet<gates::Identity, gates::Germination, gates::PermissiveTraining,
                        gates::Blended<true>, Patience>;

}  // namespace

TEST_CASE("a gate policy names its gate and gives a verdict, const", "[G-8]") {
    static_assert(GatePolicy<gates::Identity> && GatePolicy<gates::Germination>);
    static_assert(GatePolicy<gates::StrictTraining> && GatePolicy<gates::PermissiveTraining>);
    static_assert(GatePolicy<gates::Blended<true>> && GatePolicy<gates::Contribution<false>>);
    static_assert(GatePolicy<Patience>);
    static_assert(!GatePolicy<WithoutGate>);
    static_assert(!GatePolicy<WithoutVerdict>);
    static_assert(!GatePolicy<WithBareAnswer>);
    static_assert(!GatePolicy<WithoutThresholds>);
    static_assert(!GatePolicy<NotConst>);
    SUCCEED();
}

TEST_CASE("strict, permissive and a user's own gates mix in one set", "[G-8]") {
    static_assert(GuardsEveryStep<StrictGates>::value);
    static_assert(GuardsEveryStep<PermissiveGates>::value);
    static_assert(GuardsEveryStep<DefaultGates>::value);
    static_assert(GuardsEveryStep<Patient>::value);
    const Patient set{};
    GateEvidence seen;
    seen.epochs_in_stage = 9;
    CHECK(set.evaluate<Gate::g5>(seen).failed("patience"));
    seen.epochs_in_stage = 10;
    CHECK(set.evaluate<Gate::g5>(seen).passed());
    CHECK(set.evaluate(Gate::g5, seen).passed());
}

TEST_CASE("the shipped sets differ just where the rules say", "[G-3][G-4][G-5][G-6]") {
    GateEvidence seen;
    seen.epochs_in_stage = 3;
    seen.gradients = GradientEvidence{1.0, false, false};
    CHECK_FALSE(StrictGates{}.evaluate(Gate::g2, seen).passed());
    CHECK(PermissiveGates{}.evaluate(Gate::g2, seen).passed());
    seen.alpha = seen.alpha_target = 1.0;
    seen.epochs_in_stage = 0;
    CHECK_FALSE(StrictGates{}.evaluate(Gate::g3, seen).passed());
    CHECK(PermissiveGates{}.evaluate(Gate::g3, seen).passed());
    seen.contribution = judge::Estimate{0.2, 0.0, 20};
    seen.contribution_by = judge::MeasureKind::shadow;
    CHECK_FALSE(StrictGates{}.evaluate(Gate::g5, seen).passed());
    CHECK(PermissiveGates{}.evaluate(Gate::g5, seen).passed());
}

TEST_CASE("the default set asks for readiness and for what strict G3 and G5 ask", "[S-13][G-10]") {
    GateEvidence seen;
    seen.epochs_in_stage = 3;
    seen.gradients = GradientEvidence{1.0, false, false};
    seen.improvement_since_stage_start = -1.0;  // not the seed's doing: nobody hears it yet
    CHECK_FALSE(DefaultGates{}.evaluate(Gate::g2, seen).passed());
    seen.readiness = judge::Estimate{0.0, 0.1, 3};
    CHECK(DefaultGates{}.evaluate(Gate::g2, seen).passed());
    CHECK_FALSE(StrictGates{}.evaluate(Gate::g2, seen).passed());
    static_assert(DefaultGates::strict<Gate::g3>);
    seen.contribution = judge::Estimate{0.2, 0.0, 20};
    seen.contribution_by = judge::MeasureKind::shadow;
    CHECK_FALSE(DefaultGates{}.evaluate(Gate::g5, seen).passed());
}

TEST_CASE("the thresholds of a set reach its gates", "[G-8]") {
    StrictGates set;
    set.thresholds.min_fossilize_contribution = 0.125;
    GateEvidence seen;
    seen.contribution = judge::Estimate{0.2, 0.0, 20};
    seen.contribution_by = judge::MeasureKind::shadow;
    CHECK(set.evaluate(Gate::g5, seen).passed());
    CHECK(set.evaluate(Gate::g5, seen).find("contribution_less_error")->bound == 0.125);
    CHECK_FALSE(StrictGates{}.evaluate(Gate::g5, seen).passed());
}

TEST_CASE("both ways to ask a gate give one verdict", "[G-8]") {
    GateEvidence seen;
    seen.has_seed_id = true;
    const StrictGates set{};
    const auto same = [](const GateResult& a, const GateResult& b) {
        bool equal = a.gate() == b.gate() && a.score() == b.score() && a.checks() == b.checks();
        for (std::size_t i = 0; equal && i < a.checks(); ++i) {
            equal = a.check(i).name == b.check(i).name && a.check(i).passed == b.check(i).passed;
        }
        return equal;
    };
    CHECK(same(set.evaluate<Gate::g0>(seen), set.evaluate(Gate::g0, seen)));
    CHECK(same(set.evaluate<Gate::g2>(seen), set.evaluate(Gate::g2, seen)));
    CHECK(same(set.evaluate<Gate::g5>(seen), set.evaluate(Gate::g5, seen)));
}

TEST_CASE("to ask for a gate that a set lacks is an error that names it and those there are",
          "[G-0][E-2]") {
    const GateSet<gates::Identity> set{};
    static_assert(decltype(set)::has<Gate::g0>);
    static_assert(!decltype(set)::has<Gate::g3>);
    const auto asking = [](const auto& gates, Gate gate) {
        return test::error_text<GateError>(
            [&] { static_cast<void>(gates.evaluate(gate, GateEvidence{})); });
    };
    CHECK(test::mentions(asking(set, Gate::g3), "G3 (3)"));
    CHECK(test::mentions(asking(set, Gate::g3), "one of G0;"));
    CHECK(asking(set, Gate::g0).empty());
    CHECK(test::mentions(asking(StrictGates{}, static_cast<Gate>(4)), "(4)"));
    CHECK(test::mentions(asking(StrictGates{}, static_cast<Gate>(4)), "G0, G1, G2, G3, G5"));
    CHECK(test::mentions(asking(StrictGates{}, Gate::none), "none (255)"));
}

TEST_CASE("a set knows which of its gates are strict", "[G-9]") {
    static_assert(StrictGates::strict<Gate::g3>);
    static_assert(!PermissiveGates::strict<Gate::g3>);
    static_assert(!Patient::strict<Gate::g5>);
    static_assert(GateSet<StrictPatience>::strict<Gate::g5>);
    static_assert(!GateSet<StrictPatience>::strict<Gate::g3>);
    SUCCEED();
}

// A set of policies without state is its thresholds and the room that distinct bases take.
static_assert(sizeof(GateThresholds) == 112);
static_assert(sizeof(StrictGates) == sizeof(GateThresholds));

}  // namespace kasmina::gate_set_test
