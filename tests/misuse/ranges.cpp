// Numbers outside their range: refused by name at the first moment, wherever one is taken (E-2).
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include <kasmina/reflect/fields.hpp>

#include "misuse/small_network.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/not_finite.hpp"

namespace kasmina::test::ranges_test {
namespace {}  // namespace

TEST_CASE("a germination's numbers are in range, or nothing germinates", "[S-1]") {
    Cpu::Context context;
    Network model = network(context);
    auto& slot = model.slot("r0c0");
    const auto refuses = [&](const GerminationOptions& options) {
        return !error_text<OptionError>([&] { slot.germinate("norm", options); }).empty();
    };
    for (const double steepness : {not_a_number, infinity, 0.0, 0.05, -1.0}) {
        CHECK(refuses({.steepness = steepness}));
    }
    for (const double target : {not_a_number, infinity, 0.0, -0.5, 1.5}) {
        CHECK(refuses({.alpha_target = target}));
    }
    for (const int tempo : {0, -3}) CHECK(refuses({.tempo_epochs = tempo}));
    CHECK(slot.stage() == Stage::dormant);
}

TEST_CASE("a steepness that is no number is an error wherever it is given", "[A-1][S-6]") {
    Cpu::Context context;
    Network model = network(context);
    auto& slot = model.slot("r0c0");
    grow(slot, Stage::blending);
    slot.step_epoch();
    CHECK_THROWS_AS(slot.set_alpha_target(0.5, 3, AlphaCurve::sigmoid, not_a_number), OptionError);
    CHECK_THROWS_AS(slot.schedule_prune(3, AlphaCurve::sigmoid, not_a_number, "x"), OptionError);
    AlphaController controller;
    CHECK_THROWS_AS(controller.retarget(1.0, 3, AlphaCurve::sigmoid, not_a_number), AlphaError);
}

TEST_CASE("a measurement that is no number is not recorded", "[G-7]") {
    Cpu::Context context;
    Network model = network(context);
    auto& slot = model.slot("r0c0");
    grow(slot, Stage::holding);
    for (const double value : {not_a_number, infinity, -infinity}) {
        CHECK_THROWS_AS(slot.record_score(value), NumericError);
        CHECK_THROWS_AS(slot.record_lead(value), NumericError);
        CHECK_THROWS_AS(slot.record_dependence(value), NumericError);
        CHECK_THROWS_AS(slot.record_interactions(value, 0.0), NumericError);
    }
    CHECK(slot.record()->leads.empty());
}

TEST_CASE("a coalition has a place for 64 players and no more", "[H-5]") {
    CHECK(Coalition::of_first(64).size() == 64);
    CHECK_THROWS_AS(Coalition::of_first(65), OptionError);
    CHECK_THROWS_AS(Coalition::of_first(70), OptionError);
    CHECK_THROWS_AS(Coalition{}.with(64), OptionError);
    CHECK_THROWS_AS(Coalition::of_first(3).without(64), OptionError);
    CHECK_THROWS_AS(Coalition{}.contains(100), OptionError);
    static_assert(Coalition::of_first(3).contains(2) && !Coalition::of_first(3).contains(3));
}

TEST_CASE("options of growth are in range", "[E-2]") {
    CHECK_THROWS_AS(HeuristicController({.slots = {"a"}, .blueprints = {}}), OptionError);
    CHECK_THROWS_AS(HeuristicController({.slots = {"a"}, .blueprints = {"b"}, .seeds_on_trial = 0}),
                    OptionError);
    Cpu::Context context;
    Network model = network(context);
    for (const double guess : {not_a_number, infinity, 0.0, -1.0}) {
        CHECK_THROWS_AS(Grower(model, Once{}, guess), OptionError);
    }
    optim::Sgd<Cpu> sgd;
    for (const double rate : {not_a_number, infinity, -0.1, 1e60}) {
        CHECK_THROWS_AS(sgd.add_group({.learning_rate = rate}), OptionError);
    }
    CHECK_THROWS_AS(optim::GradientClipper<Cpu>(0.0), OptionError);
    CHECK_THROWS_AS(optim::GradientClipper<Cpu>(not_a_number), OptionError);
}

TEST_CASE("options of norms and scores are in range", "[E-2][N-2]") {
    Cpu::Context context;
    Tape<Cpu> tape(context);
    Generator random(1);
    Pass<Cpu> pass(tape, Mode::training, random);
    const auto x = tape.leaf({2, 1, 2, 4}, std::vector<float>(16, 1.0F));
    const auto scale = tape.leaf({4}, std::vector<float>(4, 1.0F));
    Tensor<Cpu> mean = Tensor<Cpu>::full(context, {4}, 0.0);
    Tensor<Cpu> variance = Tensor<Cpu>::full(context, {4}, 1.0);
    const auto norms = [&](const ops::BatchNormOptions& options) {
        static_cast<void>(ops::batch_norm(pass, x, scale, scale, mean, variance, {}, options));
    };
    for (const double epsilon : {not_a_number, infinity, -1e-5, 1e60}) {
        CAPTURE(epsilon);
        CHECK_THROWS_AS(norms({.epsilon = epsilon}), OptionError);
        CHECK_THROWS_AS(ops::group_norm(x, scale, scale, 2, {.epsilon = epsilon}), OptionError);
        CHECK_THROWS_AS(ops::layer_norm(x, scale, scale, {.epsilon = epsilon}), OptionError);
    }
    for (const double momentum : {not_a_number, -0.1, 1.1}) {
        CHECK_THROWS_AS(norms({.momentum = momentum}), OptionError);
    }
    CHECK_NOTHROW(norms({.epsilon = 0.0, .momentum = 0.0}));
    for (const double cap : {0.0, -1.0, 1e-39, 1e-310, 1e60, not_a_number}) {
        CAPTURE(cap);
        CHECK_THROWS_AS(scores::SoftCap{cap}.check(1), OptionError);
    }
}

TEST_CASE("every number of a heuristic controller has its range", "[E-2][K]") {
    const auto refuses = [](const std::string& name, const auto& set, double value) {
        HeuristicOptions options{.slots = {"a", "b"}, .blueprints = {"c", "d"}};
        set(options, value);
        return mentions(error_text<OptionError>([&] { HeuristicController{options}; }), name);
    };
    using Options = HeuristicOptions;
    for (const double value : {not_a_number, infinity, -1.0}) {
        CAPTURE(value);
        CHECK(refuses(
            "plateau_improvement",
            [](Options& options, double to) { options.plateau_improvement = to; }, value));
        CHECK(refuses(
            "drop_limit", [](Options& options, double to) { options.drop_limit = to; }, value));
        CHECK(refuses(
            "prune_penalty", [](Options& options, double to) { options.prune_penalty = to; },
            value));
        CHECK(refuses(
            "penalty_decay", [](Options& options, double to) { options.penalty_decay = to; },
            value));
        CHECK(refuses(
            "penalty_limit", [](Options& options, double to) { options.penalty_limit = to; },
            value));
    }
    CHECK(refuses(
        "penalty_decay", [](Options& options, double to) { options.penalty_decay = to; }, 1.5));
    CHECK(refuses(
        "penalty_limit", [](Options& options, double to) { options.penalty_limit = to; }, 0.0));
    for (int Options::*count :
         {&Options::plateau_epochs, &Options::first_epoch, &Options::stall_epochs,
          &Options::readiness_patience, &Options::seeds_on_trial}) {
        CHECK(refuses(
            "out of range",
            [count](Options& options, double to) { options.*count = static_cast<int>(to); }, -1.0));
    }
}

TEST_CASE("a controller names each slot and each blueprint once", "[E-2][K]") {
    CHECK(mentions(error_text<DuplicateNameError>([] {
                       HeuristicController({.slots = {"a", "b", "a"}, .blueprints = {"c"}});
                   }),
                   "slots"));
    CHECK(mentions(error_text<DuplicateNameError>([] {
                       HeuristicController({.slots = {"a"}, .blueprints = {"c", "c"}});
                   }),
                   "blueprints"));
}

TEST_CASE("a gate's bound is a number that a measurement can reach", "[E-2][G-7]") {
    Cpu::Context context;
    const auto refuses = [&](const std::string& name, const auto& set) {
        ModelOptions<> options;
        set(options.gates.thresholds);
        return mentions(error_text<OptionError>([&] {
                            Generator random(1);
                            Network(context, hosts::Cnn<Cpu>(context, small_host), {}, random,
                                    options);
                        }),
                        name);
    };
    CHECK(refuses("min_readiness",
                  [](GateThresholds& bound) { bound.min_readiness = not_a_number; }));
    CHECK(refuses("min_training_improvement",
                  [](GateThresholds& bound) { bound.min_training_improvement = infinity; }));
    CHECK(refuses("min_seed_gradient_ratio",
                  [](GateThresholds& bound) { bound.min_seed_gradient_ratio = -0.1; }));
    CHECK(refuses("min_gradient_health",
                  [](GateThresholds& bound) { bound.min_gradient_health = 1.5; }));
    CHECK(refuses("min_fossilize_contribution",
                  [](GateThresholds& bound) { bound.min_fossilize_contribution = not_a_number; }));
    CHECK(refuses("min_fossilize_dependence",
                  [](GateThresholds& bound) { bound.min_fossilize_dependence = not_a_number; }));
    CHECK(
        refuses("judgement_errors", [](GateThresholds& bound) { bound.judgement_errors = -1.0; }));
    CHECK(refuses("min_judgement_epochs",
                  [](GateThresholds& bound) { bound.min_judgement_epochs = -1; }));
    CHECK(
        refuses("judgement_patience", [](GateThresholds& bound) { bound.judgement_patience = 0; }));
    CHECK(refuses("min_blending_epochs",
                  [](GateThresholds& bound) { bound.min_blending_epochs = -1; }));
    CHECK(refuses("settling_epochs", [](GateThresholds& bound) { bound.settling_epochs = -1; }));
    CHECK(refuses("alpha_tolerance",
                  [](GateThresholds& bound) { bound.alpha_tolerance = not_a_number; }));
    // Nor may one be set later: the next decision says so, and leaves everything as it was.
    Generator random(1);
    Network model(context, hosts::Cnn<Cpu>(context, small_host), {}, random);
    auto& slot = model.slot("r0c0");
    slot.germinate("norm");
    for (const double wrong : {-20.0, not_a_number, infinity}) {
        CAPTURE(wrong);
        model.gates().thresholds.judgement_errors = wrong;
        CHECK(
            mentions(error_text<OptionError>([&] { (void)slot.ask_gate(); }), "judgement_errors"));
        CHECK(mentions(error_text<OptionError>([&] { slot.advance(); }), "judgement_errors"));
        CHECK(slot.stage() == Stage::germinated);
    }
    model.gates().thresholds = {.min_fossilize_contribution = -infinity};
    CHECK(mentions(error_text<OptionError>([&] { slot.advance(); }), "min_fossilize_contribution"));
    model.gates().thresholds = {};
    CHECK(slot.advance().advanced);
    // And none is left without a range.
    const GateThresholds defaults;
    reflect::for_each_field(defaults, [&](std::string_view name, const auto&) {
        CAPTURE(name);
        CHECK(refuses(std::string(name), [&](GateThresholds& bound) {
            reflect::for_each_field(bound, [&](std::string_view field, auto& value) {
                if (field != name) return;
                if constexpr (std::is_same_v<decltype(value), double&> ||
                              std::is_same_v<decltype(value), ScoreBound&>) {
                    value = not_a_number;
                } else {
                    value = -1;
                }
            });
        }));
    });
}

TEST_CASE("an option's range is told in words, and a NaN is in none", "[E-2]") {
    static_assert(OptionRange::at_least(0.0).contains(0.0));
    static_assert(!OptionRange::above(0.0).contains(0.0));
    static_assert(OptionRange::above(0.0).at_most(1.0).contains(1.0));
    static_assert(!OptionRange::above(0.0).below(1.0).contains(1.0));
    static_assert(OptionRange::any().contains(-1e300));
    CHECK_FALSE(OptionRange::any().contains(not_a_number));
    CHECK_FALSE(OptionRange::at_least(0.0).contains(infinity));
    static_assert(OptionRange::above(0.0).as<float>().contains(1.2e-38));
    static_assert(!OptionRange::above(0.0).as<float>().contains(1.1e-38));
    static_assert(OptionRange::at_least(0.0).as<float>().contains(1e-60));
    static_assert(!OptionRange::any().as<float>().contains(-1e39));
    static_assert(OptionRange::above(0.0).at_most(1.0).as<float>().contains(1.0));
    static_assert(!OptionRange::above(0.0).at_most(1.0).as<float>().contains(1.1));
    static_assert(OptionRange::any().as<double>().contains(-1e300));
    CHECK(OptionRange::any().as<double>().in_words() == "a finite number");
    CHECK(OptionRange::any().in_words() == "a finite number");
    CHECK(OptionRange::above(0.0).at_most(1.0).in_words() ==
          "a finite number above 0 and at most 1");
    CHECK(OptionRange::at_least(0.0).below(1.0).in_words() ==
          "a finite number of at least 0 and below 1");
}

TEST_CASE("there is no number below 0, no dimension beyond a shape's, and no check beyond a gate's",
          "[E-2]") {
    Generator random(1);
    const Generator::State before = random.state();
    CHECK_THROWS_AS(random.below(0), OptionError);
    CHECK(random.state() == before);
    const Shape shape{2, 3};
    CHECK(shape[1] == 3);
    for (const Index axis : {Index{-1}, Index{2}, Index{9}})
        CHECK_THROWS_AS(shape[axis], ShapeError);
    CHECK_THROWS_AS(Shape{}[0], ShapeError);
    const GateResult result = GateResult(Gate::g2).require("one", true);
    CHECK(result.check(0).passed);
    for (const std::size_t index : {1U, 8U, 99U}) CHECK_THROWS_AS(result.check(index), OptionError);
}

}  // namespace kasmina::test::ranges_test
