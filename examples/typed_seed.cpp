// A seed taken out of a slot, advanced as a typed one, and put back.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/gates/message.hpp>
#include <kasmina/slot/slot.hpp>

#include "support/arguments.hpp"

using namespace kasmina;
using Cpu = backends::Eigen<float>;
using Place = Slot<Cpu, BlueprintList<cnn::ConvLight>>;

/// How far a seed, in a slot or out of it, moves features that are all 1.
template <class Lives>
double influence(Cpu::Context& cpu, const Lives& lives) {
    Tape<Cpu> tape(cpu, Recording::none);
    Pass<Cpu> pass(tape, Mode::evaluation);
    const std::vector<float> ones(1 * 4 * 4 * 8, 1.0F);
    double moved = 0.0;
    for (const float value : lives.forward(pass, pass.constant({1, 4, 4, 8}, ones)).to_host()) {
        moved = std::max(moved, std::abs(static_cast<double>(value) - 1.0));
    }
    return moved;
}

int main(int argc, char** argv) {
    const examples::Arguments none(argc, argv);
    Cpu::Context cpu;
    SlotServices<Cpu, DefaultPolicies> services{.context = &cpu, .generator = Generator(1)};
    Place slot("r0c0", Topology::cnn, 8, {}, services);
    slot.germinate("conv_light", {.curve = AlphaCurve::linear, .tempo_epochs = 2});
    slot.advance();

    // Out of the slot, the seed's stage is part of its type. Another stage or blueprint than the
    // slot holds is an error that says what it holds.
    auto training = slot.take<Stage::training, cnn::ConvLight>();
    std::printf("the slot is %s, the seed %s in %s\n", name_of(slot.stage()).data(),
                training.record().seed_id.c_str(), name_of(training.stage).data());

    // What the strict gate on the next step asks for. A step to any stage but blending would not
    // compile, nor would one with a gate set that does not guard it.
    const StrictGates gates;
    auto refused = std::move(training).advance<Stage::blending>(gates);
    std::printf("%s\n", message_of(refused.gate).c_str());
    training = std::move(refused).same();
    for (const double accuracy : {60.0, 60.5, 61.0}) {
        training.record().metrics.record_score(accuracy);
        training.tick();
    }
    training.record().metrics.gradient_ratio = 0.5;
    auto blending = std::move(training).advance<Stage::blending>(gates).next();
    std::printf("alpha %.2f moves nothing: %s\n", blending.alpha().alpha,
                influence(cpu, blending) == 0.0 ? "yes" : "no");
    blending.tick();
    const double outside = influence(cpu, blending);

    // Back in the slot it is in the stage and at the amplitude that it came to.
    const AdvanceResult planted = slot.plant(std::move(blending));
    std::printf("%s: the slot is %s, alpha %.2f, moves as much as outside: %s\n",
                message_of(planted.gate).c_str(), name_of(slot.stage()).data(), slot.alpha(),
                influence(cpu, slot) == outside && outside > 0.0 ? "yes" : "no");
    slot.step_epoch();
    std::printf("one epoch on: alpha %.2f after %d steps\n", slot.alpha(),
                static_cast<int>(slot.record()->history.size()));
}
