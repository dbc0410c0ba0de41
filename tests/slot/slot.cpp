// The run-time slot on its own: every operation, what it refuses, and what a refusal leaves alone.
#include <cmath>
#include <concepts>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/slot/slot.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/chosen_backend.hpp"
#include "support/error_text.hpp"

namespace kasmina {
namespace {

using B = test::Chosen64;
using OpenSlot = Slot<B, CnnBlueprints, test::OpenPolicies>;
struct StrictPolicies : DefaultPolicies {
    using Gates = StrictGates;
};
using StrictSlot = Slot<B, CnnBlueprints, StrictPolicies>;

/// A slot of width 8 with what it would share with others.
template <class SlotType, class Policies>
struct Alone {
    explicit Alone(SlotOptions options = {}) : slot("r0c0", Topology::cnn, 8, options, services) {}
    B::Context context{};
    SlotServices<B, Policies> services{.context = &context, .generator = Generator(7)};
    SlotType slot;
};
using Open = Alone<OpenSlot, test::OpenPolicies>;
using Strict = Alone<StrictSlot, StrictPolicies>;
using Default = Alone<Slot<B, CnnBlueprints>, DefaultPolicies>;

void go_to(OpenSlot& slot, Stage goal) {
    slot.germinate("conv_light");
    while (slot.stage() != goal) REQUIRE(slot.advance().advanced);
}

const std::vector<Stage> live_stages{Stage::germinated, Stage::training, Stage::blending,
                                     Stage::holding};

TEST_CASE("a germinated seed is named, counted and does not touch the forward pass", "[S-1]") {
    Open open;
    open.services.host_parameters = 1234;
    const AdvanceResult result = open.slot.germinate("conv_light");
    CHECK(result.advanced);
    CHECK(result.gate.gate() == Gate::g0);
    CHECK(open.slot.stage() == Stage::germinated);
    REQUIRE(open.slot.record() != nullptr);
    CHECK(open.slot.record()->seed_id == "r0c0-conv_light");
    CHECK(open.slot.record()->metrics.seed_parameters == 600);
    CHECK(open.slot.record()->metrics.host_parameters == 1234);
    CHECK_FALSE(open.slot.active());
    CHECK(open.slot.alpha() == 0.0);
}

TEST_CASE("the seed id can be chosen", "[S-1]") {
    Open open;
    open.slot.germinate("norm", {.seed_id = "mine"});
    CHECK(open.slot.record()->seed_id == "mine");
}

TEST_CASE("a gated seed counts its gate network", "[S-1][A-6]") {
    Open open;
    open.slot.germinate("conv_light", {.algorithm = BlendAlgorithm::gate});
    CHECK(open.slot.record()->metrics.seed_parameters == 600 + 81);
}

TEST_CASE("a germination that fails leaves the slot and the random stream alone", "[S-1][B-4]") {
    Open open;
    Open fresh;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(open.slot.germinate("conv_huge"), UnknownNameError);
    CHECK_THROWS_AS(open.slot.germinate("norm", {.tempo_epochs = 0}), OptionError);
    CHECK_THROWS_AS(open.slot.germinate("norm", {.alpha_target = 0.0}), OptionError);
    CHECK_THROWS_AS(open.slot.germinate("norm", {.alpha_target = 1.01}), OptionError);
    CHECK_THROWS_AS(open.slot.germinate("norm", {.steepness = nan}), OptionError);
    CHECK_THROWS_AS(open.slot.germinate("norm", {.curve = static_cast<AlphaCurve>(0)}),
                    OptionError);
    open.services.gates.thresholds.min_blending_epochs = -1;
    CHECK_FALSE(open.slot.germinate("conv_light").advanced);
    CHECK(open.slot.stage() == Stage::dormant);
    CHECK(open.slot.record() == nullptr);
    CHECK(open.slot.parameters().empty());

    open.services.gates.thresholds.min_blending_epochs = 3;
    open.slot.germinate("conv_light");
    fresh.slot.germinate("conv_light");
    const auto values = open.slot.parameters();
    const auto expected = fresh.slot.parameters();
    REQUIRE(values.size() == expected.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        CHECK(values[i].parameter->value().to_host(open.context) ==
              expected[i].parameter->value().to_host(fresh.context));
    }
}

/// What a user may get wrong: a seed that halves the map.
struct Shrinking {
    static constexpr std::string_view name = "shrinking";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;
    using Needs = kasmina::Needs<capability::Pooling>;
    struct Options {};
    static constexpr void check(Index, const Options& = {}) {}
    static constexpr Index parameter_count(Index, const Options& = {}) { return 0; }

