// Contributions and interactions of seeds from measured accuracies, here those of a known game.
#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/policy/grower.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::seed_effects_test {
namespace {

using B = backends::Eigen<float>;
using Blueprints = BlueprintList<cnn::ConvLight>;
using Model = MorphogeneticModel<hosts::Cnn<B>, Blueprints, test::OpenPolicies>;

Model make_model(B::Context& context) {
    Generator generator(4);
    return Model(context,
                 hosts::Cnn<B>(context, {.classes = 3, .base = 4, .height = 8, .width = 8}),
                 Blueprints{}, generator);
}

void grow_to(Model& model, const std::string& name, Stage goal) {
    auto& slot = model.slot(name);
    slot.germinate("conv_light");
    while (slot.stage() != goal) REQUIRE(slot.advance().advanced);
}

/// A fossilized seed, one in blending, one in holding and one in training.
void grow(Model& model) {
    grow_to(model, "r0c0", Stage::fossilized);
    grow_to(model, "r1c0", Stage::blending);
    grow_to(model, "r1c1", Stage::holding);
    grow_to(model, "r0c2", Stage::training);
}

/// The accuracy of a network in which r0c0 brings 20 points, r1c0 loses 2 and r1c1 brings 5, the
/// first two go well together (3) and the last two badly (-4).
double accuracy_of(const AlphaOverrides& overrides) {
    const auto runs = [&overrides](const char* slot) { return overrides.find(slot) == nullptr; };
    double accuracy = 40.0;
    if (runs("r0c0")) accuracy += 20.0;
    if (runs("r1c0")) accuracy -= 2.0;
    if (runs("r1c1")) accuracy += 5.0;
    if (runs("r0c0") && runs("r1c0")) accuracy += 3.0;
    if (runs("r1c0") && runs("r1c1")) accuracy -= 4.0;
    // One in training runs where it is asked for alone, at its target amplitude.
    if (const AlphaOverride* asked = overrides.find("r0c2")) accuracy -= 7.0 * asked->values[0];
    return accuracy;
}

/// Counts calls and configurations.
struct KnownGame {
    int calls = 0;
    std::size_t configurations = 0;

