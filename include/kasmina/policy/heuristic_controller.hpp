// HeuristicController: grows a network by plain rules, with no learned policy (spec section 11).
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/number_text.hpp>
#include <kasmina/policy/controller.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina {

/// Bounds of the rules; accuracies in percentage points.
struct HeuristicOptions {
    std::vector<std::string> slots{};       ///< that may grow, in order of preference
    std::vector<std::string> blueprints{};  ///< to try, in order of preference
    int plateau_epochs = 3;                 ///< without improvement before a germination
    double plateau_improvement = 0.5;       ///< what counts as one
    int first_epoch = 5;                    ///< at least so many epochs in
    double drop_limit = 2.0;                ///< below the start of blending: prune
    int stall_epochs = 5;                   ///< in blending without improvement: prune
    int readiness_patience = 10;            ///< epochs in training that a seed has to get ready
    double prune_penalty = 2.0;             ///< added to a pruned blueprint
    double penalty_decay = 0.5;             ///< each epoch
    double penalty_limit = 3.0;             ///< from here on a blueprint is skipped
    int seeds_on_trial = 1;                 ///< at most so many at once, fossilized ones apart
    GerminationOptions germination{};       ///< how seeds learn and are blended in

    using Fields =
        reflect::List<&HeuristicOptions::slots, &HeuristicOptions::blueprints,
                      &HeuristicOptions::plateau_epochs, &HeuristicOptions::plateau_improvement,
                      &HeuristicOptions::first_epoch, &HeuristicOptions::drop_limit,
                      &HeuristicOptions::stall_epochs, &HeuristicOptions::readiness_patience,
                      &HeuristicOptions::prune_penalty, &HeuristicOptions::penalty_decay,
                      &HeuristicOptions::penalty_limit, &HeuristicOptions::seeds_on_trial,
                      &HeuristicOptions::germination>;
};

/// All that a heuristic controller remembers.
struct HeuristicState {
    HeuristicOptions options{};
    std::vector<double> penalties{};        ///< of the options' blueprints, in their order
    std::optional<double> best_accuracy{};  ///< the last that counted as an improvement
    int epochs_without_improvement = 0;     ///< since then, or since the last germination

    using Fields =
        reflect::List<&HeuristicState::options, &HeuristicState::penalties,
                      &HeuristicState::best_accuracy, &HeuristicState::epochs_without_improvement>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;
};

/// Germinates on a plateau, one seed an epoch; advances whenever the gate allows, but lets seeds
/// that are to be blended in wait for each other, so that each is judged by itself; prunes what
/// does not get ready in training (of one that waits for another's verdict nobody can tell, for the
/// network is on its way), and what has dropped or stalled in blending. A seed that is
/// held it leaves to the judge, whose bound for fossilizing is the gate's own.
class HeuristicController {
public:
    using State = HeuristicState;

    /// Errors: OptionError without a slot or a blueprint to try, or with no seed on trial.
    explicit HeuristicController(HeuristicOptions options) : options_(std::move(options)) {
        check(options_);
        penalties_.assign(options_.blueprints.size(), 0.0);
    }

