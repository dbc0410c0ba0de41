// Names that nothing goes by and values that are none: refused by name, at the first moment (E-2,
// E-5).
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/lifecycle/stage_encoding.hpp>

#include "misuse/small_network.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/not_finite.hpp"

// A user's own names beside ours: neither hides the other.
using namespace kasmina;
using Backend = backends::Eigen<float>;
static_assert(std::same_as<Backend::Scalar, float>);

namespace kasmina::test {
namespace {

/// Counts one parameter more than it has.
struct Miscounting : cnn::Norm {
    static constexpr std::string_view name = "miscounting";
    static constexpr Index parameter_count(Index width, const Options& options = {}) {
        return cnn::Norm::parameter_count(width, options) + 1;
    }
};

/// For states of another rank.
struct ForSequences : cnn::Norm {
    static constexpr std::string_view name = "for_sequences";
    static constexpr Topology topology = Topology::transformer;
};

/// Asks for nothing.
struct Open {
    static constexpr Gate gate = Gate::g2;
    constexpr GateResult operator()(const GateEvidence&, const GateThresholds&) const {
        return GateResult(gate);
    }
};

[[nodiscard]] hosts::InjectionPoint point(std::string name, Index position, Index channels = 4) {
    return {std::move(name), channels, position, {}, hosts::Surface::segment_end};
}

[[nodiscard]] auto what_is_got(const auto& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.got();
    }
    return std::string("no error");
}

}  // namespace

// ---- names -------------------------------------------------------------------------------------

TEST_CASE("a name that nothing goes by is shown, also where it is empty", "[E-2]") {
    Cpu::Context context;
    Network model = network(context);
    auto& slot = model.slot("r0c0");
    CHECK(what_is_got([&] { slot.germinate("nrom"); }) == "nrom");
    CHECK(what_is_got([&] { slot.germinate(""); }) == "an empty name");
    CHECK(what_is_got([&] { static_cast<void>(model.slot("")); }) == "an empty name");
    CHECK(what_is_got([&] { static_cast<void>(model.slot("r9")); }) == "r9");
    CHECK(mentions(error_text<UnknownNameError>([&] { slot.germinate(""); }), "conv_light"));
    CHECK(
        mentions(error_text<UnknownNameError>([&] { static_cast<void>(model.slot("")); }), "r1c1"));
    CHECK(slot.stage() == Stage::dormant);
}

TEST_CASE("a controller that names what does not exist is refused when its grower is made",
          "[E-5]") {
    Cpu::Context context;
    Network model = network(context);
    const auto grower = [&](HeuristicOptions options) {
        return Grower(model, HeuristicController(std::move(options)), 0.7);
    };
    const std::string slot = error_text<UnknownNameError>([&] {
        grower({.slots = {"r0c0", "r0c7"}, .blueprints = {"norm"}});
    });
    CHECK(mentions(slot, "r0c7"));
    CHECK(mentions(slot, "r0c0, r1c0, r0c1, r1c1"));
    const std::string blueprint = error_text<UnknownNameError>([&] {
        grower({.slots = {"r0c0"}, .blueprints = {"norm", "conv_lite"}});
    });
    CHECK(mentions(blueprint, "conv_lite"));
    CHECK(mentions(blueprint, "conv_light"));
    CHECK_THROWS_AS(grower({.slots = {""}, .blueprints = {"norm"}}), UnknownNameError);
    CHECK_THROWS_AS(grower({.slots = {}, .blueprints = {"norm"}}), OptionError);

    auto sane = grower({.slots = {"r0c0"}, .blueprints = {"norm"}});
    auto state = sane.state(context);
    state.controller.options.slots = {"r0c7"};
    CHECK_THROWS_AS(sane.restore(model, state), UnknownNameError);
    CHECK(sane.controller().state().options.slots == std::vector<std::string>{"r0c0"});
}

TEST_CASE("injection points are named once, in order, and have channels", "[E-2][H-3]") {
    using Points = std::vector<hosts::InjectionPoint>;
    CHECK_NOTHROW(hosts::check_points(Points{point("a", 0), point("b", 1)}));
    CHECK_THROWS_AS(hosts::check_points(Points{point("a", 0), point("a", 1)}), DuplicateNameError);
    CHECK_THROWS_AS(hosts::check_points(Points{point("", 0)}), OptionError);
    CHECK_THROWS_AS(hosts::check_points(Points{point("a", 0, 0)}), OptionError);
    const std::string text = error_text<OptionError>([] {
        hosts::check_points(Points{point("a", 1), point("b", 0)});
    });
    CHECK(mentions(text, "position 0 for a"));
}

TEST_CASE("a blueprint that miscounts its parameters is found out when a seed is made", "[B-1]") {
    Cpu::Context context;
    Generator random(1);
    CHECK_THROWS_AS((make_seed<Miscounting, Cpu>(context, 4, {}, random)), ShapeError);
    CHECK_THROWS_AS((germinate_seed<Miscounting, Cpu>(context, 4, random)), ShapeError);
}

