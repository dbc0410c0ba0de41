// What is shown of slots in an epoch: rows of the table, and points of the report.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <kasmina/gates/message.hpp>
#include <kasmina/policy/grower.hpp>

#include "report.hpp"
#include "table.hpp"

namespace kasmina::examples {

/// The sum of a slot's interactions with other blended seeds; nothing where none was measured.
[[nodiscard]] inline std::optional<double> interaction_of(const std::string& slot,
                                                          const EpochReport& report) {
    std::optional<double> sum;
    for (const Interaction& pair : report.interactions) {
        if (pair.first == slot || pair.second == slot) sum = sum.value_or(0.0) + pair.gain;
    }
    return sum;
}

/// Nothing before there were enough measurements.
[[nodiscard]] inline std::optional<double> error_of(const judge::Estimate& estimate) {
    if (!estimate.has_error()) return std::nullopt;
    return estimate.standard_error;
}

/// The table's line of a slot.
[[nodiscard]] inline SlotRow slot_row(const SlotReport& slot, const EpochReport& report) {
    SlotRow row{.slot = slot.slot, .stage = std::string(name_of(slot.stage))};
    if (is_active(slot.stage)) {
        row.alpha = slot.alpha.alpha;
        row.gradient_ratio = slot.metrics.gradient_ratio;
        row.dependence = slot.metrics.dependence;
        if (slot.stage == Stage::training && slot.metrics.readiness) {
            row.readiness = slot.metrics.readiness->value;
            row.readiness_error = error_of(*slot.metrics.readiness);
        }
        if (slot.metrics.contribution) {
            row.contribution = slot.metrics.contribution->value;
            row.contribution_error = error_of(*slot.metrics.contribution);
        }
        row.interaction = interaction_of(slot.slot, report);
    }
    return row;
}

/// The slots that may grow, as measured before the decisions of an epoch; where a panic left no
/// such report, as they are now.
template <class Model>
[[nodiscard]] std::vector<SlotReport> reports_of(const std::vector<std::string>& names,
                                                 const Model& model, const EpochReport& report) {
    std::vector<SlotReport> found;
    for (const std::string& name : names) {
        const auto seen = std::ranges::find(report.slots, name, &SlotReport::slot);
        found.push_back(seen != report.slots.end() ? *seen : model.slot(name).report());
    }
    return found;
}

/// A line for each slot that is not empty, or one for the first of them.
[[nodiscard]] inline std::vector<SlotRow> slot_rows(const std::vector<SlotReport>& slots,
                                                    const EpochReport& report) {
    std::vector<SlotRow> rows;
    for (const SlotReport& slot : slots) {
        if (slot.stage != Stage::dormant) rows.push_back(slot_row(slot, report));
    }
    if (rows.empty()) rows.push_back(slot_row(slots.front(), report));
    return rows;
}

/// What the report's page shows of a slot in an epoch.
[[nodiscard]] inline SlotEpoch slot_epoch(const SlotReport& slot, const EpochReport& report,
                                          std::size_t validation_images) {
    SlotEpoch shown{.stage = std::string(name_of(slot.stage))};
    if (is_active(slot.stage)) {
        shown.alpha = slot.alpha.alpha;
        shown.gradient_ratio = slot.metrics.gradient_ratio;
        shown.interaction = interaction_of(slot.slot, report);
    }
    const SeedMetrics& metrics = slot.metrics;
    // A fossilized seed keeps what was measured of it before.
    const bool on_trial = slot.stage == Stage::blending || slot.stage == Stage::holding;
    if (on_trial && metrics.dependence) {
        shown.dependence = metrics.dependence;
        shown.dependence_error =
            difference_error(report.score, report.score - *metrics.dependence, validation_images);
    }
    if (slot.stage == Stage::training && metrics.readiness) {
        shown.readiness = metrics.readiness->value;
        shown.readiness_error = error_of(*metrics.readiness);
    }
    if (on_trial && metrics.contribution) {
        shown.contribution = metrics.contribution->value;
        shown.contribution_error = error_of(*metrics.contribution);
    }
    for (std::size_t i = 0; i < report.verdicts.size(); ++i) {
        if (report.slots[i].slot == slot.slot && report.verdicts[i]) {
            shown.verdict = message_of(*report.verdicts[i]);
        }
    }
    return shown;
}

}  // namespace kasmina::examples
