// What the lifecycle's model expects of a call, and the table of steps that it goes by.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "slot/slot_operation.hpp"
#include "slot/slot_view.hpp"

namespace kasmina::test {

/// Why a call was not done, or done without effect.
enum class Why : std::uint8_t {
    none,
    not_dormant,
    unknown_blueprint,
    tempo_too_short,
    target_out_of_range,
    steepness_out_of_range,
    gate_shut,
    no_forward_step,
    not_the_forward_step,
    cooling_already,
    cannot_be_pruned,
    not_blended,
    ramp_under_way,
    not_finite,
    not_measured,
    no_live_seed,
    another_stage,
    not_to_be_taken,
    ignored,
};

[[nodiscard]] constexpr std::string_view name_of(Why why) noexcept {
    constexpr std::string_view names[]{"none",
                                       "not_dormant",
                                       "unknown_blueprint",
                                       "tempo_too_short",
                                       "target_out_of_range",
                                       "steepness_out_of_range",
                                       "gate_shut",
                                       "no_forward_step",
                                       "not_the_forward_step",
                                       "cooling_already",
                                       "cannot_be_pruned",
                                       "not_blended",
                                       "ramp_under_way",
                                       "not_finite",
                                       "not_measured",
                                       "no_live_seed",
                                       "another_stage",
                                       "not_to_be_taken",
                                       "ignored"};
    return names[static_cast<int>(why)];
}

/// What the model expects of a call: the answer, and words that the text of a refusal has.
struct Expectation {
    SlotAnswer answer{};
    std::vector<std::string> words{};
    Why why = Why::none;
};

/// One allowed step.
struct LifecycleRow {
    Stage from;
    Stage to;
};

/// L-1, row by row.
inline constexpr auto lifecycle_rows = std::to_array<LifecycleRow>({
    {Stage::unknown, Stage::dormant},
    {Stage::dormant, Stage::germinated},
    {Stage::germinated, Stage::training},
    {Stage::germinated, Stage::pruned},
    {Stage::training, Stage::blending},
    {Stage::training, Stage::pruned},
    {Stage::blending, Stage::holding},
    {Stage::blending, Stage::pruned},
    {Stage::holding, Stage::fossilized},
    {Stage::holding, Stage::blending},
    {Stage::holding, Stage::pruned},
    {Stage::pruned, Stage::embargoed},
    {Stage::embargoed, Stage::resetting},
    {Stage::resetting, Stage::dormant},
});

}  // namespace kasmina::test
