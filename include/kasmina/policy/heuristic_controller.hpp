// HeuristicController: grows a network by plain rules, with no learned policy (spec section 11).
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/check_option.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/number_text.hpp>
#include <kasmina/policy/controller.hpp>
#include <kasmina/policy/heuristic_state.hpp>
#include <kasmina/statistics/score_kind.hpp>

namespace kasmina {

/// Germinates on a plateau, one seed an epoch; advances whenever the gate allows, but lets seeds
/// that are to be blended in wait for each other, so that each is judged by itself; prunes what
/// does not get ready in training (of one that waits for another's verdict nobody can tell, for the
/// network is on its way), and what has dropped or stalled in blending. A seed that is
/// held it leaves to the judge, whose bound for fossilizing is the gate's own.
class HeuristicController {
public:
    using State = HeuristicState;

    /// Errors: OptionError without a slot or a blueprint to try, and for options out of range;
    /// DuplicateNameError for a slot or a blueprint that is named twice.
    explicit HeuristicController(HeuristicOptions options) : options_(std::move(options)) {
        check(options_);
        penalties_.assign(options_.blueprints.size(), 0.0);
    }

    [[nodiscard]] std::vector<Decision> decide(const EpochObservation& seen) {
        for (double& penalty : penalties_) penalty *= options_.penalty_decay;
        watch_plateau(seen);
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

    /// Errors: OptionError naming the bound, for one that no gain of such a score reaches.
    void check_score_kind(const ScoreKind& kind) const {
        const OptionRange range = OptionRange::at_least(0.0);
        check_score_bound(where, "plateau_improvement", options_.plateau_improvement, kind, range);
        check_score_bound(where, "drop_limit", options_.drop_limit, kind, range);
    }

    [[nodiscard]] State state() const {
        return {options_, penalties_, best_score_, epochs_without_improvement_};
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
        if (state.best_score && !is_finite(*state.best_score)) {
            refuse("best_score", "a finite number", number_text(*state.best_score));
        }
        if (state.epochs_without_improvement < 0) {
            refuse("epochs_without_improvement", "at least 0",
                   std::to_string(state.epochs_without_improvement));
        }
        options_ = std::move(state.options);
        penalties_ = std::move(state.penalties);
        best_score_ = state.best_score;
        epochs_without_improvement_ = state.epochs_without_improvement;
    }

private:
    static constexpr const char* where = "HeuristicController";

    static void check(const HeuristicOptions& options) {
        if (options.slots.empty() || options.blueprints.empty()) {
            throw OptionError("the controller has nothing to grow", where,
                              "at least one slot and one blueprint",
                              std::to_string(options.slots.size()) + " slots, " +
                                  std::to_string(options.blueprints.size()) + " blueprints",
                              "name them in the options");
        }
        check_once("slots", options.slots);
        check_once("blueprints", options.blueprints);
        const OptionRange count = OptionRange::at_least(0.0);
        const OptionRange from_zero = OptionRange::at_least(0.0);
        check_option(where, "plateau_epochs", options.plateau_epochs, count);
        check_option(where, "plateau_improvement", options.plateau_improvement.value, from_zero);
        check_option(where, "first_epoch", options.first_epoch, count);
        check_option(where, "drop_limit", options.drop_limit.value, from_zero);
        check_option(where, "stall_epochs", options.stall_epochs, count);
        check_option(where, "readiness_patience", options.readiness_patience, count);
        check_option(where, "prune_penalty", options.prune_penalty, from_zero);
        check_option(where, "penalty_decay", options.penalty_decay,
                     OptionRange::at_least(0.0).at_most(1.0));
        check_option(where, "penalty_limit", options.penalty_limit, OptionRange::above(0.0),
                     "at 0 every blueprint would be skipped");
        check_option(where, "seeds_on_trial", options.seeds_on_trial, OptionRange::at_least(1.0),
                     "use 1 to try one seed after another");
        check_germination_options(options.germination, where);
    }

    /// A blueprint that is named twice would have two penalties.
    static void check_once(const char* what, const std::vector<std::string>& names) {
        for (std::size_t i = 1; i < names.size(); ++i) {
            const auto end = names.begin() + static_cast<std::ptrdiff_t>(i);
            if (std::find(names.begin(), end, names[i]) == end) continue;
            throw DuplicateNameError(std::string("one of the ") + what + " is named twice", where,
                                     "each name once", names[i], "name it once");
        }
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

    void watch_plateau(const EpochObservation& seen) noexcept {
        const double least = options_.plateau_improvement.in_unit(seen.score_kind.point);
        const bool better =
            is_finite(seen.score) &&
            (!best_score_ || seen.score_kind.gain(*best_score_, seen.score) > least);
        if (better) {
            best_score_ = seen.score;
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
        if (improvement < -options_.drop_limit.in_unit(seen.score_kind.point))
            return "score_dropped";
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
    std::optional<double> best_score_;
    int epochs_without_improvement_ = 0;
};

static_assert(RestorableController<HeuristicController>);
static_assert(NamesWhatItGrows<HeuristicController>);
static_assert(ChecksScoreKind<HeuristicController>);

}  // namespace kasmina
