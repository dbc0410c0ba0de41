// The controller, seed effects and slots on a score that falls.
#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn/norm.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/policy/grower.hpp>
#include <kasmina/policy/heuristic_controller.hpp>
#include <kasmina/policy/seed_effects.hpp>

#include "policy/story.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::scores_test {
namespace {

using B = backends::Eigen<float>;
using Model = MorphogeneticModel<hosts::Cnn<B>, BlueprintList<cnn::Norm>>;

constexpr ScoreKind loss{.name = "validation loss", .falls = true, .point = 0.001};

/// The epoch in which a controller's first decision falls, of one that is told these losses and
/// then the last of them for ever; 0 for none in 30.
int first_decision(HeuristicController controller, std::vector<double> losses) {
    SlotReport slot;
    slot.slot = "r0c0";
    const bool passes[] = {false};
    const judge::Verdict verdicts[] = {judge::Verdict::undecided};
    for (int epoch = 1; epoch <= 30; ++epoch) {
        const auto told = std::min(losses.size(), static_cast<std::size_t>(epoch));
        const EpochObservation seen{epoch, losses[told - 1], {&slot, 1}, passes, verdicts, loss};
        if (!controller.decide(seen).empty()) return epoch;
    }
    return 0;
}

TEST_CASE("a plateau of a loss is that it no longer falls by half a point", "[K][N-3]") {
    const HeuristicController controller(test::options());
    std::vector<double> falling;
    std::vector<double> creeping;
    std::vector<double> rising;
    for (int i = 0; i < 12; ++i) {
        falling.push_back(1.0 - 0.0006 * i);   // 0.6 points an epoch
        creeping.push_back(1.0 - 0.0001 * i);  // 0.1 points an epoch
        rising.push_back(1.0 + 0.1 * i);
    }
    CHECK(first_decision(controller, falling) == 15);  // three epochs after the last fall
    CHECK(first_decision(controller, creeping) == 5);
    CHECK(first_decision(controller, rising) == 5);
    HeuristicOptions in_unit = test::options();
    in_unit.plateau_improvement = 0.00005;
    CHECK(first_decision(HeuristicController(in_unit), creeping) == 15);
}

TEST_CASE("a seed is pruned when the loss has risen by two points since blending began",
          "[K][N-3]") {
    const auto reason = [](double start, double now) -> std::string {
        SlotReport slot;
        test::put_seed(slot, Stage::blending, start, now, 1);
        slot.slot = "r0c0";
        slot.metrics.score_falls = true;
        const bool passes[] = {false};
        const judge::Verdict verdicts[] = {judge::Verdict::undecided};
        HeuristicController controller(test::options());
        const auto decisions = controller.decide({1, now, {&slot, 1}, passes, verdicts, loss});
        REQUIRE(decisions.size() == 1);
        return decisions[0].reason;
    };
    CHECK(reason(0.5, 0.5021) == "score_dropped");
    CHECK(reason(0.5, 0.5019).empty());
    CHECK(reason(0.5, 0.2).empty());
}

TEST_CASE("a controller's bound that the model's score cannot reach is refused before training",
          "[K][N-3][E-2]") {
    B::Context context;
    Generator random(1);
    Model model(context, hosts::Cnn<B>(context, {.base = 4, .blocks = 2}), {}, random);
    HeuristicOptions options = test::options();
    options.blueprints = {"norm"};
    options.drop_limit = 150.0;
    CHECK(test::mentions(test::error_text<OptionError>(
                             [&] { Grower(model, HeuristicController(options), std::nullopt); }),
                         "drop_limit"));
}

TEST_CASE("what seeds do to a loss is a gain where it falls", "[H-5][G-10][N-3]") {
    B::Context context;
    Generator random(1);
    Model model(context, hosts::Cnn<B>(context, {.base = 4, .blocks = 2}), {}, random,
                {.score = loss});
    CHECK(model.score_kind() == loss);
    auto& slot = model.slot("r0c0");
    slot.germinate("norm");
    slot.advance();
    REQUIRE(slot.stage() == Stage::training);
    const auto losses = [](std::span<const AlphaOverrides> configurations) {
        std::vector<double> all;
        for (const AlphaOverrides& each : configurations) {
            all.push_back(each.find("r0c0") != nullptr ? 0.25 : 0.75);  // with the seed it is less
        }
        return all;
    };
    SeedEffects effects = measure_seed_effects(model, losses);
    measure_readiness(model, losses, effects);
    CHECK(effects.score == 0.75);
    REQUIRE(effects.readiness.size() == 1);
    CHECK(effects.readiness[0].gain == 0.5);
    model.record_score(0.75);
    model.record_score(0.5);
    CHECK(slot.report().score_kind == loss);
    CHECK(slot.report().metrics.best_score == 0.5);
    CHECK(slot.evidence().improvement_since_stage_start == 0.25);
    CHECK(slot.evidence().point == loss.point);

    // What was measured the other way round does not go into a model of accuracies.
    Model other(context, hosts::Cnn<B>(context, {.base = 4, .blocks = 2}), {}, random);
    const SlotState state = slot.state();
    CHECK(test::mentions(test::error_text<StateError>([&] { other.slot("r0c0").restore(state); }),
                         "score_falls"));
    CHECK(other.slot("r0c0").stage() == Stage::dormant);
}

}  // namespace
}  // namespace kasmina::scores_test
