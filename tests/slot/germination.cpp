// A seed germinates in a slot: what it is called and drawn from, and what a refusal leaves alone.
#include <limits>
#include <string_view>

#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/slot/slot.hpp>

#include "slot/alone.hpp"
#include "support/catch.hpp"

namespace kasmina::germination_test {
namespace {

using namespace test;
using B = Chosen64;

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
    open.services.gates.thresholds.judgement_errors = -1.0;
    CHECK_THROWS_AS(open.slot.germinate("conv_light"), OptionError);
    open.services.gates.thresholds = {};
    open.services.gates.thresholds.alpha_tolerance = test::shut;
    CHECK_FALSE(open.slot.germinate("conv_light").advanced);
    CHECK(open.slot.stage() == Stage::dormant);
    CHECK(open.slot.record() == nullptr);
    CHECK(open.slot.parameters().empty());

    open.services.gates.thresholds = {};
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

}  // namespace
}  // namespace kasmina::germination_test