    [[nodiscard]] std::vector<Decision> decide(const EpochObservation& seen) {
        for (double& penalty : penalties_) penalty *= options_.penalty_decay;
        watch_plateau(seen.accuracy);
        std::vector<Decision> decisions;
        int on_trial = 0;
        bool judging = std::ranges::any_of(seen.slots, [](const SlotReport& slot) {
            return slot.stage == Stage::blending || slot.stage == Stage::holding;
        });
        for (std::size_t i = 0; i < seen.slots.size(); ++i) {
            const SlotReport& slot = seen.slots[i];
            const bool can_advance = slot.stage == Stage::germinated || is_in_trial(slot.stage);
            if (!can_advance) continue;
            ++on_trial;
            if (slot.stage == Stage::training && judging) continue;
            if (const auto reason = reason_to_prune(seen, i)) {
                punish(slot.blueprint);
                decisions.push_back({slot.slot, Decision::Action::prune, {}, *reason, {}});
                continue;
            }
            if (slot.stage == Stage::training) judging = seen.gate_passes[i];
            decisions.push_back({slot.slot, Decision::Action::advance, {}, {}, {}});
        }
        const bool plateau = epochs_without_improvement_ >= options_.plateau_epochs;
        if (plateau && seen.epoch >= options_.first_epoch && on_trial < options_.seeds_on_trial) {
            if (auto germination = choose(seen)) {
                decisions.push_back(std::move(*germination));
                epochs_without_improvement_ = 0;
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

    /// What it may grow, and where.
    [[nodiscard]] std::span<const std::string> slots() const noexcept { return options_.slots; }
    [[nodiscard]] std::span<const std::string> blueprints() const noexcept {
        return options_.blueprints;
    }

    [[nodiscard]] State state() const {
        return {options_, penalties_, best_accuracy_, epochs_without_improvement_};
    }

    /// Goes on where `state` stood, with its options. Errors: StateError for a state that no
    /// controller can have, OptionError for options that no controller can; nothing is changed
    /// then.
    void restore(State state) {
        check(state.options);
        const auto is_sane = [](double value) { return is_finite(value); };
        if (state.penalties.size() != state.options.blueprints.size() ||
            !std::ranges::all_of(state.penalties, is_sane)) {
            refuse("penalties",
                   "a finite one for each of " + std::to_string(state.options.blueprints.size()) +
                       " blueprints",
                   std::to_string(state.penalties.size()));
        }
        if (state.best_accuracy && !is_finite(*state.best_accuracy)) {
            refuse("best_accuracy", "a finite number", number_text(*state.best_accuracy));
        }
        if (state.epochs_without_improvement < 0) {
            refuse("epochs_without_improvement", "at least 0",
                   std::to_string(state.epochs_without_improvement));
        }
        options_ = std::move(state.options);
        penalties_ = std::move(state.penalties);
        best_accuracy_ = state.best_accuracy;
        epochs_without_improvement_ = state.epochs_without_improvement;
    }

private:
    static void check(const HeuristicOptions& options) {
        if (options.slots.empty() || options.blueprints.empty()) {
            throw OptionError("the controller has nothing to grow", "HeuristicController",
                              "at least one slot and one blueprint",
                              std::to_string(options.slots.size()) + " slots, " +
                                  std::to_string(options.blueprints.size()) + " blueprints",
                              "name them in the options");
        }
        if (options.seeds_on_trial < 1) {
            throw OptionError("the controller may never try a seed", "HeuristicController",
                              "seeds_on_trial of at least 1",
                              std::to_string(options.seeds_on_trial),
                              "use 1 to try one seed after another");
        }
        check_germination_options(options.germination, "HeuristicController");
    }

    [[noreturn]] KASMINA_COLD static void refuse(const std::string& part,
                                                 const std::string& expected,
                                                 const std::string& got) {
        throw StateError("a controller cannot have this state: " + part,
                         "HeuristicController::restore", expected, got,
                         "restore what state() returned");
    }

    static bool is_in_trial(Stage stage) noexcept {
        return stage == Stage::training || stage == Stage::blending || stage == Stage::holding;
    }

    void watch_plateau(double accuracy) noexcept {
        const bool better =
            is_finite(accuracy) &&
            (!best_accuracy_ || accuracy > *best_accuracy_ + options_.plateau_improvement);
        if (better) {
            best_accuracy_ = accuracy;
            epochs_without_improvement_ = 0;
        } else {
            ++epochs_without_improvement_;
        }
    }

    [[nodiscard]] std::optional<std::string> reason_to_prune(const EpochObservation& seen,
                                                             std::size_t i) const {
        const SlotReport& slot = seen.slots[i];
        const double improvement = slot.metrics.improvement_since_stage_start();
        const int epochs = slot.metrics.epochs_in_stage;
        if (seen.gate_passes[i]) return std::nullopt;
        if (slot.stage == Stage::holding) {
            const bool refused = seen.verdicts[i] == judge::Verdict::does_not_help;
            if (refused) return "does_not_help";
            return std::nullopt;
        }
        // In training the output is the host's, so no rise or drop of it is the seed's doing.
        if (slot.stage == Stage::training) {
            if (epochs >= options_.readiness_patience) return "not_ready";
            return std::nullopt;
        }
        if (slot.stage != Stage::blending) return std::nullopt;
        if (improvement < -options_.drop_limit) return "accuracy_dropped";
        // A ramp under way is no stall: the seed has not been heard in full yet.
        const bool stalled = epochs >= options_.stall_epochs;
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
            return Decision{name,
                            Decision::Action::germinate,
                            options_.blueprints[*best],
                            {},
                            options_.germination};
        }
        return std::nullopt;
    }

    HeuristicOptions options_;
    std::vector<double> penalties_;
    std::optional<double> best_accuracy_;
    int epochs_without_improvement_ = 0;
};

static_assert(RestorableController<HeuristicController>);
static_assert(NamesWhatItGrows<HeuristicController>);

}  // namespace kasmina
