// What a loop does not see by itself is told, once, by name, and passes no gate (E-5, I-4).
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <kasmina/optim/sgd.hpp>
#include <kasmina/policy/grower.hpp>
#include <kasmina/train/learner.hpp>

#include "blueprints/stillborn.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "train/small_run.hpp"

namespace kasmina::told_once_test {
namespace {

using B = test::Eigen32;
using Model = MorphogeneticModel<test::DropoutCnn<B>, CnnBlueprints>;

/// Decides nothing.
struct Idle {
    std::vector<Decision> decide(const EpochObservation&) { return {}; }
};

[[nodiscard]] Model make_model(B::Context& context, Incubation incubation) {
    Generator generator(1);
    Model model(context, test::DropoutCnn<B>(context), {}, generator);
    model.slot("early").germinate("bottleneck", {.incubation = incubation});
    model.slot("early").advance();
    return model;
}

/// Epochs of one step, by `step(model, batch)`; what the grower reported of each.
template <class Step>
[[nodiscard]] std::vector<EpochReport> epochs(Model& model, int count, Step&& step) {
    Grower grower(model, Idle{}, 1.1);
    test::NoiseBatches<B> batches(4);
    std::vector<EpochReport> reports;
    for (int epoch = 0; epoch < count; ++epoch) {
        const auto batch = batches.next(model.context());
        step(model, batch);
        reports.push_back(
            grower.end_epoch(model, 1.0, [](std::span<const AlphaOverrides> configurations) {
                return std::vector<double>(configurations.size(), 50.0);
            }));
        for (const auto& named : model.parameters()) named.parameter->zero_gradient();
    }
    return reports;
}

void by_hand(Model& model, const test::NoiseBatches<B>::Batch& batch) {
    Generator random(1);
    Tape<B> tape(model.context());
    Pass<B> pass(tape, Mode::training, random);
    tape.backward(test::loss_of<B>(batch.labels)(model.forward(pass, batch.input)));
}

void with_lessons(Model& model, const test::NoiseBatches<B>::Batch& batch) {
    Generator random(1);
    Tape<B> tape(model.context());
    Pass<B> pass(tape, Mode::training, random);
    train::learn(model, pass, batch.input, test::loss_of<B>(batch.labels));
}

[[nodiscard]] std::vector<std::string> told(const std::vector<EpochReport>& reports) {
    std::vector<std::string> all;
    for (const EpochReport& report : reports) {
        all.insert(all.end(), report.notices.begin(), report.notices.end());
    }
    return all;
}

TEST_CASE("a seed that gets no lessons is told of once, by name, and does not pass G2",
          "[E-5][I-9][I-4]") {
    B::Context context;
    Model model = make_model(context, Incubation::feedback);
    const auto reports = epochs(model, 5, by_hand);
    const auto notices = told(reports);
    REQUIRE(notices.size() == 1);
    CHECK(test::mentions(notices[0], "bottleneck in early"));
    CHECK(test::mentions(notices[0], "train::learn"));
    CHECK(reports[0].notices == notices);
    CHECK(reports.back().verdicts[0]->failed("gradient_statistics_measured"));
    const auto& metrics = model.slot("early").record()->metrics;
    CHECK_FALSE(metrics.gradient_ratio.has_value());
    CHECK(metrics.gradient_norm_average == 0.0);
}

TEST_CASE("a seed whose lessons end keeps what was measured, and passes G2 no more", "[E-5][I-4]") {
    B::Context context;
    Model model = make_model(context, Incubation::feedback);
    const auto taught = epochs(model, 4, with_lessons);
    CHECK(told(taught).empty());
    CHECK(taught.back().verdicts[0]->passed());
    const SeedMetrics before = model.slot("early").record()->metrics;
    REQUIRE(before.gradient_ratio.has_value());
    const auto left = epochs(model, 2, by_hand);
    CHECK(told(left).size() == 1);
    CHECK(left.back().verdicts[0]->failed("gradient_statistics_measured"));
    const SeedMetrics& after = model.slot("early").record()->metrics;
    CHECK(after.gradient_ratio == before.gradient_ratio);
    CHECK(after.gradient_norm_average == before.gradient_norm_average);
    CHECK(after.parameter_health == before.parameter_health);
    CHECK(epochs(model, 1, with_lessons).back().verdicts[0]->passed());
}

TEST_CASE("a seed under the straight-through needs no lessons", "[E-5][I-2]") {
    B::Context context;
    Model model = make_model(context, Incubation::straight_through);
    CHECK(told(epochs(model, 4, by_hand)).empty());
}

TEST_CASE("a frozen host leaves no ratio, and the seed's own figures", "[I-4]") {
    B::Context context;
    Model model = make_model(context, Incubation::feedback);
    for (const auto& named : model.host_parameters()) named.parameter->set_trainable(false);
    CHECK(told(epochs(model, 3, with_lessons)).empty());
    const auto& metrics = model.slot("early").record()->metrics;
    CHECK_FALSE(metrics.gradient_ratio.has_value());
    CHECK(metrics.gradient_norm_average > 0.0);
    CHECK(metrics.parameter_health.has_value());
}

/// One epoch's measurement with such a gradient in each of two tensors.
void measure(Model& model, double norm) {
    auto& slot = model.slot("early");
    slot.record_gradients({.norm = 1.0, .parameters = 100, .measured = true},
                          {.norm = norm, .parameters = 100, .measured = true},
                          std::array{norm, norm}, true);
}

TEST_CASE("a seed whose branch has died is told of once, by name, and is not kept",
          "[E-5][G-6][G-10]") {
    B::Context context;
    Model model = make_model(context, Incubation::feedback);
    auto& slot = model.slot("early");
    slot.record_readiness(1.0);
    measure(model, 0.0);
    CHECK(slot.step_epoch().notice.empty());  // one batch may say nothing
    measure(model, 1.0);
    CHECK(slot.step_epoch().notice.empty());
    for (int epoch = 0; epoch < 4; ++epoch) {
        measure(model, 1e-9);
        const std::string notice = slot.step_epoch().notice;
        CAPTURE(epoch, notice);
        CHECK(notice.empty() == (epoch != 1));
        if (epoch == 1) CHECK(test::mentions(notice, "bottleneck in early"));
        if (epoch == 1) CHECK(test::mentions(notice, "died"));
    }
    CHECK_FALSE(slot.ask_gate().passed());

    GateEvidence seen = slot.evidence();
    CHECK(seen.dead);
    CHECK_FALSE(seen.healthy);
    seen.stage = Stage::holding;
    seen.contribution = judge::Estimate{9.0, 0.1, 12};
    seen.contribution_by = judge::MeasureKind::shadow;
    CHECK(DefaultGates{}.evaluate(Gate::g5, seen).failed("seed_healthy"));
    CHECK(judgement(seen, {}) == judge::Verdict::does_not_help);

    measure(model, 1.0);
    CHECK_FALSE(slot.evidence().dead);
    CHECK(slot.ask_gate().passed());
}

TEST_CASE("a seed that a learner steps and that is dead is told of once, and does not pass G2",
          "[E-5][G-4][G-10][I-7]") {
    using Growing = MorphogeneticModel<test::DropoutCnn<B>, CnnBlueprints::with<test::Stillborn>,
                                       DefaultPolicies>;
    const Incubation incubation = GENERATE(Incubation::feedback, Incubation::straight_through);
    const std::string blueprint = GENERATE("stillborn", "conv_light");
    CAPTURE(name_of(incubation), blueprint);
    B::Context context;
    Generator generator(1);
    Growing model(context, test::DropoutCnn<B>(context), {}, generator);
    auto& slot = model.slot("early");
    slot.germinate(blueprint, {.incubation = incubation});
    REQUIRE(slot.advance().advanced);
    const auto born = test::values_of(model, "slots/early/");
    train::Learner<Growing, optim::SgdRule> learner(
        model, {.host = {.learning_rate = 0.05}, .seeds = {.learning_rate = 0.05}});
    Grower grower(model, Idle{}, 1.1);
    test::NoiseStream<B> source(context, 4);
    std::vector<EpochReport> reports;
    for (int epoch = 0; epoch < 6; ++epoch) {
        source.start_epoch();
        while (const auto batch = source.next()) {
            static_cast<void>(learner.step(model, batch->input, test::loss_of<B>(batch->labels)));
        }
        reports.push_back(grower.end_epoch(
            model, learner, 1.0, [](std::span<const AlphaOverrides> configurations) {
                return std::vector<double>(configurations.size(), 50.0);
            }));
    }
    const auto notices = told(reports);
    const GateResult& verdict = *reports.back().verdicts[0];
    const bool lives = blueprint == "conv_light";
    CHECK((test::values_of(model, "slots/early/") != born) == lives);
    CHECK(slot.evidence().dead == !lives);
    CHECK(verdict.passed() == lives);
    if (lives) {
        CHECK(notices.empty());
        return;
    }
    REQUIRE(notices.size() == 1);
    CHECK(test::mentions(notices[0], "stillborn in early"));
    CHECK(test::mentions(notices[0], "died"));
    CHECK(reports[0].notices.empty());  // one look may say nothing
    // Its gradient is what G2 minds, and nothing else.
    for (std::size_t i = 0; i < verdict.checks(); ++i) {
        CAPTURE(verdict.check(i).name);
        CHECK(verdict.check(i).passed == (verdict.check(i).name != "gradient_health"));
    }
    CHECK(verdict.failed("gradient_health"));
    const AdvanceResult refused = slot.advance();
    CHECK_FALSE(refused.advanced);
    CHECK(refused.gate.failed("gradient_health"));
    CHECK(slot.stage() == Stage::training);
}

}  // namespace
}  // namespace kasmina::told_once_test
