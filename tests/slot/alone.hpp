// A slot by itself, with what it would share with others, under gates that are open or strict.
#pragma once

#include <vector>

#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/slot/slot.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/chosen_backend.hpp"

namespace kasmina::test {

using OpenSlot = Slot<Chosen64, CnnBlueprints, OpenPolicies>;

struct StrictPolicies : DefaultPolicies {
    using Gates = StrictGates;
};
using StrictSlot = Slot<Chosen64, CnnBlueprints, StrictPolicies>;

/// A slot of width 8 with what it would share with others.
template <class SlotType, class Policies>
struct Alone {
    explicit Alone(SlotOptions options = {}) : slot("r0c0", Topology::cnn, 8, options, services) {}
    Chosen64::Context context{};
    SlotServices<Chosen64, Policies> services{.context = &context, .generator = Generator(7)};
    SlotType slot;
};
using Open = Alone<OpenSlot, OpenPolicies>;
using Strict = Alone<StrictSlot, StrictPolicies>;
using Default = Alone<Slot<Chosen64, CnnBlueprints>, DefaultPolicies>;

inline void go_to(OpenSlot& slot, Stage goal) {
    slot.germinate("conv_light");
    while (slot.stage() != goal) REQUIRE(slot.advance().advanced);
}

inline const std::vector<Stage> live_stages{Stage::germinated, Stage::training, Stage::blending,
                                            Stage::holding};

}  // namespace kasmina::test
