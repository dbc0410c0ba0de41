// A slot's whole life with a sink chosen by the build; its object file is searched for telemetry.
#include <kasmina/backends/xtensor.hpp>
#include <kasmina/blueprints/cnn/norm.hpp>
#include <kasmina/blueprints/registry.hpp>
#include <kasmina/slot/slot.hpp>
#include <kasmina/telemetry/memory_sink.hpp>

namespace kasmina {

struct Policies : DefaultPolicies {
    using Sink = telemetry::KASMINA_TEST_SINK;
};

using B = backends::Xtensor<float>;

/// Every call that tells a sink something.
void live(Slot<B, BlueprintList<cnn::Norm>, Policies>& slot) {
    slot.germinate("norm");
    slot.advance();
    slot.restore(slot.state());
    slot.plant(slot.take<Stage::training, cnn::Norm>());
    slot.schedule_prune(3, AlphaCurve::linear, default_steepness, "over");
    slot.prune("over");
    slot.step_epoch();
}

}  // namespace kasmina
