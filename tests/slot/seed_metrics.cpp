// Metrics and record of a seed: what starts with the first measurement, and what is derived.
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include <kasmina/slot/seed_record.hpp>

#include "support/catch.hpp"

namespace kasmina::seed_metrics_test {
namespace {

TEST_CASE("before anything is measured, scores are absent and improvements 0", "[S-8]") {
    const SeedMetrics metrics;
    CHECK_FALSE(metrics.initial_score);
    CHECK_FALSE(metrics.best_score);
    CHECK_FALSE(metrics.dependence);
    CHECK_FALSE(metrics.readiness);
    CHECK_FALSE(metrics.contribution);
    CHECK(metrics.contribution_by == judge::MeasureKind::none);
    CHECK_FALSE(metrics.gradient_ratio);
    CHECK_FALSE(metrics.parameter_health);
    CHECK(metrics.total_improvement() == 0.0);
    CHECK(metrics.improvement_since_stage_start() == 0.0);
    CHECK(metrics.blending_delta() == 0.0);
}

TEST_CASE("initial and best score start at the first measurement, not at 0", "[S-12][S-8]") {
    SeedMetrics metrics;
    metrics.record_score(-3.0);
    CHECK(metrics.initial_score == -3.0);
    CHECK(metrics.best_score == -3.0);
    metrics.record_score(-5.0);
    CHECK(metrics.initial_score == -3.0);
    CHECK(metrics.current_score == -5.0);
    CHECK(metrics.best_score == -3.0);
    metrics.record_score(40.0);
    CHECK(metrics.best_score == 40.0);
    CHECK(metrics.total_improvement() == 43.0);
}

TEST_CASE("a new stage measures from the score it was entered with", "[S-8][L-8]") {
    SeedMetrics metrics;
    metrics.record_score(50.0);
    metrics.record_score(53.0);
    metrics.epochs_in_stage = 4;
    CHECK(metrics.improvement_since_stage_start() == 3.0);
    metrics.enter_stage();
    CHECK(metrics.epochs_in_stage == 0);
    CHECK(metrics.improvement_since_stage_start() == 0.0);
    metrics.record_score(52.0);
    CHECK(metrics.improvement_since_stage_start() == -1.0);
    CHECK(metrics.total_improvement() == 2.0);
}

TEST_CASE("a stage entered before any measurement measures from its first one", "[S-8]") {
    SeedMetrics metrics;
    metrics.enter_stage();
    metrics.record_score(50.0);
    metrics.record_score(51.0);
    CHECK(metrics.improvement_since_stage_start() == 1.0);
}

TEST_CASE("the blending delta is measured from the start of blending", "[S-8]") {
    SeedMetrics metrics;
    metrics.record_score(50.0);
    metrics.score_at_blending_start = metrics.current_score;
    metrics.record_score(54.0);
    CHECK(metrics.blending_delta() == 4.0);
}

TEST_CASE("improvements for observers are clamped to 10 points and scaled to 1", "[S-8]") {
    constexpr ScoreKind accuracy = ScoreKind::accuracy();
    CHECK(accuracy.scaled(5.0) == 0.5);
    CHECK(accuracy.scaled(-2.5) == -0.25);
    CHECK(accuracy.scaled(10.5) == 1.0);
    CHECK(accuracy.scaled(-300.0) == -1.0);
    constexpr ScoreKind loss{.name = "loss", .falls = true, .point = 0.125};
    CHECK(loss.scaled(0.625) == 0.5);
    CHECK(loss.scaled(-2.0) == -1.0);
}

TEST_CASE("of a score that falls the best is the least, and gains are above 0 where it fell",
          "[S-8][S-12][N-3]") {
    SeedMetrics metrics{.score_falls = true};
    metrics.record_score(0.5);
    metrics.record_score(0.75);
    CHECK(metrics.best_score == 0.5);
    CHECK(metrics.total_improvement() == -0.25);
    metrics.enter_stage();
    metrics.score_at_blending_start = metrics.current_score;
    metrics.record_score(0.25);
    CHECK(metrics.best_score == 0.25);
    CHECK(metrics.total_improvement() == 0.25);
    CHECK(metrics.improvement_since_stage_start() == 0.5);
    CHECK(metrics.blending_delta() == 0.5);
}

TEST_CASE("the contribution's velocity is an average of its changes", "[S-8][K]") {
    SeedMetrics metrics;
    const auto record = [&metrics](double value) {
        metrics.record_contribution({value, 0.5, 3}, judge::MeasureKind::own);
    };
    record(4.0);
    CHECK(metrics.contribution == judge::Estimate{4.0, 0.5, 3});
    CHECK(metrics.contribution_by == judge::MeasureKind::own);
    CHECK_FALSE(metrics.previous_contribution);
    CHECK(metrics.contribution_velocity == 0.0);
    record(6.0);
    CHECK(metrics.previous_contribution == 4.0);
    CHECK(metrics.contribution_velocity == Approx(0.3 * 2.0));
    record(5.0);
    CHECK(metrics.contribution_velocity == Approx(0.7 * 0.6 - 0.3 * 1.0));
}

TEST_CASE("what another measure said is no earlier value of a contribution", "[S-8][J-1]") {
    SeedMetrics metrics;
    metrics.record_contribution({20.0, 0.5, 3}, judge::MeasureKind::ablation);
    metrics.record_contribution({1.0, 0.5, 3}, judge::MeasureKind::shadow);
    CHECK_FALSE(metrics.previous_contribution);
    CHECK(metrics.contribution_velocity == 0.0);
}

TEST_CASE("a readiness is that of the last five epochs", "[S-8][G-10]") {
    SeedRecord record;
    for (const double difference : {-90.0, 1.0, 2.0, 3.0, 4.0, 5.0}) {
        record.record_readiness(difference);
    }
    REQUIRE(record.metrics.readiness);
    CHECK(record.metrics.readiness->value == Approx(3.0));
    CHECK(record.metrics.readiness->count == 5);
    CHECK(record.metrics.readiness->has_error());
}

TEST_CASE("the seed's gradient norm is averaged with decay 0.9", "[I-4]") {
    SeedMetrics metrics;
    metrics.record_gradients(0.5, 2.0, std::nullopt);
    CHECK(metrics.gradient_norm_average == Approx(0.2));
    metrics.record_gradients(0.5, 4.0, std::nullopt);
    CHECK(metrics.gradient_norm_average == Approx(0.9 * 0.2 + 0.1 * 4.0));
}

TEST_CASE("a norm that is not finite does not poison the average for ever", "[I-4]") {
    SeedMetrics metrics;
    metrics.record_gradients(0.5, 2.0, std::nullopt);
    metrics.record_gradients(10.0, std::numeric_limits<double>::infinity(), std::nullopt);
    metrics.record_gradients(10.0, std::nan(""), std::nullopt);
    CHECK(metrics.gradient_norm_average == Approx(0.2));
}

TEST_CASE("a ratio that was not measured replaces one that was; health waits for one", "[I-7]") {
    SeedMetrics metrics;
    metrics.record_gradients(0.5, 1.0, std::nullopt);
    CHECK(metrics.gradient_ratio == 0.5);
    CHECK_FALSE(metrics.parameter_health);
    metrics.record_gradients(std::nullopt, 1.0, ParameterHealth{0.5, true, false});
    CHECK_FALSE(metrics.gradient_ratio);
    CHECK(metrics.parameter_health == ParameterHealth{0.5, true, false});
    metrics.record_gradients(0.1, 1.0, std::nullopt);
    CHECK(metrics.parameter_health == ParameterHealth{0.5, true, false});
}

TEST_CASE("a transition notes where from, how long and when, and starts anew", "[L-8]") {
    SeedRecord record;
    record.metrics.record_score(50.0);
    record.metrics.epochs_in_stage = 7;
    const auto before = std::chrono::system_clock::now();
    record.enter(Stage::training, Stage::blending);
    REQUIRE(record.history.size() == 1);
    CHECK(record.history[0].from == Stage::training);
    CHECK(record.history[0].to == Stage::blending);
    CHECK(record.history[0].epochs_in_from == 7);
    CHECK(record.history[0].entered_at >= before);
    CHECK(record.history[0].entered_at <= std::chrono::system_clock::now());
    CHECK(record.metrics.epochs_in_stage == 0);
    CHECK(record.metrics.score_at_stage_start == 50.0);
}

TEST_CASE("the history keeps the latest hundred transitions", "[L-8]") {
    SeedRecord record;
    for (int i = 0; i < 130; ++i) {
        record.metrics.epochs_in_stage = i;
        record.enter(Stage::blending, Stage::holding);
    }
    REQUIRE(record.history.size() == 100);
    CHECK(record.history.front().epochs_in_from == 30);
    CHECK(record.history.back().epochs_in_from == 129);
}

}  // namespace
}  // namespace kasmina::seed_metrics_test
