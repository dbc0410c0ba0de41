// What was kept of accuracies goes on as what is kept of any score.
#include <optional>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/file/strict_json.hpp>
#include <kasmina/checkpoint/opened.hpp>
#include <kasmina/checkpoint/record/read.hpp>
#include <kasmina/checkpoint/record/write.hpp>
#include <kasmina/policy/governor.hpp>
#include <kasmina/policy/heuristic_controller.hpp>
#include <kasmina/slot/seed_metrics.hpp>

#include "support/catch.hpp"

namespace kasmina::scores_test {
namespace {

using checkpoint::record::Json;
using checkpoint::record::Place;

/// A `To` read from what is written of a `From`.
template <class To, class From>
To through_file(const From& value) {
    checkpoint::record::NoTensors nothing;
    const Json json = checkpoint::record::write(value, Place("state", "state"), nothing);
    checkpoint::NoTensorsToRead none;
    To into{};
    checkpoint::record::read(checkpoint::file::parse_json(json.dump(), "state"), into,
                             Place("state", "state"), none);
    return into;
}

TEST_CASE("a controller's bounds come back in the unit they were given in", "[C-1][N-3]") {
    HeuristicState state{.options = {.slots = {"a"}, .blueprints = {"b"}, .drop_limit = 0.25},
                         .penalties = {1.0},
                         .best_score = 0.5};
    const auto back = through_file<HeuristicState>(state);
    CHECK(back.options.drop_limit == ScoreBound(0.25));
    CHECK(back.options.plateau_improvement == points(0.5));
    CHECK(back.best_score == 0.5);
}

TEST_CASE("a controller of accuracies goes on with the same bounds", "[C-4][N-3]") {
    HeuristicStateBefore2 before{
        .options = {.slots = {"a"}, .blueprints = {"b"}, .plateau_improvement = 0.75},
        .penalties = {2.0},
        .best_accuracy = 61.5,
        .epochs_without_improvement = 2};
    before.options.seeds_on_trial = 3;
    const auto after = through_file<HeuristicState>(before);
    CHECK(after.options.plateau_improvement == ScoreBound(0.75));
    CHECK(after.options.drop_limit == ScoreBound(2.0));
    CHECK(after.options.seeds_on_trial == 3);
    CHECK(after.options.slots == before.options.slots);
    CHECK(after.penalties == before.penalties);
    CHECK(after.best_score == 61.5);
    CHECK(after.epochs_without_improvement == 2);
}

TEST_CASE("a governor's tolerance in nats becomes a share of the random-guess loss",
          "[C-4][K][N-3]") {
    const GovernorStateBefore2 before{.random_guess_loss = 2.0,
                                      .options = {.random_guess_tolerance = 0.5, .strikes = 4},
                                      .losses = {1.0, 1.5},
                                      .next = 2,
                                      .strikes = 1};
    const auto after = through_file<GovernorState>(before);
    CHECK(after.random_guess_loss == 2.0);
    CHECK(after.options.random_guess_tolerance == 0.25);
    CHECK(after.options.absolute_bound == 12.0);
    CHECK(after.options.strikes == 4);
    CHECK(after.losses == before.losses);
    CHECK(after.next == 2);
    CHECK(after.strikes == 1);
    const Governor none;
    CHECK_FALSE(through_file<GovernorState>(none.state()).random_guess_loss);
}

TEST_CASE("metrics of accuracies are metrics of a score that rises", "[C-4][S-8][N-3]") {
    SeedMetricsBefore2 before{.epochs_total = 9, .epochs_in_stage = 4};
    before.initial_accuracy = 40.0;
    before.current_accuracy = 50.0;
    before.best_accuracy = 51.0;
    before.accuracy_at_stage_start = 45.0;
    before.accuracy_at_blending_start = 46.0;
    before.dependence = 2.5;
    before.seed_parameters = 7;
    before.prune_reason = "does_not_help";
    const auto after = through_file<SeedMetrics>(before);
    CHECK(after.epochs_total == 9);
    CHECK_FALSE(after.score_falls);
    CHECK(after.total_improvement() == 10.0);
    CHECK(after.improvement_since_stage_start() == 5.0);
    CHECK(after.blending_delta() == 4.0);
    CHECK(after.best_score == 51.0);
    CHECK(after.dependence == 2.5);
    CHECK(after.seed_parameters == 7);
    CHECK(after.prune_reason == "does_not_help");
}

}  // namespace
}  // namespace kasmina::scores_test