    std::vector<double> operator()(std::span<const AlphaOverrides> asked) {
        ++calls;
        configurations += asked.size();
        std::vector<double> accuracies;
        for (const AlphaOverrides& each : asked) accuracies.push_back(accuracy_of(each));
        return accuracies;
    }
};

TEST_CASE("dependences are of seeds on trial, interactions of these with all blended seeds",
          "[K][H-5]") {
    B::Context context;
    Model model = make_model(context);
    grow(model);
    KnownGame game;
    const SeedEffects effects = measure_seed_effects(model, game);
    // Nobody, each of three alone, the three pairs and all of them, each once.
    CHECK(game.calls == 1);
    CHECK(game.configurations == 8);
    CHECK(effects.score == 62.0);
    REQUIRE(effects.dependences.size() == 2);
    CHECK(effects.dependences[0].slot == "r1c0");
    CHECK(effects.dependences[0].gain == Approx(-2.0 + 3.0 - 4.0));
    CHECK(effects.dependences[1].slot == "r1c1");
    CHECK(effects.dependences[1].gain == Approx(5.0 - 4.0));
    REQUIRE(effects.interactions.size() == 3);
    const auto check = [&effects](std::size_t i, const char* first, const char* second,
                                  double gain) {
        CAPTURE(i);
        CHECK(effects.interactions[i].first == first);
        CHECK(effects.interactions[i].second == second);
        CHECK(effects.interactions[i].gain == Approx(gain).margin(1e-12));
    };
    check(0, "r0c0", "r1c0", 3.0);
    check(1, "r0c0", "r1c1", 0.0);
    check(2, "r1c0", "r1c1", -4.0);
}

TEST_CASE("a network without a seed on trial is measured once", "[K][H-5]") {
    B::Context context;
    Model model = make_model(context);
    KnownGame alone;
    CHECK(measure_seed_effects(model, alone).score == 62.0);
    CHECK(alone.configurations == 1);
    grow_to(model, "r0c0", Stage::fossilized);
    grow_to(model, "r1c1", Stage::fossilized);
    KnownGame fossils;
    const SeedEffects effects = measure_seed_effects(model, fossils);
    CHECK(fossils.configurations == 1);
    CHECK(effects.dependences.empty());
    CHECK(effects.readiness.empty());
    CHECK(effects.interactions.empty());
}

TEST_CASE("the readiness of a seed in training is what it would change at its target amplitude",
          "[G-10]") {
    B::Context context;
    Model model = make_model(context);
    grow_to(model, "r0c0", Stage::fossilized);
    model.slot("r0c2").germinate("conv_light", {.alpha_target = 0.5});
    SeedEffects effects;
    effects.score = 62.0;
    KnownGame nobody;
    measure_readiness(model, nobody, effects);
    CHECK(nobody.calls == 0);
    REQUIRE(model.slot("r0c2").advance().advanced);
    KnownGame game;
    measure_readiness(model, game, effects);
    CHECK(game.configurations == 1);
    REQUIRE(effects.readiness.size() == 1);
    CHECK(effects.readiness[0].slot == "r0c2");
    CHECK(effects.readiness[0].gain == -3.5);
    record_seed_effects(model, effects);
    CHECK(model.slot("r0c2").record()->metrics.readiness->value == -3.5);
}

struct Waits {
    std::vector<Decision> decide(const EpochObservation&) { return {}; }
};

TEST_CASE("the end of an epoch records with each seed what it does, and the alphas around it",
          "[K][S-8]") {
    B::Context context;
    Model model = make_model(context);
    grow(model);
    Grower grower(model, Waits{}, 1.0);
    const EpochReport report = grower.end_epoch(model, 1.0, KnownGame{});
    CHECK(report.score == 62.0);
    CHECK(report.interactions.size() == 3);
    const auto seen = [&report](const char* slot) {
        return std::ranges::find(report.slots, slot, &SlotReport::slot)->metrics;
    };
    CHECK(seen("r0c0").interaction_sum == Approx(3.0));
    CHECK(seen("r0c0").boost_received == Approx(3.0));
    CHECK_FALSE(seen("r0c0").dependence.has_value());
    CHECK(seen("r1c0").interaction_sum == Approx(-1.0));
    CHECK(seen("r1c0").boost_received == Approx(3.0));
    CHECK(seen("r1c0").dependence == -3.0);
    CHECK_FALSE(seen("r1c0").contribution.has_value());  // judged at full amplitude alone
    CHECK(seen("r1c1").dependence == 1.0);
    REQUIRE(seen("r1c1").contribution.has_value());
    CHECK(seen("r1c1").contribution->value == 1.0);
    CHECK(seen("r1c1").contribution_by == judge::MeasureKind::ablation);
    CHECK(seen("r1c1").interaction_sum == Approx(-4.0));
    CHECK(seen("r1c1").boost_received == 0.0);
    CHECK(seen("r0c2").interaction_sum == 0.0);
    CHECK_FALSE(seen("r0c2").dependence.has_value());
    REQUIRE(seen("r0c2").readiness.has_value());
    CHECK(seen("r0c2").readiness->value == -7.0);
    CHECK_FALSE(seen("r1c0").readiness.has_value());

    // Amplitudes in execution order: r0c0 1, r1c0 0 so far, r1c1 1, r0c2 0.
    CHECK(seen("r0c0").upstream_alpha_sum == 0.0);
    CHECK(seen("r0c0").downstream_alpha_sum == 1.0);
    CHECK(seen("r1c0").upstream_alpha_sum == 1.0);
    CHECK(seen("r1c0").downstream_alpha_sum == 1.0);
    CHECK(seen("r1c1").downstream_alpha_sum == 0.0);
    CHECK(seen("r0c2").upstream_alpha_sum == 2.0);
}

TEST_CASE("interactions that are not finite are refused, and those without a seed", "[S-8][E-2]") {
    B::Context context;
    Model model = make_model(context);
    grow_to(model, "r0c0", Stage::holding);
    auto& slot = model.slot("r0c0");
    slot.record_interactions(2.0, 1.5);
    CHECK_THROWS_AS(slot.record_interactions(std::nan(""), 0.0), NumericError);
    CHECK_THROWS_AS(slot.record_interactions(0.0, std::nan("")), NumericError);
    CHECK(slot.report().metrics.interaction_sum == 2.0);
    CHECK(slot.report().metrics.boost_received == 1.5);
    CHECK_THROWS_AS(model.slot("r1c0").record_interactions(0.0, 0.0), LifecycleError);
}

}  // namespace
}  // namespace kasmina::seed_effects_test
