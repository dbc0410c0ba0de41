// Random operations on a slot: only steps of the table happen, and a refusal changes nothing.
#include <cstdint>
#include <optional>
#include <string>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/slot/slot.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"

namespace kasmina {
namespace {

using B = backends::Eigen<double>;
using OpenSlot = Slot<B, CnnBlueprints, test::OpenPolicies>;

/// All that an observer sees of a slot, as text.
std::string portrait(const OpenSlot& slot) {
    const SlotReport seen = slot.report();
    std::string text = std::string(name_of(seen.stage)) + "|" + seen.seed_id + "|" +
                       std::to_string(seen.alpha.alpha) + "|" + std::to_string(seen.alpha.target) +
                       "|" + std::to_string(seen.time_to_target) + "|" +
                       std::to_string(seen.isolated) + std::to_string(seen.blending_out) +
                       std::to_string(seen.prune_scheduled) + "|" +
                       std::to_string(static_cast<int>(seen.algorithm)) + "|" +
                       std::to_string(seen.cooldown_ticks_left) + "|" +
                       std::to_string(seen.metrics.epochs_total) + "|" + seen.metrics.prune_reason;
    if (slot.record() != nullptr) text += "|" + std::to_string(slot.record()->history.size());
    return text;
}

/// One operation; whether it says that it did something.
bool act(OpenSlot& slot, std::uint32_t choice, double number, int steps) {
    switch (choice) {
        case 0: return slot.germinate("norm").advanced;
        case 1: return slot.advance().advanced;
        case 2: return slot.advance(all_stages[static_cast<std::size_t>(steps)]).advanced;
        case 3: return slot.prune("why").done;
        case 4: return slot.schedule_prune(steps, AlphaCurve::cosine, 12.0, "later").done;
        case 5: return slot.set_alpha_target(2.0 * number - 0.5, steps).done;
        case 6:
            return slot
                .set_alpha_target(number, steps, AlphaCurve::linear, 12.0, BlendAlgorithm::gate)
                .done;
        case 7:
        case 8: slot.step_epoch(); return true;
        default: return slot.advance().advanced;
    }
}

TEST_CASE("random operations never leave the table, and refusals change nothing",
          "[L-1][S-2][S-4][S-5][S-6][E-2]") {
    SlotServices<test::OpenPolicies> services{.generator = Generator(7)};
    Generator generator(11);
    int fossilized = 0;
    int cooled = 0;
    std::optional<OpenSlot> slot;
    for (int i = 0; i < 6000; ++i) {
        if (!slot || slot->stage() == Stage::fossilized) {
            fossilized += slot.has_value() ? 1 : 0;
            slot.emplace("r0c0", Topology::cnn, 4, SlotOptions{.embargo_ticks = 2}, services);
        }
        const auto choice = static_cast<std::uint32_t>(generator.uniform() * 12.0);
        const double number = generator.uniform();
        const int steps = static_cast<int>(generator.uniform() * 6.0);
        const bool shut = generator.uniform() < 0.3;
        services.gates.thresholds.min_blending_epochs = shut ? -1 : 3;
        const Stage from = slot->stage();
        const std::string before = portrait(*slot);
        bool done = false;
        try {
            done = act(*slot, choice, number, steps);
        } catch (const Error&) {
            done = false;
        }
        const Stage to = slot->stage();
        INFO("operation " << choice << " in " << before << " gave " << portrait(*slot));
        if (!done) REQUIRE(portrait(*slot) == before);
        REQUIRE((from == to || is_allowed(from, to)));
        REQUIRE((slot->record() == nullptr) == (to == Stage::dormant));
        const double alpha = slot->alpha();
        REQUIRE((alpha >= 0.0 && alpha <= 1.0));
        if (to == Stage::holding || to == Stage::fossilized) REQUIRE(alpha == 1.0);
        if (!is_active(to)) REQUIRE(alpha == 0.0);
        cooled += from == Stage::resetting && to == Stage::dormant ? 1 : 0;
    }
    CHECK(fossilized > 10);
    CHECK(cooled > 10);
}

}  // namespace
}  // namespace kasmina