    template <class Backend>
    struct Module : nn::Visitable<Module<Backend>> {
        Module(typename Backend::Context&, Index, const Options&, Generator& generator) {
            generator();
        }
        [[nodiscard]] Variable<Backend> forward(Pass<Backend>&, const Variable<Backend>& x) const {
            return ops::max_pool(x);
        }
        [[nodiscard]] static constexpr auto members() { return nn::members(); }
    };
};

TEST_CASE("a seed that changes the shape does not germinate, and leaves no trace", "[S-1][B-4]") {
    using List = BlueprintList<cnn::Norm, Shrinking>;
    Alone<Slot<B, List, test::OpenPolicies>, test::OpenPolicies> alone;
    const Generator::State before = alone.services.generator.state();
    CHECK_THROWS_AS(alone.slot.germinate("shrinking"), ShapeError);
    CHECK(alone.slot.stage() == Stage::dormant);
    CHECK(alone.slot.record() == nullptr);
    CHECK(alone.services.generator.state() == before);
    CHECK(alone.slot.germinate("norm").advanced);
}

TEST_CASE("two seeds of one stream of random numbers start apart", "[S-1][E-3]") {
    Open open;
    OpenSlot other("r0c1", Topology::cnn, 8, {}, open.services);
    open.slot.germinate("conv_light");
    other.germinate("conv_light");
    CHECK(open.slot.parameters()[0].parameter->value().to_host(open.context) !=
          other.parameters()[0].parameter->value().to_host(open.context));
}

TEST_CASE("seeds are born quietly, and those that multiply even where a loud birth is asked for",
          "[S-1][B-5]") {
    const auto parameters = [](BlendAlgorithm algorithm, cnn::ConvLight::Options options) {
        Open open;
        open.slot.germinate<cnn::ConvLight>({.algorithm = algorithm}, options);
        return open.slot.record()->metrics.seed_parameters;
    };
    CHECK(parameters(BlendAlgorithm::add, {}) == 592 + 8);  // a scale for each channel
    CHECK(parameters(BlendAlgorithm::add, {.layer_scale = false}) == 592);
    CHECK(parameters(BlendAlgorithm::multiply, {.layer_scale = false}) == 592 + 8);
}

TEST_CASE("a second seed does not germinate where one lives", "[S-1]") {
    for (const Stage stage : live_stages) {
        Open open;
        go_to(open.slot, stage);
        CHECK_THROWS_AS(open.slot.germinate("norm"), LifecycleError);
        CHECK(open.slot.stage() == stage);
        CHECK(open.slot.record()->blueprint == "conv_light");
    }
}

TEST_CASE("advance without a target walks to fossilized, and no further", "[S-2][L-7]") {
    Open open;
    open.slot.germinate("norm");
    for (const Stage next : {Stage::training, Stage::blending, Stage::holding, Stage::fossilized}) {
        const AdvanceResult result = open.slot.advance();
        CHECK(result.advanced);
        CHECK(result.to == next);
        CHECK(open.slot.stage() == next);
    }
    CHECK_THROWS_AS(open.slot.advance(), LifecycleError);
}

TEST_CASE("a target that is not the next step is an error, gate or no gate", "[S-2][L-7][L-9]") {
    for (const Stage stage : live_stages) {
        Open open;
        go_to(open.slot, stage);
        const std::optional<Stage> next = next_stage(stage);
        for (const Stage target : all_stages) {
            if (target == next) continue;
            CHECK_THROWS_AS(open.slot.advance(target), LifecycleError);
            CHECK(open.slot.stage() == stage);
        }
        CHECK(open.slot.advance(next).advanced);
    }
    Open dormant;
    CHECK_THROWS_AS(dormant.slot.advance(), LifecycleError);
    const std::string text =
        test::error_text<LifecycleError>([&] { dormant.slot.advance(Stage::germinated); });
    CHECK(test::mentions(text, "germinate"));
}

TEST_CASE("an illegal step names both stages and lists the allowed ones", "[L-4][S-2]") {
    const auto text_of_advance = [](Stage from, std::optional<Stage> to) {
        Open open;
        go_to(open.slot, from);
        return test::error_text<LifecycleError>([&] { open.slot.advance(to); });
    };
    const std::string skips = text_of_advance(Stage::training, Stage::holding);
    CHECK(test::mentions(skips, "training to holding"));
    CHECK(test::mentions(skips, "training may go to blending, pruned"));
    CHECK(test::mentions(text_of_advance(Stage::fossilized, std::nullopt), "fossilized is final"));
    Open dormant;
    const std::string prunes = test::error_text<LifecycleError>([&] { dormant.slot.prune("why"); });
    CHECK(test::mentions(prunes, "dormant to pruned"));
    CHECK(test::mentions(prunes, "dormant may go to germinated"));
}

TEST_CASE("a shut gate keeps the seed where it is", "[S-2]") {
    Strict strict;
    strict.slot.germinate("conv_light");
    CHECK(strict.slot.advance().advanced);
    const std::size_t history = strict.slot.record()->history.size();
    const AdvanceResult result = strict.slot.advance();
    CHECK_FALSE(result.advanced);
    CHECK(result.gate.gate() == Gate::g2);
    CHECK(strict.slot.stage() == Stage::training);
    CHECK(strict.slot.record()->history.size() == history);
    CHECK(strict.slot.ask_gate().passed() == false);
}

/// Rank 0 always decides against this rank's verdict.
struct Overruled {
    [[nodiscard]] static constexpr int rank() noexcept { return 1; }
    [[nodiscard]] static constexpr int size() noexcept { return 2; }
    [[nodiscard]] static constexpr bool decide(bool verdict) noexcept { return !verdict; }
};

struct OverruledPolicies : DefaultPolicies {
    using Communicator = Overruled;
};

TEST_CASE("what rank 0 decides is done, and a verdict that differed is noted", "[S-2][D-1]") {
    Alone<Slot<B, CnnBlueprints, OverruledPolicies>, OverruledPolicies> alone;
    const AdvanceResult refused = alone.slot.germinate("norm");
    CHECK(refused.gate.passed());
    CHECK_FALSE(refused.advanced);
    CHECK(refused.verdict_differed);
    CHECK(alone.slot.stage() == Stage::dormant);
    CHECK(alone.slot.record() == nullptr);
}

TEST_CASE("a slot moves and is not copied", "[S-11]") {
    static_assert(std::movable<OpenSlot>);
    static_assert(!std::copy_constructible<OpenSlot>);
    static_assert(!std::is_copy_assignable_v<OpenSlot>);
    Open open;
    go_to(open.slot, Stage::blending);
    open.slot.step_epoch();
    const double alpha = open.slot.alpha();
    OpenSlot moved = std::move(open.slot);
    CHECK(moved.stage() == Stage::blending);
    CHECK(moved.alpha() == alpha);
    CHECK(moved.report().time_to_target == 4);
    CHECK(moved.prune("why").done);
}

TEST_CASE("a transition is noted, and the stage's count and baseline start anew", "[L-8]") {
    Open open;
    go_to(open.slot, Stage::training);
    open.slot.record_accuracy(40.0);
    open.slot.step_epoch();
    open.slot.step_epoch();
    open.slot.record_accuracy(46.0);
    CHECK(open.slot.record()->metrics.improvement_since_stage_start() == 6.0);
    open.slot.advance();
    const SeedRecord& record = *open.slot.record();
    REQUIRE(record.history.size() == 3);
    CHECK(record.history.back().from == Stage::training);
    CHECK(record.history.back().to == Stage::blending);
    CHECK(record.history.back().epochs_in_from == 2);
    CHECK(record.metrics.epochs_in_stage == 0);
    CHECK(record.metrics.epochs_total == 2);
    CHECK(record.metrics.improvement_since_stage_start() == 0.0);
    CHECK(record.metrics.accuracy_at_blending_start == 46.0);
    CHECK(open.slot.report().previous_stage == Stage::training);
}

TEST_CASE("a history keeps the last hundred transitions", "[L-8]") {
    SeedRecord record;
    for (int i = 0; i < 130; ++i) {
        record.metrics.epochs_in_stage = i;
        record.enter(Stage::holding, Stage::blending);
    }
    REQUIRE(record.history.size() == 100);
    CHECK(record.history.front().epochs_in_from == 30);
    CHECK(record.history.back().epochs_in_from == 129);
}

TEST_CASE("isolation is on from training on, and stays on in a CNN's blending", "[S-3][I-3]") {
    Open open;
    open.slot.germinate("norm");
    CHECK_FALSE(open.slot.isolated());
    open.slot.advance();
    CHECK(open.slot.isolated());
    open.slot.advance();
    CHECK(open.slot.isolated());
    open.slot.prune("enough");
    CHECK_FALSE(open.slot.isolated());
}

TEST_CASE("isolation ends with holding, and does not come back with blending", "[I-3][S-5][S-6]") {
    Open open;
    go_to(open.slot, Stage::holding);
    CHECK_FALSE(open.slot.isolated());
    REQUIRE(open.slot.set_alpha_target(0.5, 0).done);
    REQUIRE(open.slot.stage() == Stage::blending);
    CHECK_FALSE(open.slot.isolated());
    REQUIRE(open.slot.advance().advanced);
    CHECK_FALSE(open.slot.isolated());
    REQUIRE(open.slot.advance().advanced);
    REQUIRE(open.slot.stage() == Stage::fossilized);
    CHECK_FALSE(open.slot.isolated());
}

TEST_CASE("blending ramps over the tempo from its first tick on", "[S-3][I-8][A-10]") {
    Open open;
    open.slot.germinate("norm");
    open.slot.advance();
    open.slot.advance();
    const std::vector<double> ramp{0.0242442643, 0.2301406958, 0.7698593042, 0.9757557357, 1.0};
    CHECK(open.slot.report().time_to_target == 5);
    for (std::size_t i = 0; i < ramp.size(); ++i) {
        CHECK(open.slot.step_epoch().ramp_ended == (i + 1 == ramp.size()));
        CHECK(open.slot.alpha() == Approx(ramp[i]).epsilon(1e-9));
        CHECK(open.slot.report().alpha.alpha == open.slot.alpha());
        CHECK(open.slot.report().alpha.steps_done == static_cast<int>(i) + 1);
    }
    CHECK(open.slot.alpha() == 1.0);
    CHECK(open.slot.report().time_to_target == 0);
}

TEST_CASE("a first ramp takes the steepness that was given at germination", "[A-10][S-3]") {
    Open open;
    open.slot.germinate("norm", {.steepness = 6.0, .tempo_epochs = 4});
    while (open.slot.stage() != Stage::blending) open.slot.advance();
    for (const double alpha : {0.1491464521, 0.5, 0.8508535479, 1.0}) {
        open.slot.step_epoch();
        CHECK(open.slot.alpha() == Approx(alpha).epsilon(1e-9));
    }
}

TEST_CASE("holding is at full amplitude with nothing scheduled", "[S-3]") {
    Open open;
    go_to(open.slot, Stage::holding);
    const SlotReport report = open.slot.report();
    CHECK(report.alpha.alpha == 1.0);
    CHECK(report.alpha.target == 1.0);
    CHECK(report.alpha.mode == AlphaMode::hold);
    CHECK(report.time_to_target == 0);
}

TEST_CASE("a live seed can be pruned at once from any stage", "[S-4]") {
    for (const Stage stage : live_stages) {
        Open open;
        go_to(open.slot, stage);
        CHECK(open.slot.prune("too slow").done);
        CHECK(open.slot.stage() == Stage::pruned);
        CHECK(open.slot.alpha() == 0.0);
        CHECK(open.slot.parameters().empty());
        REQUIRE(open.slot.record() != nullptr);
        CHECK(open.slot.record()->metrics.prune_reason == "too slow");
        CHECK_FALSE(open.slot.record()->metrics.auto_pruned);
    }
}

TEST_CASE("a second prune says so and changes nothing", "[S-4]") {
    Open open;
    go_to(open.slot, Stage::training);
    open.slot.prune("first");
    for (int tick = 0; tick < 7; ++tick) {
        const Stage stage = open.slot.stage();
        const Outcome outcome = open.slot.prune("governor_nan");
        CHECK_FALSE(outcome.done);
        CHECK(test::mentions(outcome.reason, std::string(name_of(stage))));
        CHECK(open.slot.stage() == stage);
        CHECK(open.slot.record()->metrics.prune_reason == "first");
        CHECK_FALSE(open.slot.record()->metrics.auto_pruned);
        open.slot.step_epoch();
    }
    CHECK(open.slot.stage() == Stage::dormant);
}

TEST_CASE("what is not there or final cannot be pruned", "[S-4][S-5]") {
    Open dormant;
    CHECK_THROWS_AS(dormant.slot.prune("why"), LifecycleError);
    Open fossil;
    go_to(fossil.slot, Stage::fossilized);
    CHECK_THROWS_AS(fossil.slot.prune("governor_nan"), LifecycleError);
    CHECK_THROWS_AS(fossil.slot.schedule_prune(3, AlphaCurve::linear, 12.0, "why"), LifecycleError);
    CHECK(fossil.slot.stage() == Stage::fossilized);
    CHECK_FALSE(fossil.slot.record()->metrics.auto_pruned);
    CHECK(fossil.slot.record()->metrics.prune_reason.empty());
}

TEST_CASE("a governor's prune is marked automatic", "[S-4]") {
    Open open;
    go_to(open.slot, Stage::blending);
    open.slot.prune("governor_divergence", "governor");
    CHECK(open.slot.record()->metrics.auto_pruned);
}

TEST_CASE("a scheduled prune ramps down frozen and prunes on the tick at 0", "[S-5][I-6]") {
    Open open;
    go_to(open.slot, Stage::holding);
    auto parameters = open.slot.parameters();
    REQUIRE(parameters.size() == 4);
    CHECK(open.slot.schedule_prune(4, AlphaCurve::linear, 12.0, "governor_rollback").done);
    CHECK(open.slot.stage() == Stage::blending);
    CHECK(open.slot.report().prune_scheduled);
    CHECK(open.slot.report().blending_out);
    for (const auto& named : open.slot.parameters()) CHECK_FALSE(named.parameter->trainable());
    CHECK(open.slot.record()->metrics.seed_parameters == 600);
    for (const double alpha : {0.75, 0.5, 0.25}) {
        open.slot.step_epoch();
        CHECK(open.slot.alpha() == Approx(alpha));
        CHECK_FALSE(open.slot.record()->metrics.auto_pruned);
    }
    const TickResult last = open.slot.step_epoch();
    CHECK(last.ramp_ended);
    CHECK(last.to == Stage::pruned);
    CHECK(open.slot.record()->metrics.auto_pruned);
}

TEST_CASE("a prune without a ramp happens at once", "[S-5]") {
    for (const Stage stage : {Stage::germinated, Stage::training, Stage::blending}) {
        Open open;
        go_to(open.slot, stage);
        CHECK(open.slot.schedule_prune(5, AlphaCurve::linear, 12.0, "why").done);
        CHECK(open.slot.stage() == Stage::pruned);
    }
    Open holding;
    go_to(holding.slot, Stage::holding);
    CHECK(holding.slot.schedule_prune(0, AlphaCurve::linear, 12.0, "why").done);
    CHECK(holding.slot.stage() == Stage::pruned);
}

TEST_CASE("a ramp under way refuses another one, with the reason", "[S-5][S-6]") {
    Open open;
    go_to(open.slot, Stage::blending);
    open.slot.step_epoch();
    const double alpha = open.slot.alpha();
    for (const Outcome& outcome :
         {open.slot.schedule_prune(3, AlphaCurve::linear, 12.0, "why"),
          open.slot.set_alpha_target(0.5, 3), open.slot.set_alpha_target(0.5, 3)}) {
        CHECK_FALSE(outcome.done);
        CHECK(test::mentions(outcome.reason, "ramp"));
    }
    CHECK(open.slot.alpha() == alpha);
    CHECK(open.slot.stage() == Stage::blending);
    CHECK_FALSE(open.slot.report().prune_scheduled);
    CHECK(open.slot.report().time_to_target == 4);
}

TEST_CASE("a ramp of a kind that does not exist is an error and changes nothing",
          "[S-5][S-6][E-2]") {
    Open open;
    go_to(open.slot, Stage::holding);
    const SlotState before = open.slot.state();
    const auto no_curve = static_cast<AlphaCurve>(4);
    const auto no_algorithm = static_cast<BlendAlgorithm>(0);
    const double nan = std::nan("");
    CHECK_THROWS_AS(open.slot.set_alpha_target(0.5, 2, no_curve), OptionError);
    CHECK_THROWS_AS(open.slot.set_alpha_target(0.5, 2, AlphaCurve::linear, nan), OptionError);
    CHECK_THROWS_AS(open.slot.set_alpha_target(0.5, 2, AlphaCurve::linear, 12.0, no_algorithm),
                    OptionError);
    CHECK_THROWS_AS(open.slot.schedule_prune(2, no_curve, 12.0, "why"), OptionError);
    CHECK_THROWS_AS(open.slot.schedule_prune(0, AlphaCurve::linear, nan, "why"), OptionError);
    CHECK(open.slot.state() == before);
}

TEST_CASE("an alpha target outside blending and holding is refused", "[S-6]") {
    for (const Stage stage : {Stage::germinated, Stage::training, Stage::fossilized}) {
        Open open;
        go_to(open.slot, stage);
        const Outcome outcome = open.slot.set_alpha_target(0.5, 3);
        CHECK_FALSE(outcome.done);
        CHECK(test::mentions(outcome.reason, std::string(name_of(stage))));
        CHECK(open.slot.stage() == stage);
    }
    Open open;
    go_to(open.slot, Stage::holding);
    for (const double target : {0.0, -0.5, 1.5, std::nan("")}) {
        CHECK_THROWS_AS(open.slot.set_alpha_target(target, 3), OptionError);
    }
    CHECK(open.slot.stage() == Stage::holding);
}

TEST_CASE("a target below 1 takes a holding seed back to blending", "[S-6][L-9]") {
    Open open;
    go_to(open.slot, Stage::holding);
    CHECK(open.slot.set_alpha_target(1.0, 3).done);
    CHECK(open.slot.stage() == Stage::holding);
    CHECK(open.slot.set_alpha_target(0.5, 2, AlphaCurve::linear).done);
    CHECK(open.slot.stage() == Stage::blending);
    CHECK(open.slot.alpha() == 1.0);
    open.slot.step_epoch();
    CHECK(open.slot.alpha() == Approx(0.75));
    open.slot.step_epoch();
    CHECK(open.slot.alpha() == 0.5);
    for (const auto& named : open.slot.parameters()) CHECK(named.parameter->trainable());
}

TEST_CASE("exactly what was frozen thaws at the end of the ramp", "[I-6]") {
    Open open;
    go_to(open.slot, Stage::holding);
    open.slot.parameters()[1].parameter->set_trainable(false);
    open.slot.set_alpha_target(0.5, 2, AlphaCurve::linear);
    open.slot.step_epoch();
    for (const auto& named : open.slot.parameters()) CHECK_FALSE(named.parameter->trainable());
    open.slot.step_epoch();
    const auto parameters = open.slot.parameters();
    CHECK(parameters[0].parameter->trainable());
    CHECK_FALSE(parameters[1].parameter->trainable());
    CHECK(parameters[2].parameter->trainable());
}

TEST_CASE("an advance that ends a ramp down thaws what the ramp froze", "[I-6][S-3]") {
    Open open;
    go_to(open.slot, Stage::holding);
    open.slot.parameters()[1].parameter->set_trainable(false);
    CHECK(open.slot.schedule_prune(4, AlphaCurve::linear, 12.0, "why").done);
    open.slot.step_epoch();
    CHECK(open.slot.advance().advanced);
    CHECK(open.slot.stage() == Stage::holding);
    CHECK_FALSE(open.slot.report().blending_out);
    CHECK_FALSE(open.slot.report().prune_scheduled);
    const auto parameters = open.slot.parameters();
    CHECK(parameters[0].parameter->trainable());
    CHECK_FALSE(parameters[1].parameter->trainable());
    CHECK(parameters[2].parameter->trainable());
}

TEST_CASE("a gated seed ramps down linearly too, whatever was asked", "[A-6][S-5]") {
    Open open;
    open.slot.germinate("norm", {.algorithm = BlendAlgorithm::gate});
    while (open.slot.stage() != Stage::holding) open.slot.advance();
    CHECK(open.slot.schedule_prune(4, AlphaCurve::cosine, 12.0, "why").done);
    CHECK(open.slot.report().alpha.curve == AlphaCurve::linear);
    open.slot.step_epoch();
    CHECK(open.slot.alpha() == 0.75);
}

TEST_CASE("changing the algorithm makes and drops the gate network", "[S-6][A-6]") {
    Open open;
    go_to(open.slot, Stage::holding);
    CHECK(
        open.slot
            .set_alpha_target(0.5, 2, AlphaCurve::sigmoid, default_steepness, BlendAlgorithm::gate)
            .done);
    CHECK(open.slot.record()->metrics.seed_parameters == 600 + 81);
    CHECK(open.slot.report().algorithm == BlendAlgorithm::gate);
    CHECK(open.slot.report().alpha.curve == AlphaCurve::linear);
    open.slot.step_epoch();
    open.slot.step_epoch();
    CHECK(open.slot
              .set_alpha_target(1.0, 0, AlphaCurve::linear, default_steepness, BlendAlgorithm::add)
              .done);
    CHECK(open.slot.record()->metrics.seed_parameters == 600);
    CHECK(open.slot.alpha() == 1.0);
}

TEST_CASE("a seed whose every parameter is frozen in training is told of, once", "[I-2]") {
    Open open;
    go_to(open.slot, Stage::training);
    CHECK(open.slot.step_epoch().notice.empty());
    const auto set_trainable = [&open](bool trainable) {
        for (const auto& named : open.slot.parameters()) {
            named.parameter->set_trainable(trainable);
        }
    };
    set_trainable(false);
    open.slot.parameters().front().parameter->set_trainable(true);
    CHECK(open.slot.step_epoch().notice.empty());
    set_trainable(false);
    const std::string notice = open.slot.step_epoch().notice;
    CHECK(test::mentions(notice, "all 4 parameter tensors"));
    CHECK(test::mentions(notice, "conv_light in r0c0"));
    CHECK(open.slot.stage() == Stage::training);
    CHECK(open.slot.step_epoch().notice.empty());
    set_trainable(true);
    set_trainable(false);
    CHECK(open.slot.step_epoch().notice.empty());

    Open noop;  // nothing to freeze
    noop.slot.germinate("noop");
    noop.slot.advance();
    REQUIRE(noop.slot.stage() == Stage::training);
    CHECK(noop.slot.step_epoch().notice.empty());
}

TEST_CASE("a seed that is taught learns with its gate network", "[I-9][A-6]") {
    Open open;
    open.slot.germinate("conv_light", {.algorithm = BlendAlgorithm::gate});
    CHECK_FALSE(open.slot.teaches());
    open.slot.advance();
    REQUIRE(open.slot.stage() == Stage::training);
    CHECK(open.slot.teaches());
    CHECK(open.slot.learning_parameters().size() == 4 + 4);
    open.slot.advance();
    CHECK_FALSE(open.slot.teaches());
    CHECK(open.slot.learning_parameters().size() == 4 + 4);
}

TEST_CASE("behind the host a gate network neither learns nor counts in the seed's gradients",
          "[I-4][A-6][I-2]") {
    Open open;
    CHECK(open.slot.learning_parameters().empty());
    open.slot.germinate("conv_light", {.algorithm = BlendAlgorithm::gate,
                                       .incubation = Incubation::straight_through});
    open.slot.advance();
    REQUIRE(open.slot.stage() == Stage::training);
    CHECK(open.slot.parameters().size() == 4 + 4);
    REQUIRE(open.slot.learning_parameters().size() == 4);
    for (const auto& named : open.slot.learning_parameters()) {
        CHECK_FALSE(named.name.starts_with("gate/"));
    }
    open.slot.advance();
    REQUIRE(open.slot.stage() == Stage::blending);
    CHECK(open.slot.learning_parameters().size() == 4 + 4);
}

TEST_CASE("a retarget without steps is the one alpha everywhere", "[A-9][A-10]") {
    Open open;
    go_to(open.slot, Stage::holding);
    CHECK(open.slot.set_alpha_target(0.25, 0).done);
    CHECK(open.slot.alpha() == 0.25);
    CHECK(open.slot.report().alpha.alpha == 0.25);
    CHECK(open.slot.evidence().alpha == 0.25);
    CHECK(open.slot.report().time_to_target == 0);
    CHECK(open.slot.set_alpha_target(1.0, 3).done);
}

TEST_CASE("the cooldown takes seven ticks, one stage a tick", "[S-7]") {
    Open open;
    go_to(open.slot, Stage::training);
    open.slot.prune("why");
    const std::vector<Stage> stages{Stage::embargoed, Stage::embargoed, Stage::embargoed,
                                    Stage::embargoed, Stage::embargoed, Stage::resetting,
                                    Stage::dormant};
    int left = 7;
    for (const Stage stage : stages) {
        CHECK(open.slot.report().cooldown_ticks_left == left--);
        CHECK(open.slot.record() != nullptr);
        CHECK_THROWS_AS(open.slot.germinate("norm"), LifecycleError);
        open.slot.record_accuracy(50.0);
        CHECK(open.slot.step_epoch().to == stage);
        CHECK(open.slot.stage() == stage);
    }
    CHECK(open.slot.record() == nullptr);
    CHECK(open.slot.report().cooldown_ticks_left == 0);
    CHECK_NOTHROW(open.slot.germinate("norm"));
}

TEST_CASE("the stages of a cooldown count their ticks", "[L-8]") {
    Open open;
    go_to(open.slot, Stage::training);
    open.slot.prune("why");
    CHECK(open.slot.record()->metrics.epochs_in_stage == 0);
    while (open.slot.stage() != Stage::resetting) open.slot.step_epoch();
    const std::vector<StageEntry>& history = open.slot.record()->history;
    CHECK(history[history.size() - 2].from == Stage::pruned);
    CHECK(history[history.size() - 2].epochs_in_from == 1);
    CHECK(history.back().from == Stage::embargoed);
    CHECK(history.back().epochs_in_from == 5);
    CHECK(open.slot.record()->metrics.epochs_in_stage == 0);
    CHECK(open.slot.record()->metrics.epochs_total == 0);  // a pruned seed does not live
}

TEST_CASE("the embargo's length is the slot's option", "[S-7]") {
    Open open({.embargo_ticks = 2});
    go_to(open.slot, Stage::training);
    open.slot.prune("why");
    for (int tick = 0; tick < 3; ++tick) open.slot.step_epoch();
    CHECK(open.slot.stage() == Stage::resetting);
    CHECK_THROWS_AS(Open({.embargo_ticks = 0}), OptionError);
}

TEST_CASE("no seed moves by itself unless told so", "[G-9]") {
    Open open;
    open.slot.germinate("norm");
    for (int tick = 0; tick < 10; ++tick) CHECK_FALSE(open.slot.step_epoch().changed_stage());
    CHECK(open.slot.stage() == Stage::germinated);
}

TEST_CASE("auto-forward takes one step a tick and stops in holding", "[G-9][S-7][I-8]") {
    Open open({.auto_forward = {.g1 = true, .g2 = true, .g3 = true}});
    open.slot.germinate("norm");
    CHECK(open.slot.step_epoch().to == Stage::training);
    CHECK(open.slot.step_epoch().to == Stage::training);
    CHECK(open.slot.step_epoch().to == Stage::training);
    CHECK(open.slot.step_epoch().to == Stage::blending);
    CHECK(open.slot.alpha() > 0.0);
    for (int tick = 0; tick < 20; ++tick) open.slot.step_epoch();
    CHECK(open.slot.stage() == Stage::holding);
}

TEST_CASE("a ramp that begins and ends with one tick says so", "[A-3][G-9][I-8]") {
    Open open({.auto_forward = {.g2 = true}});
    open.slot.germinate("norm", {.tempo_epochs = 1});
    open.slot.advance();
    for (int tick = 0; tick < 2; ++tick) CHECK_FALSE(open.slot.step_epoch().ramp_ended);
    const TickResult tick = open.slot.step_epoch();
    CHECK(tick.to == Stage::blending);
    CHECK(tick.ramp_ended);
    CHECK(open.slot.alpha() == 1.0);
}

/// Open gates, but for the library's own G3.
template <bool Strict>
struct WithG3 : DefaultPolicies {
    using Gates =
        GateSet<test::OpenGate<Gate::g0>, test::OpenGate<Gate::g1>, test::OpenGate<Gate::g2>,
                gates::Blended<Strict>, test::OpenGate<Gate::g5>>;
};

/// Epochs that a seed with a ramp of one tick passes in blending before G3 lets it go on by itself.
template <bool Strict>
int epochs_until_holding() {
    Alone<Slot<B, CnnBlueprints, WithG3<Strict>>, WithG3<Strict>> alone(
        {.auto_forward = {.g3 = true}});
    alone.slot.germinate("norm", {.tempo_epochs = 1});
    while (alone.slot.stage() != Stage::blending) alone.slot.advance();
    int epochs = 0;
    while (alone.slot.stage() == Stage::blending && epochs < 20) {
        alone.slot.step_epoch();
        ++epochs;
    }
    return epochs;
}

TEST_CASE("auto-forward over G3 waits for the least epochs with a strict gate alone", "[G-9]") {
    CHECK(epochs_until_holding<true>() == 3);
    CHECK(epochs_until_holding<false>() == 1);
}

TEST_CASE("gates are shown what was recorded, and what was never measured is absent",
          "[G-3][G-4][G-6]") {
    Open open;
    go_to(open.slot, Stage::training);
    const GateEvidence before = open.slot.evidence();
    CHECK(before.stage == Stage::training);
    CHECK(before.has_seed_id);
    CHECK(before.has_blueprint_id);
    CHECK_FALSE(before.gradient_ratio.has_value());
    CHECK_FALSE(before.gradients.has_value());
    CHECK_FALSE(before.readiness.has_value());
    CHECK_FALSE(before.contribution.has_value());
    CHECK(before.contribution_by == judge::MeasureKind::none);
    CHECK(before.healthy);

    const auto record = [&open](std::vector<double> tensor_norms) {
        open.slot.record_gradients({.norm = 2.0, .parameters = 600, .measured = true},
                                   {.norm = 1.0, .parameters = 600, .measured = true}, tensor_norms,
                                   true);
    };
    record({1.0, 1e-8});
    open.slot.record_contribution({2.5, 0.5, 6}, judge::MeasureKind::own);
    open.slot.record_readiness(-1.0);
    open.slot.record_readiness(2.0);
    open.slot.record_accuracy(40.0);
    open.slot.record_accuracy(41.5);
    open.slot.step_epoch();
    const GateEvidence after = open.slot.evidence();
    CHECK(after.epochs_in_stage == 1);
    CHECK(after.improvement_since_stage_start == 1.5);
    CHECK(after.gradient_ratio == 0.5);
    CHECK(after.contribution == judge::Estimate{2.5, 0.5, 6});
    CHECK(after.contribution_by == judge::MeasureKind::own);
    REQUIRE(after.readiness.has_value());
    CHECK(after.readiness->value == 0.5);
    CHECK(after.readiness->count == 2);
    REQUIRE(after.gradients.has_value());
    CHECK(after.gradients->health == 0.75);
    CHECK(after.gradients->vanishing);
    CHECK_FALSE(after.gradients->exploding);
    CHECK(after.healthy);

    record({1.0, std::numeric_limits<double>::infinity()});
    CHECK(open.slot.evidence().gradients->exploding);
    CHECK_FALSE(open.slot.evidence().healthy);
}

TEST_CASE("a seed with an exploding gradient does not fossilize, whatever it contributes",
          "[G-6][S-2]") {
    Strict strict;
    strict.services.gates.thresholds.min_blending_epochs = 0;
    strict.services.gates.thresholds.min_training_improvement = 0.0;
    strict.slot.germinate("norm", {.tempo_epochs = 1});
    strict.slot.advance();
    const auto record = [&strict](double tensor_norm) {
        strict.slot.record_gradients({.norm = 1.0, .parameters = 17, .measured = true},
                                     {.norm = 1.0, .parameters = 17, .measured = true},
                                     std::vector<double>{tensor_norm, 1.0}, true);
    };
    record(1.0);
    REQUIRE(strict.slot.advance().advanced);
    strict.slot.step_epoch();
    REQUIRE(strict.slot.advance().advanced);
    CHECK(strict.slot.advance().gate.failed("contribution_measured"));
    constexpr double unknown = std::numeric_limits<double>::infinity();
    strict.slot.record_contribution({50.0, unknown, 1}, judge::MeasureKind::ablation);
    record(11.0);
    CHECK(strict.slot.advance().gate.failed("seed_healthy"));
    CHECK(strict.slot.stage() == Stage::holding);
    record(1.0);
    CHECK(strict.slot.advance().advanced);
}

TEST_CASE("accuracies start with the first measurement and cool down ignored", "[S-12][S-8]") {
    Open open;
    open.slot.record_accuracy(99.0);
    go_to(open.slot, Stage::training);
    CHECK_FALSE(open.slot.record()->metrics.best_accuracy.has_value());
    open.slot.record_accuracy(-3.0);
    CHECK(open.slot.record()->metrics.best_accuracy == -3.0);
    open.slot.record_accuracy(-5.0);
    CHECK(open.slot.record()->metrics.best_accuracy == -3.0);
    CHECK(open.slot.record()->metrics.total_improvement() == -2.0);
    CHECK_THROWS_AS(open.slot.record_accuracy(std::nan("")), NumericError);
    const auto own = judge::MeasureKind::own;
    CHECK_THROWS_AS(open.slot.record_contribution({std::nan(""), 1.0, 3}, own), NumericError);
    CHECK_THROWS_AS(open.slot.record_dependence(std::nan("")), NumericError);
    CHECK_THROWS_AS(open.slot.record_readiness(std::nan("")), NumericError);
    open.slot.prune("why");
    open.slot.record_accuracy(70.0);
    CHECK(open.slot.record()->metrics.current_accuracy == -5.0);
    CHECK_THROWS_AS(open.slot.record_contribution({1.0, 1.0, 3}, own), LifecycleError);
    CHECK_THROWS_AS(open.slot.record_dependence(1.0), LifecycleError);
    CHECK_THROWS_AS(open.slot.record_readiness(1.0), LifecycleError);
}

TEST_CASE(
    "a contribution is averaged over the epochs at full amplitude, and starts anew with each "
    "holding",
    "[S-8][J-1]") {
    Open open;
    go_to(open.slot, Stage::holding);
    for (const double lead : {1.0, 2.0, 6.0}) open.slot.record_lead(lead);
    const SeedMetrics& metrics = open.slot.record()->metrics;
    REQUIRE(metrics.contribution);
    CHECK(metrics.contribution->value == Approx(3.0));
    CHECK(metrics.contribution->count == 3);
    CHECK(metrics.contribution->has_error());
    CHECK(metrics.contribution_by == judge::MeasureKind::shadow);
    open.slot.record_dependence(20.0);
    CHECK(metrics.dependence == 20.0);
    CHECK(metrics.contribution->value == Approx(3.0));  // leaning is no help

    REQUIRE(open.slot.set_alpha_target(0.5, 0).done);
    CHECK_THROWS_AS(open.slot.record_lead(1.0), LifecycleError);
    REQUIRE(open.slot.advance().advanced);
    CHECK_FALSE(metrics.contribution);
    CHECK(metrics.contribution_by == judge::MeasureKind::none);
    open.slot.record_lead(-1.0);
    CHECK(metrics.contribution->value == -1.0);
    CHECK(metrics.contribution->count == 1);
    CHECK_FALSE(metrics.contribution->has_error());
}

TEST_CASE("what no measure gives is not recorded", "[J-1][E-2]") {
    Open open;
    go_to(open.slot, Stage::holding);
    const SlotState before = open.slot.state();
    const auto own = judge::MeasureKind::own;
    CHECK_THROWS_AS(open.slot.record_contribution({1.0, 1.0, 3}, judge::MeasureKind::none),
                    OptionError);
    CHECK_THROWS_AS(open.slot.record_contribution({1.0, -1.0, 3}, own), OptionError);
    CHECK_THROWS_AS(open.slot.record_contribution({1.0, std::nan(""), 3}, own), OptionError);
    CHECK_THROWS_AS(open.slot.record_contribution({1.0, 1.0, -1}, own), OptionError);
    CHECK_THROWS_AS(open.slot.record_lead(1.0, judge::MeasureKind::none), OptionError);
    CHECK(open.slot.state() == before);
}

TEST_CASE(
    "by default a seed that is ready is blended in, however the network does meanwhile, and "
    "one that is not stays behind the host",
    "[S-13][G-10]") {
    Default place;
    place.services.gates.thresholds.min_blending_epochs = 0;
    place.slot.germinate("norm");
    REQUIRE(place.slot.advance().advanced);
    place.slot.record_gradients({.norm = 1.0, .parameters = 17, .measured = true},
                                {.norm = 1.0, .parameters = 17, .measured = true},
                                std::vector<double>{1.0, 1.0, 1.0}, true);
    place.slot.record_accuracy(50.0);
    place.slot.record_accuracy(40.0);
    CHECK(place.slot.advance().gate.failed("readiness_measured"));
    place.slot.record_readiness(-1.0);
    CHECK(place.slot.advance().gate.failed("readiness"));
    CHECK(place.slot.stage() == Stage::training);
    place.slot.record_readiness(0.75);
    CHECK(place.slot.advance().advanced);  // -0.125 points on average
    CHECK(place.slot.stage() == Stage::blending);
}

TEST_CASE("a seed in training takes an override of its amplitude", "[A-8][G-10]") {
    for (const auto incubation : {Incubation::feedback, Incubation::straight_through}) {
        Open open;
        open.slot.germinate("norm", {.alpha_target = 0.5, .incubation = incubation});
        const AlphaOverrides half = AlphaOverrides{}.with("r0c0", 0.5);
        CHECK_THROWS_AS(open.slot.check_override(*half.find("r0c0"), 2), OptionError);
        open.slot.advance();
        REQUIRE(open.slot.stage() == Stage::training);
        CHECK_NOTHROW(open.slot.check_override(*half.find("r0c0"), 2));
        CHECK(open.slot.runs(false, half.find("r0c0")));
        CHECK_FALSE(open.slot.runs(false, nullptr));
        CHECK(open.slot.target_amplitude() == 0.5);
    }
}

TEST_CASE("a report stays true to the moment it was taken at", "[S-9]") {
    Open open;
    go_to(open.slot, Stage::blending);
    const SlotReport before = open.slot.report();
    open.slot.prune("why");
    CHECK(before.stage == Stage::blending);
    CHECK(before.blueprint == "conv_light");
    CHECK(before.slot == "r0c0");
    CHECK(before.isolated);
}

}  // namespace
}  // namespace kasmina
