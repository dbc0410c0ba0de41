// A gate, a sink or a communicator of one's own that is none: found where the model is made.
// gate_gives_a_bool expects: `GateResult operator()(const GateEvidence&, const GateThresholds&)
// gate_without_gate expects: GatePolicy: give each gate `static constexpr Gate gate`
// gate_not_const expects: `GateResult operator()(const GateEvidence&, const GateThresholds&)
// gates_are_no_set expects: GuardingSet: let the policies' `Gates` be a `GateSet<...>` of gates
// sink_without_emit expects: Sink: give the sink `void emit(const telemetry::Event&)`
// sink_that_stays expects: and let it be moved
// communicator_decides_nothing expects: and `bool decide(bool verdict)`
#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

using namespace kasmina;
using Cpu = backends::Eigen<float>;

struct MyGate {
#ifndef gate_without_gate
    static constexpr Gate gate = Gate::g2;
#endif
#if defined(gate_gives_a_bool)
    bool operator()(const GateEvidence&, const GateThresholds&) const { return true; }
#elif defined(gate_not_const)
    GateResult operator()(const GateEvidence&, const GateThresholds&) {
        return GateResult(Gate::g2);
    }
#else
    GateResult operator()(const GateEvidence&, const GateThresholds&) const {
        return GateResult(Gate::g2);
    }
#endif
};

struct MySink {
#ifdef sink_without_emit
    void write(const telemetry::Event&) {}
#else
    void emit(const telemetry::Event&) {}
#endif
#ifdef sink_that_stays
    MySink() = default;
    MySink(MySink&&) = delete;
#endif
};

struct MyCommunicator {
    int rank() const { return 0; }
    int size() const { return 1; }
#ifdef communicator_decides_nothing
    void decide(bool) {}
#else
    bool decide(bool verdict) { return verdict; }
#endif
};

struct Policies : DefaultPolicies {
#ifdef gates_are_no_set
    using Gates = MyGate;
#else
    using Gates = GateSet<gates::Identity, gates::Germination, MyGate, gates::Blended<true>,
                          gates::Contribution<true>>;
#endif
    using Sink = MySink;
    using Communicator = MyCommunicator;
};

int main() {
    Cpu::Context cpu;
    Generator random(1);
    MorphogeneticModel<hosts::Cnn<Cpu>, CnnBlueprints, Policies> model{
        cpu, hosts::Cnn<Cpu>{cpu}, {}, random};
}
