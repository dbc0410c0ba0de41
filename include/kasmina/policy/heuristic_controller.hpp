// HeuristicController: grows a network by plain rules, with no learned policy (spec section 11).
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/error.hpp>
#include <kasmina/policy/controller.hpp>

namespace kasmina {

/// Bounds of the rules; accuracies in percentage points.
struct HeuristicOptions {
    std::vector<std::string> slots{};       ///< that may grow, in order of preference
    std::vector<std::string> blueprints{};  ///< to try, in order of preference
    int plateau_epochs = 3;                 ///< without improvement before a germination
    double plateau_improvement = 0.5;       ///< what counts as one
    int first_epoch = 5;                    ///< at least so many epochs in
    double drop_limit = 2.0;                ///< below the start of blending or holding: prune
    int stall_epochs = 5;                   ///< in a stage without improvement: prune
    double prune_penalty = 2.0;             ///< added to a pruned blueprint
    double penalty_decay = 0.5;             ///< each epoch
    double penalty_limit = 3.0;             ///< from here on a blueprint is skipped
    int seeds_on_trial = 1;                 ///< at most so many at once, fossilized ones apart
};

/// Germinates on a plateau, one seed an epoch; advances whenever the gate allows (so that the
/// threshold for fossilizing is the gate's own); prunes what has dropped or stalled.
class HeuristicController {
public:
    /// Errors: OptionError without a slot or a blueprint to try, or with no seed on trial.
    explicit HeuristicController(HeuristicOptions options) : options_(std::move(options)) {
        if (options_.slots.empty() || options_.blueprints.empty()) {
            throw OptionError("the controller has nothing to grow", "HeuristicController",
                              "at least one slot and one blueprint",
                              std::to_string(options_.slots.size()) + " slots, " +
                                  std::to_string(options_.blueprints.size()) + " blueprints",
                              "name them in the options");
        }
        if (options_.seeds_on_trial < 1) {
            throw OptionError("the controller may never try a seed", "HeuristicController",
                              "seeds_on_trial of at least 1",
                              std::to_string(options_.seeds_on_trial),
                              "use 1 to try one seed after another");
        }
        penalties_.assign(options_.blueprints.size(), 0.0);
    }

    [[nodiscard]] std::vector<Decision> decide(const EpochObservation& seen) {
        for (double& penalty : penalties_) penalty *= options_.penalty_decay;
        watch_plateau(seen.accuracy);
        std::vector<Decision> decisions;
        int on_trial = 0;
        for (std::size_t i = 0; i < seen.slots.size(); ++i) {
            const SlotReport& slot = seen.slots[i];
            const bool can_advance = slot.stage == Stage::germinated || is_in_trial(slot.stage);
            if (!can_advance) continue;
            ++on_trial;
            if (!seen.gate_passes[i] && is_in_trial(slot.stage)) {
                if (const auto reason = reason_to_prune(slot)) {
                    punish(slot.blueprint);
                    decisions.push_back({slot.slot, Decision::Action::prune, {}, *reason});
                    continue;
                }
            }
            decisions.push_back({slot.slot, Decision::Action::advance, {}, {}});
        }
        const bool plateau = plateau_ >= options_.plateau_epochs;
        if (plateau && seen.epoch >= options_.first_epoch && on_trial < options_.seeds_on_trial) {
            if (auto germination = choose(seen)) {
                decisions.push_back(std::move(*germination));
                plateau_ = 0;
            }
        }
        return decisions;
    }

    /// The current penalty of a blueprint among the options; 0 for others.
    [[nodiscard]] double penalty(const std::string& blueprint) const {
        const auto place = std::ranges::find(options_.blueprints, blueprint);
        if (place == options_.blueprints.end()) return 0.0;
        return penalties_[static_cast<std::size_t>(place - options_.blueprints.begin())];
    }

private:
    static bool is_in_trial(Stage stage) noexcept {
        return stage == Stage::training || stage == Stage::blending || stage == Stage::holding;
    }

    void watch_plateau(double accuracy) noexcept {
        if (accuracy > reference_ + options_.plateau_improvement) {
            reference_ = accuracy;
            plateau_ = 0;
        } else {
            ++plateau_;
        }
    }

    [[nodiscard]] std::optional<std::string> reason_to_prune(const SlotReport& slot) const {
        const double improvement = slot.metrics.improvement_since_stage_start();
        // In training the output is the host's, so a drop is not the seed's doing.
        const bool heard = slot.stage != Stage::training;
        if (heard && improvement < -options_.drop_limit) return "accuracy_dropped";
        const bool stalled = slot.metrics.epochs_in_stage >= options_.stall_epochs;
        // A ramp under way is no stall: the seed has not been heard in full yet.
        if (stalled && improvement <= 0.0 && slot.time_to_target == 0) return "no_improvement";
        return std::nullopt;
    }

    void punish(const std::string& blueprint) {
        const auto place = std::ranges::find(options_.blueprints, blueprint);
        if (place == options_.blueprints.end()) return;
        penalties_[static_cast<std::size_t>(place - options_.blueprints.begin())] +=
            options_.prune_penalty;
    }

    /// The preferred dormant slot and the blueprint with the least penalty below the limit.
    [[nodiscard]] std::optional<Decision> choose(const EpochObservation& seen) const {
        std::optional<std::size_t> best;
        for (std::size_t i = 0; i < penalties_.size(); ++i) {
            if (penalties_[i] >= options_.penalty_limit) continue;
            if (!best || penalties_[i] < penalties_[*best]) best = i;
        }
        if (!best) return std::nullopt;
        for (const std::string& name : options_.slots) {
            const auto slot = std::ranges::find(seen.slots, name, &SlotReport::slot);
            if (slot == seen.slots.end() || slot->stage != Stage::dormant) continue;
            return Decision{name, Decision::Action::germinate, options_.blueprints[*best], {}};
        }
        return std::nullopt;
    }

    HeuristicOptions options_;
    std::vector<double> penalties_;
    double reference_ = -std::numeric_limits<double>::infinity();
    int plateau_ = 0;
};

static_assert(Controller<HeuristicController>);

}  // namespace kasmina
