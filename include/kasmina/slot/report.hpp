// SlotReport: a snapshot of a slot for observers, cheap to take and safe to hold (spec S-9).
#pragma once

#include <optional>
#include <string>

#include <kasmina/alpha/blend_algorithm.hpp>
#include <kasmina/alpha/controller.hpp>
#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/slot/seed_metrics.hpp>

namespace kasmina {

/// A value, not a view: it stays true to the moment it was taken at.
struct SlotReport {
    std::string slot{};
    Stage stage = Stage::dormant;
    std::optional<Stage> previous_stage{};
    std::string seed_id{};    ///< empty in a dormant slot
    std::string blueprint{};  ///< empty in a dormant slot
    BlendAlgorithm algorithm = BlendAlgorithm::add;
    AlphaState alpha{};
    int time_to_target = 0;
    bool isolated = false;
    bool blending_out = false;     ///< frozen while alpha goes down (I-6)
    bool prune_scheduled = false;  ///< a prune waits for the end of the ramp
    int cooldown_ticks_left = 0;   ///< until dormant; 0 unless pruned, embargoed or resetting
    SeedMetrics metrics{};
    ScoreKind score_kind = ScoreKind::accuracy();  ///< what the metrics are in
    using Fields =
        reflect::List<&SlotReport::slot, &SlotReport::stage, &SlotReport::previous_stage,
                      &SlotReport::seed_id, &SlotReport::blueprint, &SlotReport::algorithm,
                      &SlotReport::alpha, &SlotReport::time_to_target, &SlotReport::isolated,
                      &SlotReport::blending_out, &SlotReport::prune_scheduled,
                      &SlotReport::cooldown_ticks_left, &SlotReport::metrics,
                      &SlotReport::score_kind>;
};

}  // namespace kasmina