TEST_CASE("a blueprint for another topology is refused before anything is made", "[B-3]") {
    Cpu::Context context;
    SlotServices<Cpu, DefaultPolicies> services{.context = &context};
    Slot<Cpu, BlueprintList<cnn::Norm, ForSequences>> slot("r0c0", Topology::cnn, 4, {}, services);
    CHECK_THROWS_AS(slot.germinate<ForSequences>(), OptionError);
    CHECK_THROWS_AS(slot.germinate("for_sequences"), UnknownNameError);
    CHECK(slot.stage() == Stage::dormant);
}

TEST_CASE("a model lists its parameters also where it is const", "[P-6]") {
    Cpu::Context context;
    Network model = network(context);
    const Network& seen = model;
    REQUIRE(seen.parameters().size() == model.parameters().size());
    CHECK(seen.parameters()[0].name == "host/blocks.0.conv.weight");
    CHECK(seen.host_parameters().size() == seen.parameters().size());
    CHECK(seen.seed_parameters().empty());
    static_assert(
        std::same_as<decltype(seen.parameters()[0].parameter->value()), const Tensor<Cpu>&>);
}

// ---- values outside their enumeration ----------------------------------------------------------

TEST_CASE("a value outside its enumeration is refused wherever one is taken", "[E-2]") {
    Cpu::Context context;
    Network model = network(context);
    auto& slot = model.slot("r0c0");
    const auto germinate = [&](const GerminationOptions& options) {
        slot.germinate("norm", options);
    };
    CHECK_THROWS_AS(germinate({.algorithm = static_cast<BlendAlgorithm>(0)}), OptionError);
    CHECK_THROWS_AS(germinate({.curve = static_cast<AlphaCurve>(9)}), OptionError);
    CHECK_THROWS_AS(germinate({.incubation = static_cast<Incubation>(0)}), OptionError);
    CHECK(slot.stage() == Stage::dormant);
    CHECK_THROWS_AS(HeuristicController({.slots = {"r0c0"},
                                         .blueprints = {"norm"},
                                         .germination = {.curve = static_cast<AlphaCurve>(9)}}),
                    OptionError);
    grow(slot, Stage::blending);
    slot.step_epoch();
    CHECK_THROWS_AS(slot.set_alpha_target(0.5, 3, static_cast<AlphaCurve>(0)), OptionError);
    CHECK_THROWS_AS(
        slot.set_alpha_target(0.5, 3, AlphaCurve::linear, 12.0, static_cast<BlendAlgorithm>(4)),
        OptionError);
    CHECK_THROWS_AS(slot.schedule_prune(3, static_cast<AlphaCurve>(9), 12.0, "x"), OptionError);
    CHECK_THROWS_AS(slot.record_contribution({}, static_cast<judge::MeasureKind>(9)), OptionError);
    CHECK_THROWS_AS(slot.advance(static_cast<Stage>(5)), LifecycleError);
    Tape<Cpu> tape(context);
    CHECK_THROWS_AS(Tape<Cpu>(context, static_cast<Recording>(5)), OptionError);
    CHECK_THROWS_AS(Pass<Cpu>(tape, static_cast<Mode>(9)), OptionError);
    CHECK_THROWS_AS(model.set_host_statistics(static_cast<HostStatistics>(9)), OptionError);
    CHECK_THROWS_AS(nn::Linear<Cpu>(context, 2, 2, static_cast<nn::Bias>(9)), OptionError);
    const std::vector<hosts::InjectionPoint> odd{{"a", 4, 0, {}, static_cast<hosts::Surface>(9)}};
    CHECK_THROWS_AS(hosts::check_points(odd), OptionError);
    AlphaController controller;
    CHECK_THROWS_AS(controller.retarget(1.0, 3, static_cast<AlphaCurve>(9)), OptionError);
    CHECK_THROWS_AS(curve_value(static_cast<AlphaCurve>(9), 0.5), OptionError);
    CHECK_THROWS_AS(DefaultGates{}.evaluate(static_cast<Gate>(4), slot.evidence()), GateError);
}

TEST_CASE("no value outside its enumeration goes by the name of one inside", "[E-2]") {
    CHECK(name_of(static_cast<BlendAlgorithm>(0)) == "(invalid)");
    CHECK(name_of(static_cast<AlphaCurve>(9)) == "(invalid)");
    CHECK(name_of(static_cast<AlphaMode>(9)) == "(invalid)");
    CHECK(name_of(static_cast<Incubation>(0)) == "(invalid)");
    CHECK(name_of(static_cast<judge::MeasureKind>(9)) == "(invalid)");
    CHECK(name_of(static_cast<Topology>(9)) == "(invalid)");
    CHECK(name_of(static_cast<Gate>(4)) == "(invalid)");
    CHECK(name_of(static_cast<Mode>(9)) == "(invalid)");
    CHECK(name_of(static_cast<Stage>(99)) == "(invalid)");
    CHECK(name_of(static_cast<Decision::Action>(9)) == "(invalid)");
    CHECK(name_of(static_cast<HostStatistics>(9)) == "(invalid)");
    CHECK(name_of(static_cast<nn::Bias>(9)) == "(invalid)");
    CHECK(name_of(static_cast<hosts::Surface>(9)) == "(invalid)");
    CHECK(name_of(static_cast<Precision>(9)) == "(invalid)");
}

