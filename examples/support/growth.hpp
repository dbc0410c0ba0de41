// What became of the seeds of a run: counts, paths, contributions, and the story for the report.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/error.hpp>
#include <kasmina/policy/grower.hpp>
#include <kasmina/reflect/fields.hpp>

#include "growth_before_2.hpp"
#include "report.hpp"
#include "slot_rows.hpp"
#include "summary.hpp"
#include "table.hpp"

namespace kasmina::examples {

/// All that is remembered of the growth of a run.
struct GrowthState {
    int germinated = 0;
    int fossilized = 0;
    int pruned = 0;
    std::vector<std::vector<std::string>> paths{};
    std::vector<SlotContribution> contributions{};
    std::vector<double> accuracies{};
    std::vector<SlotHistory> histories{};
    std::vector<ReportEvent> events{};
    std::map<std::string, std::size_t> path_of{};

    using Fields =
        reflect::List<&GrowthState::germinated, &GrowthState::fossilized, &GrowthState::pruned,
                      &GrowthState::paths, &GrowthState::contributions, &GrowthState::accuracies,
                      &GrowthState::histories, &GrowthState::events, &GrowthState::path_of>;

    /// Of its form in a checkpoint. 1: the first. 2: errors of readiness.
    static constexpr int schema = 2;
    using Before = GrowthStateBefore2;
    [[nodiscard]] static GrowthState migrated(Before&& before) {
        GrowthState state{.germinated = before.germinated,
                          .fossilized = before.fossilized,
                          .pruned = before.pruned,
                          .paths = std::move(before.paths),
                          .contributions = std::move(before.contributions),
                          .accuracies = std::move(before.accuracies),
                          .events = std::move(before.events),
                          .path_of = std::move(before.path_of)};
        for (SlotHistoryBefore2& slot : before.histories) {
            SlotHistory& history = state.histories.emplace_back();
            history.name = std::move(slot.name);
            for (SlotEpochBefore2& epoch : slot.epochs) {
                history.epochs.push_back(std::move(epoch).migrated());
            }
        }
        return state;
    }
};

/// Follows the seeds in the given slots from epoch to epoch.
class Growth {
public:
    /// What it is called in a checkpoint.
    static constexpr std::string_view part_name = "growth";

    Growth(const std::vector<std::string>& slots, std::size_t validation_images)
        : validation_images_(validation_images) {
        for (const std::string& slot : slots) histories.push_back({slot, {}});
    }

    /// Notes an epoch: `measured` has one entry per slot, in the order given at the start. Returns
    /// the sentences that tell what happened.
    std::vector<std::string> note(const EpochReport& report,
                                  const std::vector<SlotReport>& measured) {
        accuracies.push_back(report.score);
        for (std::size_t i = 0; i < measured.size(); ++i) {
            histories[i].epochs.push_back(slot_epoch(measured[i], report, validation_images_));
        }
        std::vector<std::string> told;
        for (const kasmina::StageChange& change : report.changes) {
            follow(change, measured);
            told.push_back(sentence({report.epoch, change.slot, change.blueprint,
                                     std::string(name_of(change.from)),
                                     std::string(name_of(change.to)), change.reason}));
            events.push_back(
                {report.epoch, change.slot, told.back().substr(told.back().find(": ") + 2)});
        }
        return told;
    }

    [[nodiscard]] GrowthState state() const {
        return {germinated, fossilized, pruned, paths,   contributions,
                accuracies, histories,  events, path_of_};
    }

    /// Errors: StateError for a state of other slots; nothing is changed then.
    void restore(const GrowthState& state) {
        bool fits = state.histories.size() == histories.size();
        for (const auto& [slot, path] : state.path_of) fits = fits && path < state.paths.size();
        if (!fits) {
            throw StateError("this is the growth of another run", "Growth",
                             std::to_string(histories.size()) + " slots, and paths that are there",
                             std::to_string(state.histories.size()) + " slots",
                             "go on with the same slots");
        }
        germinated = state.germinated;
        fossilized = state.fossilized;
        pruned = state.pruned;
        paths = state.paths;
        contributions = state.contributions;
        accuracies = state.accuracies;
        histories = state.histories;
        events = state.events;
        path_of_ = state.path_of;
    }

    int germinated = 0;
    int fossilized = 0;
    int pruned = 0;
    std::vector<std::vector<std::string>> paths;
    std::vector<SlotContribution> contributions;  ///< of the seeds that fossilized, in that order
    std::vector<double> accuracies;               ///< on the validation part, after each epoch
    std::vector<SlotHistory> histories;
    std::vector<ReportEvent> events;

private:
    void follow(const kasmina::StageChange& change, const std::vector<SlotReport>& measured) {
        if (change.to == Stage::germinated) {
            ++germinated;
            path_of_[change.slot] = paths.size();
            paths.push_back({std::string(name_of(change.from))});
        }
        if (change.to == Stage::pruned) ++pruned;
        if (change.to == Stage::fossilized) {
            ++fossilized;
            for (const SlotReport& slot : measured) {
                if (slot.slot != change.slot) continue;
                const SeedMetrics& metrics = slot.metrics;
                SlotContribution kept{.slot = slot.slot};
                if (metrics.contribution) {
                    kept.contribution = metrics.contribution->value;
                    kept.contribution_error = error_of(*metrics.contribution);
                    kept.measure = name_of(metrics.contribution_by);
                }
                kept.dependence = metrics.dependence;
                contributions.push_back(std::move(kept));
            }
        }
        paths[path_of_.at(change.slot)].emplace_back(name_of(change.to));
    }

    std::size_t validation_images_;
    std::map<std::string, std::size_t> path_of_;  ///< of the seed that a slot holds
};

/// What is drawn below the tiles.
inline void draw_growth(RunReport& page, std::vector<double> host_accuracies,
                        const Growth& growth) {
    page.host_accuracy = std::move(host_accuracies);
    page.grown_accuracy = growth.accuracies;
    page.slots = growth.histories;
    page.events = growth.events;
}

}  // namespace kasmina::examples
