// What a heuristic controller is told and what it remembers, as they stand in a checkpoint.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/reflect/fields.hpp>
#include <kasmina/slot/options.hpp>
#include <kasmina/statistics/score_kind.hpp>

namespace kasmina {

/// Bounds of the rules; those of scores in the score's unit, or in points of it.
struct HeuristicOptions {
    std::vector<std::string> slots{};              ///< that may grow, in order of preference
    std::vector<std::string> blueprints{};         ///< to try, in order of preference
    int plateau_epochs = 3;                        ///< without improvement before a germination
    ScoreBound plateau_improvement = points(0.5);  ///< what counts as one
    int first_epoch = 5;                           ///< at least so many epochs in
    ScoreBound drop_limit = points(2.0);           ///< below the start of blending: prune
    int stall_epochs = 5;                          ///< in blending without improvement: prune
    int readiness_patience = 10;       ///< epochs in training that a seed has to get ready
    double prune_penalty = 2.0;        ///< added to a pruned blueprint
    double penalty_decay = 0.5;        ///< each epoch
    double penalty_limit = 3.0;        ///< from here on a blueprint is skipped
    int seeds_on_trial = 1;            ///< at most so many at once, fossilized ones apart
    GerminationOptions germination{};  ///< how seeds learn and are blended in

    using Fields =
        reflect::List<&HeuristicOptions::slots, &HeuristicOptions::blueprints,
                      &HeuristicOptions::plateau_epochs, &HeuristicOptions::plateau_improvement,
                      &HeuristicOptions::first_epoch, &HeuristicOptions::drop_limit,
                      &HeuristicOptions::stall_epochs, &HeuristicOptions::readiness_patience,
                      &HeuristicOptions::prune_penalty, &HeuristicOptions::penalty_decay,
                      &HeuristicOptions::penalty_limit, &HeuristicOptions::seeds_on_trial,
                      &HeuristicOptions::germination>;
};

/// As they were in schema 1, in percentage points.
struct HeuristicOptionsBefore2 {
    std::vector<std::string> slots{};
    std::vector<std::string> blueprints{};
    int plateau_epochs = 3;
    double plateau_improvement = 0.5;
    int first_epoch = 5;
    double drop_limit = 2.0;
    int stall_epochs = 5;
    int readiness_patience = 10;
    double prune_penalty = 2.0;
    double penalty_decay = 0.5;
    double penalty_limit = 3.0;
    int seeds_on_trial = 1;
    GerminationOptions germination{};

    using Fields = reflect::List<
        &HeuristicOptionsBefore2::slots, &HeuristicOptionsBefore2::blueprints,
        &HeuristicOptionsBefore2::plateau_epochs, &HeuristicOptionsBefore2::plateau_improvement,
        &HeuristicOptionsBefore2::first_epoch, &HeuristicOptionsBefore2::drop_limit,
        &HeuristicOptionsBefore2::stall_epochs, &HeuristicOptionsBefore2::readiness_patience,
        &HeuristicOptionsBefore2::prune_penalty, &HeuristicOptionsBefore2::penalty_decay,
        &HeuristicOptionsBefore2::penalty_limit, &HeuristicOptionsBefore2::seeds_on_trial,
        &HeuristicOptionsBefore2::germination>;
};
struct HeuristicStateBefore2 {
    HeuristicOptionsBefore2 options{};
    std::vector<double> penalties{};
    std::optional<double> best_accuracy{};
    int epochs_without_improvement = 0;

    using Fields = reflect::List<&HeuristicStateBefore2::options, &HeuristicStateBefore2::penalties,
                                 &HeuristicStateBefore2::best_accuracy,
                                 &HeuristicStateBefore2::epochs_without_improvement>;
    static constexpr int schema = 1;
};

/// All that a heuristic controller remembers.
struct HeuristicState {
    HeuristicOptions options{};
    std::vector<double> penalties{};     ///< of the options' blueprints, in their order
    std::optional<double> best_score{};  ///< the last that counted as an improvement
    int epochs_without_improvement = 0;  ///< since then, or since the last germination

    using Fields =
        reflect::List<&HeuristicState::options, &HeuristicState::penalties,
                      &HeuristicState::best_score, &HeuristicState::epochs_without_improvement>;

    /// Of its form in a checkpoint. 1: scores were accuracies. 2: of any score.
    static constexpr int schema = 2;
    using Before = HeuristicStateBefore2;
    [[nodiscard]] static HeuristicState migrated(Before&& before) {
        HeuristicOptionsBefore2& was = before.options;
        return {.options = {.slots = std::move(was.slots),
                            .blueprints = std::move(was.blueprints),
                            .plateau_epochs = was.plateau_epochs,
                            .plateau_improvement = was.plateau_improvement,
                            .first_epoch = was.first_epoch,
                            .drop_limit = was.drop_limit,
                            .stall_epochs = was.stall_epochs,
                            .readiness_patience = was.readiness_patience,
                            .prune_penalty = was.prune_penalty,
                            .penalty_decay = was.penalty_decay,
                            .penalty_limit = was.penalty_limit,
                            .seeds_on_trial = was.seeds_on_trial,
                            .germination = std::move(was.germination)},
                .penalties = std::move(before.penalties),
                .best_score = before.best_accuracy,
                .epochs_without_improvement = before.epochs_without_improvement};
    }
};

}  // namespace kasmina
