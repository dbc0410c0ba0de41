// A panic, end to end: a network trains, breaks, comes back to the last snapshot and trains on.
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/backends/eigen.hpp>

#include "policy/governed_run.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::grower_test {
namespace {

using B = backends::Eigen<float>;
using Run = test::GovernedRun<B>;
using Values = Run::Values;
using Action = Decision::Action;

const std::vector<std::pair<std::string, Stage>> live{{"r0c0", Stage::germinated},
                                                      {"r1c0", Stage::training},
                                                      {"r0c1", Stage::blending},
                                                      {"r1c1", Stage::holding}};

/// A fossilized seed, and one in each stage that a panic prunes.
void grow_all(Run& run) {
    run.grow_to("r1c2", Stage::fossilized);
    for (const auto& [slot, stage] : live) run.grow_to(slot, stage);
}

void check_live_seeds_pruned(Run& run, const EpochReport& report) {
    REQUIRE(report.changes.size() == 2 * live.size());  // pruned, and then the epoch's tick
    for (std::size_t i = 0; i < live.size(); ++i) {
        const auto& [name, stage] = live[i];
        CAPTURE(name);
        CHECK(report.changes[i].slot == name);
        CHECK(report.changes[i].from == stage);
        CHECK(report.changes[i].to == Stage::pruned);
        CHECK(report.changes[i].reason == "governor_nan");
        const SeedRecord* record = run.model.slot(name).record();
        REQUIRE(record != nullptr);
        CHECK(record->metrics.auto_pruned);
        CHECK(record->metrics.prune_reason == "governor_nan");
        CHECK(run.model.slot(name).parameters().empty());
        CHECK(is_failure(run.model.slot(name).stage()));
    }
    for (std::size_t i = live.size(); i < report.changes.size(); ++i) {
        CHECK(report.changes[i].from == Stage::pruned);
        CHECK(report.changes[i].to == Stage::embargoed);
    }
    CHECK(run.model.slot("r1c2").stage() == Stage::fossilized);
    CHECK(run.model.active_seeds() == 1);
}

TEST_CASE("a host that breaks comes back bit for bit, its live seeds go, and training goes on",
          "[K][S-4][H-7]") {
    B::Context context;
    Run run(context);
    grow_all(run);
    run.govern();
    Values host;
    Values fossilized;
    for (int epoch = 1; epoch <= 7; ++epoch) {
        REQUIRE_FALSE(run.epoch().panic);
        if (epoch != 5) continue;  // the last snapshot before the panic
        host = run.host_values();
        fossilized = run.seed_values("r1c2");
    }
    const double loss_before = run.loss;
    REQUIRE(run.host_values() != host);
    REQUIRE(run.seed_values("r1c2") != fossilized);

    run.break_host();
    const EpochReport report = run.epoch();
    REQUIRE(std::isnan(run.loss));
    REQUIRE(report.panic == Panic::nan);
    CHECK(run.host_values() == host);
    CHECK(run.seed_values("r1c2") == fossilized);
    check_live_seeds_pruned(run, report);
    CHECK(std::isfinite(report.score));

    // What the caller cleared: no momentum, and no state for seeds that are gone.
    CHECK(run.sgd.tracked(0).size() == run.model.host_parameters().size());
    CHECK(run.sgd.tracked(1).size() == run.seed_values("r1c2").size());
    for (const std::size_t group : {std::size_t{0}, std::size_t{1}}) {
        for (const auto& tracked : run.sgd.tracked(group)) {
            CHECK(tracked.steps == 0);
            CHECK(tracked.first.empty());
        }
    }
    for (const auto& named : run.model.parameters()) CHECK_FALSE(named.parameter->has_gradient());

    for (int epoch = 0; epoch < 12; ++epoch) {
        CHECK_FALSE(run.epoch().panic);
        CHECK(std::isfinite(run.loss));
    }
    CAPTURE(loss_before, run.loss);
    CHECK(run.loss < loss_before);
    for (const auto& [slot, stage] : live) CHECK(run.model.slot(slot).stage() == Stage::dormant);
}

TEST_CASE("a loss that is not finite is enough, and before the first interval the start is back",
          "[K][S-4]") {
    B::Context context;
    Run run(context);
    grow_all(run);
    const Values host = run.host_values();
    const Values fossilized = run.seed_values("r1c2");
    run.govern();
    for (int epoch = 1; epoch <= 3; ++epoch) REQUIRE_FALSE(run.epoch().panic);
    REQUIRE(run.host_values() != host);
    const EpochReport report = run.epoch(std::numeric_limits<double>::infinity());
    REQUIRE(report.panic == Panic::nan);
    CHECK(run.host_values() == host);
    CHECK(run.seed_values("r1c2") == fossilized);
    check_live_seeds_pruned(run, report);
}

TEST_CASE("a seed that fossilized is in the snapshot of that epoch, and outlives a panic", "[K]") {
    B::Context context;
    Run run(context);
    run.grow_to("r1c1", Stage::holding);
    run.govern();
    REQUIRE_FALSE(run.epoch().panic);
    run.grower->controller().next = {{.slot = "r1c1", .action = Action::advance}};
    const EpochReport grown = run.epoch();
    REQUIRE(grown.changes.size() == 1);
    REQUIRE(grown.changes[0].to == Stage::fossilized);
    const Values host = run.host_values();
    const Values seed = run.seed_values("r1c1");
    REQUIRE_FALSE(run.epoch().panic);
    REQUIRE(run.host_values() != host);
    REQUIRE(run.seed_values("r1c1") != seed);

    run.break_host();
    const EpochReport report = run.epoch();
    REQUIRE(report.panic == Panic::nan);
    CHECK(report.changes.empty());
    CHECK(run.host_values() == host);
    CHECK(run.seed_values("r1c1") == seed);
    CHECK(run.model.slot("r1c1").stage() == Stage::fossilized);
}

TEST_CASE("a network that breaks in an epoch's last step panics in that epoch, not in the next",
          "[K][S-4]") {
    B::Context context;
    Run run(context);
    run.grow_to("r1c2", Stage::fossilized);
    run.grow_to("r0c0", Stage::training);
    run.govern();
    const Values host = run.host_values();
    REQUIRE_FALSE(run.epoch().panic);
    SECTION("in the host") {
        run.break_host();
        CHECK(run.epoch(1.0).panic == Panic::nan);
        CHECK(run.host_values() == host);
        CHECK_FALSE(run.epoch().panic);
    }
    SECTION("in its statistics") {
        for (const auto& [name, state] : run.model.contents().states) {
            if (name.find("running_var") == std::string::npos) continue;
            state.visit([&]<class T>(Tensor<B, T>& value) {
                value.fill(context, static_cast<T>(std::numeric_limits<float>::infinity()));
            });
            break;
        }
        CHECK(run.epoch(1.0).panic == Panic::nan);
        CHECK(run.host_values() == host);
    }
    SECTION("in a seed that nobody hears: it is no panic, and in no snapshot") {
        const auto seed = run.model.slot("r0c0").contents().parameters[0].parameter;
        seed->value().fill(context, std::numeric_limits<float>::quiet_NaN());
        for (int epoch = 0; epoch < 5; ++epoch) CHECK_FALSE(run.epoch(1.0).panic);
    }
}

TEST_CASE("a network that is not made of numbers is not governed: there is nothing to come back to",
          "[K][E-2]") {
    B::Context context;
    Run run(context);
    run.break_host();
    const std::string text = test::error_text<NumericError>([&run] { run.govern(); });
    INFO(text);
    CHECK(test::mentions(text, "host/"));
}

TEST_CASE("a model may move between epochs, and a panic still brings it back", "[K][E-4]") {
    B::Context context;
    Run run(context);
    run.grow_to("r0c0", Stage::training);
    run.govern();
    const Values host = run.host_values();
    REQUIRE_FALSE(run.epoch().panic);
    REQUIRE(run.host_values() != host);
    Run::Model moved = std::move(run.model);
    run.model = std::move(moved);
    CHECK(run.epoch(std::nan("")).panic == Panic::nan);
    CHECK(run.host_values() == host);
}

/// Scores every configuration alike.
std::vector<double> alike(std::span<const AlphaOverrides> configurations) {
    return std::vector<double>(configurations.size(), 50.0);
}

/// A user's own measure: every seed that is held helps by two points.
struct TwoPoints {
    template <class Model, class SlotType, class Accuracies>
    void judge(Model&, SlotType& slot, double, Accuracies&) const {
        slot.record_lead(2.0, judge::MeasureKind::own);
    }
};

TEST_CASE("a loop that trains no shadow is told once that its seeds are judged by dependence",
          "[K][J-4]") {
    B::Context context;
    Run run(context);
    run.grow_to("r1c1", Stage::blending);
    run.govern();
    CHECK(run.epoch().notices.empty());  // nothing is judged before full amplitude
    REQUIRE(run.model.slot("r1c1").advance().advanced);
    const EpochReport first = run.epoch();
    REQUIRE(first.notices.size() == 1);
    CHECK(test::mentions(first.notices[0], "depends"));
    CHECK(test::mentions(first.notices[0], "Learner"));
    const SeedMetrics& metrics = run.model.slot("r1c1").record()->metrics;
    REQUIRE(metrics.contribution);
    CHECK(metrics.contribution_by == judge::MeasureKind::ablation);
    CHECK(metrics.contribution->value == metrics.dependence);
    CHECK(run.epoch().notices.empty());
}

TEST_CASE("a measure of one's own judges the seeds that are held", "[K][J-1][J-2]") {
    B::Context context;
    Run run(context);
    run.grow_to("r0c0", Stage::blending);
    run.grow_to("r1c1", Stage::holding);
    run.govern();
    for (int epoch = 1; epoch <= 5; ++epoch) {
        CAPTURE(epoch);
        const EpochReport report = run.grower->end_epoch(run.model, 1.0, alike, TwoPoints{});
        // Nothing is stepped between these ends, which is told of, once for each seed.
        CHECK(report.notices.size() == (epoch == 1 ? 2 : 0));
        for (const std::string& notice : report.notices) {
            CHECK(test::mentions(notice, "before gradients are zeroed"));
        }
        REQUIRE(report.judgements.size() == run.model.slots().size());
        for (std::size_t i = 0; i < report.slots.size(); ++i) {
            const bool held = report.slots[i].slot == "r1c1";
            CHECK(report.slots[i].metrics.contribution.has_value() == held);
            CHECK(report.judgements[i] ==
                  (held && epoch == 5 ? judge::Verdict::helps : judge::Verdict::undecided));
        }
    }
    const SeedMetrics& metrics = run.model.slot("r1c1").record()->metrics;
    CHECK(metrics.contribution->value == Approx(2.0));
    CHECK(metrics.contribution_by == judge::MeasureKind::own);
    CHECK(metrics.dependence == 0.0);
}

TEST_CASE("seeds germinate as the controller says", "[K][I-9]") {
    B::Context context;
    Run run(context);
    run.govern();
    run.grower->controller().next = {{.slot = "r0c0",
                                      .action = Action::germinate,
                                      .blueprint = "conv_light",
                                      .options = {.seed_id = "mine", .alpha_target = 0.25}}};
    static_cast<void>(run.epoch());
    CHECK(run.model.slot("r0c0").record()->seed_id == "mine");
    CHECK(run.model.slot("r0c0").target_amplitude() == 0.25);
}

TEST_CASE("an epoch is measured, then decided on, then ticked", "[K][I-4][I-8]") {
    B::Context context;
    Run run(context);
    run.grow_to("r0c0", Stage::training);
    run.govern();
    REQUIRE_FALSE(run.epoch().panic);
    const double average = run.model.slot("r0c0").record()->metrics.gradient_norm_average;
    CHECK(average > 0.0);
    run.grower->controller().next = {{.slot = "r0c0", .action = Action::advance}};
    const EpochReport report = run.epoch();
    // Gradient health is of this epoch, and the report is from before the decision.
    CHECK(report.slots[0].stage == Stage::training);
    CHECK(report.slots[0].metrics.gradient_ratio.value_or(0.0) > 0.0);
    CHECK(report.slots[0].metrics.parameter_health.has_value());
    CHECK(report.slots[0].metrics.gradient_norm_average != average);
    REQUIRE(report.slots[0].metrics.readiness.has_value());
    CHECK(report.slots[0].metrics.readiness->count == 2);
    // The ramp that the decision began has made its first step.
    REQUIRE(report.changes.size() == 1);
    CHECK(report.changes[0].to == Stage::blending);
    CHECK(run.model.slot("r0c0").report().alpha.steps_done == 1);
    CHECK(run.model.slot("r0c0").alpha() > 0.0);
}

}  // namespace
}  // namespace kasmina::grower_test
