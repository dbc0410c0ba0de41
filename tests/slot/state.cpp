// The state of a slot: a way there and back from every stage, and what no slot comes to.
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/pfr/core.hpp>

#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/slot/slot.hpp>

#include "slot/open_gates.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/not_finite.hpp"

namespace kasmina::state_test {
namespace {

template <class B>
struct Place {
    using SlotType = Slot<B, CnnBlueprints, test::OpenPolicies>;
    typename B::Context context{};
    SlotServices<B, test::OpenPolicies> services{.context = &context, .generator = Generator(7)};
    SlotType slot{"r0c0", Topology::cnn, 8, SlotOptions{}, services};

    void grow(Stage goal, std::string_view blueprint = "conv_light",
              const GerminationOptions& options = {}) {
        slot.germinate(blueprint, options);
        while (slot.stage() != goal) REQUIRE(slot.advance().advanced);
    }
};
using Here = Place<test::Eigen64>;

/// A state of a seed that is blended out with a prune to come: one that has every part but an
/// embargo.
SlotState leaving() {
    Here here;
    here.grow(Stage::holding, "conv_light", {.algorithm = BlendAlgorithm::gate});
    here.slot.record_score(40.0);
    here.slot.schedule_prune(3, AlphaCurve::linear, 12.0, "slow", "me");
    here.slot.step_epoch();
    return here.slot.state();
}

SlotState embargoed() {
    Here here;
    here.grow(Stage::training);
    here.slot.prune("governor_nan");
    here.slot.step_epoch();
    here.slot.step_epoch();
    return here.slot.state();
}

}  // namespace

/// As many fields as Boost.PFR counts.
template <class... Structs>
constexpr bool listed_whole =
    ((reflect::FieldsOf<Structs>::size == boost::pfr::tuple_size_v<Structs>)&&...);

TEST_CASE("every part of a state and of a report lists all of its fields", "[C-8][S-9]") {
    STATIC_REQUIRE(
        listed_whole<SlotState, SlotOptions, AutoForward, SeedRecord, SeedMetrics, ParameterHealth,
                     StageEntry, judge::Estimate, LiveSeedState, GerminationOptions, ParameterFlags,
                     AlphaState, ScheduledPrune, SlotReport, GateThresholds, reflect::NamedValue>);
}

TEST_CASE("a state has what its slot was told, and nothing else", "[C-8]") {
    const SlotState state = leaving();
    CHECK(state.name == "r0c0");
    CHECK(state.topology == Topology::cnn);
    CHECK(state.width == 8);
    CHECK(state.stage == Stage::blending);
    REQUIRE(state.record);
    CHECK(state.record->blueprint == "conv_light");
    CHECK(state.record->history.size() == 5);
    REQUIRE(state.seed);
    CHECK(state.seed->blueprint_options == reflect::values_of(cnn::ConvLight::Options{}));
    CHECK(state.seed->has_gate_network);
    CHECK(state.seed->blend.algorithm == BlendAlgorithm::gate);
    REQUIRE(state.seed->parameters.size() == 4 + 4);
    CHECK(state.seed->parameters.front().name.starts_with("seed/"));
    CHECK(state.seed->parameters.back().name.starts_with("gate/"));
    for (const ParameterFlags& flags : state.seed->parameters) {
        CHECK_FALSE(flags.trainable);
        CHECK(flags.thaws_after_ramp);
    }
    REQUIRE(state.alpha);
    CHECK(state.alpha->mode == AlphaMode::down);
    CHECK(state.scheduled_prune == ScheduledPrune{"slow", "me"});
    CHECK_FALSE(state.embargo_ticks_left);

    CHECK(embargoed().embargo_ticks_left == 4);
    CHECK_FALSE(embargoed().seed);
    CHECK_FALSE(embargoed().alpha);
    Here here;
    CHECK(here.slot.state() == SlotState{.name = "r0c0", .width = 8});
}

TEST_CASE("a seed of a blueprint's own options, born quietly, is made again as it was", "[C-8]") {
    Here here;
    here.slot.germinate<cnn::Bottleneck>({.algorithm = BlendAlgorithm::multiply}, {.reduction = 2});
    const SlotState state = here.slot.state();
    Here there;
    there.slot.restore(state);
    CHECK(there.slot.state() == state);
    CHECK(there.slot.parameters().size() == here.slot.parameters().size());
    CHECK(there.slot.record()->metrics.seed_parameters ==
          here.slot.record()->metrics.seed_parameters);
    CHECK(state.seed->blueprint_options !=
          reflect::values_of(cnn::Bottleneck::Options{.reduction = 4}));
}

TEST_CASE("a dormant state makes the slot dormant, whatever was there", "[C-8]") {
    Here here;
    const SlotState nothing = here.slot.state();
    here.grow(Stage::holding);
    here.slot.restore(nothing);
    CHECK(here.slot.stage() == Stage::dormant);
    CHECK(here.slot.record() == nullptr);
    CHECK(here.slot.parameters().empty());
    CHECK(here.slot.germinate("norm").advanced);
}

TEST_CASE("auto-forward and the embargo's length are part of the state", "[C-8][G-9]") {
    Here here;
    SlotState state = here.slot.state();
    state.options = {.embargo_ticks = 2, .auto_forward = {.g1 = true}};
    here.slot.restore(state);
    here.slot.germinate("norm");
    here.slot.step_epoch();
    CHECK(here.slot.stage() == Stage::training);
    here.slot.prune("why");
    CHECK(here.slot.report().cooldown_ticks_left == 4);
}

TEST_CASE("a seed is restored on a device, and runs there", "[C-8][device]") {
    Place<test::Device64> here;
    here.grow(Stage::blending, "norm", {.algorithm = BlendAlgorithm::gate, .tempo_epochs = 2});
    here.slot.step_epoch();
    const SlotState state = here.slot.state();
    Place<test::Device64> there;
    there.slot.restore(state);
    CHECK(there.slot.state() == state);
    Tape<test::Device64> tape(there.context, Recording::none);
    Pass<test::Device64> pass(tape, Mode::evaluation);
    const std::vector<double> ones(2 * 3 * 3 * 8, 1.0);
    CHECK(there.slot.forward(pass, pass.constant({2, 3, 3, 8}, ones)).to_host() == ones);
}

TEST_CASE("a ratio that is not a number goes the way there and back", "[I-4][C-8]") {
    Here here;
    here.grow(Stage::training);
    const GradientNorm sane{.norm = 1.0, .parameters = 10, .measured = true};
    const GradientNorm wild{.norm = std::nan(""), .parameters = 10, .measured = true};
    here.slot.record_gradients(sane, wild, {}, true);
    Here there;
    there.slot.restore(here.slot.state());
    CHECK(std::isnan(there.slot.record()->metrics.gradient_ratio.value()));
}

TEST_CASE("leads as far apart as numbers go make a state that can be restored", "[J-1][C-8]") {
    Here here;
    here.grow(Stage::holding);
    for (const double lead : {-1.0, 1e160, -1.0, -1e300, -1.0}) here.slot.record_lead(lead);
    Here there;
    there.slot.restore(here.slot.state());
    CHECK(there.slot.state() == here.slot.state());
}

namespace {

using test::infinity;

/// One thing that is wrong, and the word of the error that says which.
struct Wrong {
    std::string field;
    std::function<void(SlotState&)> make;
};

/// Each is refused, with the field named and the slot as it was.
void check_refused(const SlotState& sane, const std::vector<Wrong>& wrongs) {
    Here here;
    here.grow(Stage::blending, "norm");
    const SlotState before = here.slot.state();
    const auto seed = here.slot.parameters().front().parameter;
    for (const Wrong& wrong : wrongs) {
        SlotState state = sane;
        wrong.make(state);
        const std::string text = test::error_text([&] { here.slot.restore(state); });
        CAPTURE(wrong.field, text);
        CHECK(test::mentions(text, wrong.field));
        CHECK(test::mentions(text, "slot r0c0"));
        CHECK(here.slot.state() == before);
        CHECK(here.slot.parameters().front().parameter == seed);
    }
    CHECK_NOTHROW(here.slot.restore(sane));
    CHECK(here.slot.state() == sane);
}

}  // namespace

TEST_CASE("a state of another place, or in no stage, is refused", "[C-2][C-3][L-6]") {
    check_refused(leaving(),
                  {{"name", [](SlotState& s) { s.name = "r0c1"; }},
                   {"topology", [](SlotState& s) { s.topology = Topology::transformer; }},
                   {"width", [](SlotState& s) { s.width = 16; }},
                   {"embargo", [](SlotState& s) { s.options.embargo_ticks = 0; }},
                   {"stage", [](SlotState& s) { s.stage = static_cast<Stage>(5); }},
                   {"stage", [](SlotState& s) { s.stage = Stage::unknown; }},
                   {"5 (retired)", [](SlotState& s) { s.stage = static_cast<Stage>(5); }}});
}

TEST_CASE("parts that a stage has not, or lacks, are refused", "[C-2][C-3]") {
    check_refused(leaving(),
                  {{"record", [](SlotState& s) { s.record.reset(); }},
                   {"seed", [](SlotState& s) { s.seed.reset(); }},
                   {"alpha", [](SlotState& s) { s.alpha.reset(); }},
                   {"embargo_ticks_left", [](SlotState& s) { s.embargo_ticks_left = 1; }},
                   {"scheduled_prune", [](SlotState& s) { s.scheduled_prune.reset(); }},
                   {"record", [](SlotState& s) { s.stage = Stage::dormant; }},
                   {"seed", [](SlotState& s) { s.stage = Stage::pruned; }}});
    check_refused(embargoed(),
                  {{"embargo_ticks_left", [](SlotState& s) { s.embargo_ticks_left.reset(); }},
                   {"embargo_ticks_left", [](SlotState& s) { s.embargo_ticks_left = 0; }},
                   {"embargo_ticks_left", [](SlotState& s) { s.embargo_ticks_left = 6; }},
                   {"seed", [](SlotState& s) { s.seed = leaving().seed; }}});
}

TEST_CASE("parts that contradict each other are refused", "[C-2][C-3]") {
    check_refused(
        leaving(),
        {{"has_gate_network", [](SlotState& s) { s.seed->has_gate_network = false; }},
         {"has_gate_network", [](SlotState& s) { s.seed->blend.algorithm = BlendAlgorithm::add; }},
         {"algorithm", [](SlotState& s) { s.seed->blend.algorithm = BlendAlgorithm{9}; }},
         {"tempo_epochs", [](SlotState& s) { s.seed->blend.tempo_epochs = 0; }},
         {"incubation", [](SlotState& s) { s.seed->blend.incubation = Incubation{3}; }},
         {"seed.random", [](SlotState& s) { s.seed->random.word = 4; }},
         {"alpha.curve", [](SlotState& s) { s.alpha->curve = AlphaCurve::cosine; }},
         {"alpha.steps_done", [](SlotState& s) { s.alpha->steps_done = 3; }},
         {"scheduled_prune", [](SlotState& s) { s.alpha->target = 0.1; }},
         {"seed.parameters", [](SlotState& s) { s.seed->parameters.pop_back(); }},
         {"seed/", [](SlotState& s) { s.seed->parameters[0].name = "seed/other"; }},
         {"thaws_after_ramp",
          [](SlotState& s) {
              s.alpha = AlphaState{.alpha = 0.5, .target = 0.5};
              s.scheduled_prune.reset();
          }},
         {"blueprint", [](SlotState& s) { s.record->blueprint.clear(); }},
         {"conv_huge", [](SlotState& s) { s.record->blueprint = "conv_huge"; }},
         {"option", [](SlotState& s) { s.seed->blueprint_options.pop_back(); }},
         {"option", [](SlotState& s) {
              s.seed->blueprint_options.push_back({"more", true});
          }}});

    Here holding;
    holding.grow(Stage::holding);
    check_refused(holding.slot.state(),
                  {{"isolated", [](SlotState& s) { s.seed->isolated = true; }},
                   {"alpha.alpha", [](SlotState& s) { s.alpha->alpha = s.alpha->target = 0.3; }},
                   {"scheduled_prune", [](SlotState& s) { s.scheduled_prune.emplace(); }}});
    Here training;
    training.grow(Stage::training);
    check_refused(training.slot.state(),
                  {{"isolated", [](SlotState& s) { s.seed->isolated = false; }}});
    Here germinated;
    germinated.grow(Stage::germinated);
    check_refused(germinated.slot.state(),
                  {{"isolated", [](SlotState& s) { s.seed->isolated = true; }}});
}

TEST_CASE("records that no seed has are refused", "[C-2][C-3][L-8]") {
    check_refused(
        leaving(),
        {{"seed_id", [](SlotState& s) { s.record->seed_id.clear(); }},
         {"history", [](SlotState& s) { s.record->history.clear(); }},
         {"history", [](SlotState& s) { s.record->history.pop_back(); }},
         {"history[0]", [](SlotState& s) { s.record->history.erase(s.record->history.begin()); }},
         {"history[1]",
          [](SlotState& s) { s.record->history.erase(s.record->history.begin() + 1); }},
         {"history[2]", [](SlotState& s) { s.record->history[2].to = static_cast<Stage>(5); }},
         {"history[3]", [](SlotState& s) { s.record->history[3].epochs_in_from = -1; }},
         {"history", [](SlotState& s) { s.record->history.resize(101); }},
         {"epochs_total", [](SlotState& s) { s.record->metrics.epochs_total = -1; }},
         {"epochs_total",
          [](SlotState& s) { s.record->metrics.epochs_total = std::numeric_limits<int>::max(); }},
         {"seed_parameters", [](SlotState& s) { s.record->metrics.seed_parameters += 1; }},
         {"current_score", [](SlotState& s) { s.record->metrics.current_score = infinity; }},
         {"current_score", [](SlotState& s) { s.record->metrics.current_score.reset(); }},
         {"dependence", [](SlotState& s) { s.record->metrics.dependence = infinity; }},
         {"contribution.value",
          [](SlotState& s) {
              s.record->metrics.record_contribution({infinity, 0.5, 3}, judge::MeasureKind::own);
          }},
         {"contribution.standard_error",
          [](SlotState& s) {
              s.record->metrics.record_contribution({1.0, -0.5, 3}, judge::MeasureKind::own);
          }},
         {"contribution_by",
          [](SlotState& s) { s.record->metrics.contribution_by = judge::MeasureKind::own; }},
         {"contribution_by",
          [](SlotState& s) {
              s.record->metrics.record_contribution({1.0, 0.5, 3}, judge::MeasureKind::none);
          }},
         {"readiness.count",
          [](SlotState& s) {
              s.record->metrics.readiness = judge::Estimate{1.0, 0.5, -1};
          }},
         {"readiness", [](SlotState& s) { s.record->readiness.assign(6, 1.0); }},
         {"leads", [](SlotState& s) { s.record->leads.push_back(infinity); }},
         {"previous_contribution",
          [](SlotState& s) { s.record->metrics.previous_contribution = 1.0; }},
         {"gradient_ratio", [](SlotState& s) { s.record->metrics.gradient_ratio = 10.5; }},
         {"gradient_norm", [](SlotState& s) { s.record->metrics.gradient_norm_average = -1.0; }},
         {"interaction_sum", [](SlotState& s) { s.record->metrics.interaction_sum = infinity; }},
         {"health",
          [](SlotState& s) { s.record->metrics.parameter_health = ParameterHealth{1.5}; }},
         {"prune_reason", [](SlotState& s) { s.record->metrics.prune_reason = "why"; }}});
    check_refused(embargoed(),
                  {{"auto_pruned", [](SlotState& s) { s.record->metrics.auto_pruned = false; }}});
}

}  // namespace kasmina::state_test
