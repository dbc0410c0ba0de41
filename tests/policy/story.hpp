// A story for a heuristic controller: one or two slots, told epoch by epoch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/policy/heuristic_controller.hpp>

namespace kasmina::test {

using Action = Decision::Action;

/// One or two slots and a controller, fed epoch by epoch.
class Story {
public:
    explicit Story(HeuristicOptions options, std::vector<std::string> slots = {"r0c0"})
        : controller_(std::move(options)) {
        for (std::string& slot : slots) {
            reports.emplace_back();
            reports.back().slot = std::move(slot);
        }
    }

    std::vector<Decision> epoch(double accuracy, bool gates_pass = false) {
        const auto passes = std::make_unique<bool[]>(reports.size());
        std::fill_n(passes.get(), reports.size(), gates_pass);
        verdicts.resize(reports.size(), judge::Verdict::undecided);
        return controller_.decide(
            {++epoch_, accuracy, reports, {passes.get(), reports.size()}, verdicts});
    }

    /// The number of the epoch in which the first decision falls; 0 when none does in 20.
    int first_decision(double accuracy) {
        for (int i = 0; i < 20; ++i) {
            if (!epoch(accuracy).empty()) return epoch_;
        }
        return 0;
    }

    [[nodiscard]] double penalty(const std::string& blueprint) const {
        return controller_.penalty(blueprint);
    }

    /// Stands where another story stands, with the other controller's state.
    void take(const Story& other) {
        controller_.restore(other.controller_.state());
        reports = other.reports;
        epoch_ = other.epoch_;
    }

    std::vector<SlotReport> reports;
    std::vector<judge::Verdict> verdicts{};  ///< undecided unless a test says otherwise

private:
    HeuristicController controller_;
    int epoch_ = 0;
};

inline HeuristicOptions options() {
    return {.slots = {"r0c0"}, .blueprints = {"norm", "attention"}};
}

/// Puts a seed into a report: accuracies at the stage's start and now, epochs in the stage.
inline void put_seed(SlotReport& report, Stage stage, double start, double now, int epochs,
                     const std::string& blueprint = "norm") {
    report.stage = stage;
    report.blueprint = blueprint;
    report.metrics.score_at_stage_start = start;
    report.metrics.current_score = now;
    report.metrics.epochs_in_stage = epochs;
}

}  // namespace kasmina::test