TEST_CASE("what is no stage has no code, and the error names those that are", "[L-6]") {
    const auto names_the_valid = [](const auto& call) {
        const std::string text = error_text<LifecycleError>(call);
        return mentions(text, "dormant (1)") && mentions(text, "resetting (10)");
    };
    CHECK(names_the_valid([] { static_cast<void>(stage_one_hot(static_cast<Stage>(5))); }));
    CHECK(names_the_valid([] { static_cast<void>(stage_one_hot(static_cast<Stage>(99))); }));
    CHECK(names_the_valid([] { static_cast<void>(stage_index(static_cast<Stage>(5))); }));
    CHECK(names_the_valid([] { static_cast<void>(stage_from_value(5)); }));
    CHECK(names_the_valid([] { static_cast<void>(stage_from_value(-1)); }));
    CHECK(names_the_valid([] { static_cast<void>(stage_from_index(10)); }));
    CHECK(names_the_valid([] { static_cast<void>(stage_from_name("")); }));
}

// ---- numbers of the lifecycle ------------------------------------------------------------------

TEST_CASE("cooldown stages record their length", "[L-8]") {
    Cpu::Context context;
    Network model = network(context);
    auto& slot = model.slot("r0c0");
    grow(slot, Stage::germinated);
    slot.prune("to cool down");
    std::vector<StageEntry> history;
    for (int tick = 0; tick < 7; ++tick) {
        if (slot.record() != nullptr) history = slot.record()->history;
        slot.step_epoch();
    }
    CHECK(slot.stage() == Stage::dormant);
    REQUIRE(history.size() == 4);
    CHECK(history[2].from == Stage::pruned);
    CHECK(history[2].epochs_in_from == 1);
    CHECK(history[3].from == Stage::embargoed);
    CHECK(history[3].epochs_in_from == 5);
}

TEST_CASE("a seed that was not measured keeps its ratio and its average", "[I-4]") {
    Cpu::Context context;
    Network model = network(context);
    auto& slot = model.slot("r0c0");
    grow(slot, Stage::training);
    slot.record_gradients({2.0, 10, true}, {1.0, 10, true}, std::array{1.0}, true);
    const auto before = slot.record()->metrics;
    REQUIRE(before.gradient_ratio.has_value());
    slot.record_gradients({2.0, 10, true}, {0.0, 10, false}, {}, true);
    CHECK(slot.record()->metrics.gradient_ratio == before.gradient_ratio);
    CHECK(slot.record()->metrics.gradient_norm_average == before.gradient_norm_average);
}

TEST_CASE("a gate that asks for nothing is open", "[G-8]") {
    CHECK(GateSet<Open>{}.evaluate<Gate::g2>({}).passed());
}

// ---- amplitudes and coalitions -----------------------------------------------------------------

TEST_CASE("overrides grow in a loop, and copies are copies", "[A-8]") {
    AlphaOverrides overrides;
    for (const char* slot : {"r0c0", "r1c0", "r0c1"}) overrides.add(slot, 0.5);
    CHECK(overrides.entries().size() == 3);
    AlphaOverrides built;
    for (const char* slot : {"r0c0", "r1c0"}) built = built.with(slot, 0.0);
    CHECK(built.entries().size() == 2);
    const AlphaOverrides more = built.with("r0c1", std::vector<double>{0.0, 1.0});
    CHECK(more.entries().size() == 3);
    CHECK(built.entries().size() == 2);
}

TEST_CASE("overrides that no pass can take are refused, and change nothing", "[A-8]") {
    AlphaOverrides overrides;
    overrides.add("r0c0", 0.5);
    for (const double alpha : {not_a_number, infinity, -0.1, 1.1}) {
        CHECK_THROWS_AS(overrides.add("r1c0", alpha), OptionError);
    }
    CHECK_THROWS_AS(overrides.add("r0c0", 0.5), OptionError);
    CHECK_THROWS_AS(overrides.add("r1c0", std::vector<double>{}), OptionError);
    CHECK(overrides.entries().size() == 1);

    Cpu::Context context;
    Network model = network(context);
    Tape<Cpu> tape(context, Recording::none);
    Pass<Cpu> pass(tape, Mode::evaluation);
    const auto forward = [&](const AlphaOverrides& chosen) {
        return model.forward(pass, images(context), chosen);
    };
    CHECK_THROWS_AS(forward(AlphaOverrides{}.with("r9", 0.0)), UnknownNameError);
    CHECK_THROWS_AS(forward(overrides), OptionError);  // no seed there
    grow(model.slot("r0c0"), Stage::holding);
    CHECK_THROWS_AS(forward(AlphaOverrides{}.with("r0c0", std::vector<double>{0.0, 0.5, 1.0})),
                    OptionError);
}

}  // namespace kasmina::test
