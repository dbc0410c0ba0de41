// A gate of your own: a seed leaves training when it has gained enough per epoch.
#include <cstdio>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn/noop.hpp>
#include <kasmina/gates/message.hpp>
#include <kasmina/slot/slot.hpp>

#include "support/arguments.hpp"

using namespace kasmina;

/// Stands in for G2. Each check has a name, a measured value and its bound.
struct SteadyGain {
    static constexpr Gate gate = Gate::g2;
    double points_per_epoch = 0.5;

    constexpr GateResult operator()(const GateEvidence& seen, const GateThresholds&) const {
        const double epochs = seen.epochs_in_stage;
        const double gain = epochs > 0 ? seen.improvement_since_stage_start / epochs : 0.0;
        return GateResult(gate)
            .require_at_least("epochs_in_stage", epochs, 2)
            .require_at_least("points_per_epoch", gain, points_per_epoch)
            .with_score(gain / 2.0);
    }
};

// The other gates are the library's strict ones. A set that lacks one does not compile.
struct Policies : DefaultPolicies {
    using Gates = GateSet<gates::Identity, gates::Germination, SteadyGain, gates::Blended<true>,
                          gates::Contribution<true>>;
};

// Gates compute at compile time too.
constexpr GateEvidence good{.epochs_in_stage = 4, .improvement_since_stage_start = 3.0};
static_assert(Policies::Gates{}.evaluate<Gate::g2>(good).passed());

int main(int argc, char** argv) {
    const examples::Arguments none(argc, argv);
    using Cpu = backends::Eigen<float>;
    Cpu::Context cpu;
    SlotServices<Cpu, Policies> services{.context = &cpu};
    services.gates.points_per_epoch = 0.25;
    Slot<Cpu, BlueprintList<cnn::Noop>, Policies> slot("r0c0", Topology::cnn, 8, {}, services);
    slot.germinate("noop");
    slot.advance();
    for (const double accuracy : {60.0, 60.125, 60.25, 61.0}) {
        slot.record_score(accuracy);  // of the network, in percentage points
        const AdvanceResult result = slot.advance();
        std::printf("%s, score %.3f: the seed is %s\n", message_of(result.gate).c_str(),
                    result.gate.score(), name_of(slot.stage()).data());
        slot.step_epoch();
    }
}
