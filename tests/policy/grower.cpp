// A panic, end to end: a network trains, breaks, comes back to the last snapshot and trains on.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/counterfactual.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/policy/grower.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/gradient_check.hpp"

namespace kasmina {
namespace {

using B = backends::Eigen<float>;
using Blueprints = BlueprintList<cnn::ConvLight>;
using Model = MorphogeneticModel<hosts::Cnn<B>, Blueprints, test::OpenPolicies>;
using Action = Decision::Action;
using Values = std::map<std::string, std::vector<float>>;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

/// Does what the test wrote down for this epoch.
struct Script {
    std::vector<Decision> next;

    std::vector<Decision> decide(const EpochObservation&) { return std::exchange(next, {}); }
};

/// Twelve images of three classes, learned by heart.
class Run {
public:
    static constexpr Index images = 12;
    static constexpr Index classes = 3;

    Run()
        : model(make_model()),
          pixels_(test::normal_values<float>(images * 8 * 8 * 3, 2)),
          tape_(context_) {
        for (Index i = 0; i < images; ++i) labels_.push_back(static_cast<std::int32_t>(i % 3));
        for (int group = 0; group < 2; ++group) {
            sgd.add_group({.learning_rate = 0.1, .momentum = 0.9});
        }
        synchronise();
    }

    void grow_to(const std::string& name, Stage goal) {
        auto& slot = model.slot(name);
        slot.germinate("conv_light");
        while (slot.stage() != goal) REQUIRE(slot.advance().advanced);
        synchronise();
    }

    /// Starts the governed part: the first snapshot is of now.
    void govern() { grower.emplace(model, Script{}, std::log(static_cast<double>(classes))); }

    /// Four steps and the end of the epoch, as examples do it. The loss is the last step's unless
    /// one is given.
    EpochReport epoch(std::optional<double> told = std::nullopt) {
        for (int step = 0; step < 4; ++step) {
            tape_.clear();
            const Variable<B> logits = model.forward(tape_, tape_.constant(shape, pixels_));
            const Variable<B> batch_loss =
                ops::cross_entropy(logits, std::span<const std::int32_t>(labels_));
            sgd.zero_gradients();
            tape_.backward(batch_loss);
            sgd.step(context_);
            loss = static_cast<double>(batch_loss.item());
        }
        const EpochReport report = grower->end_epoch(
            context_, told.value_or(loss), [this](std::span<const AlphaOverrides> configurations) {
                return accuracies(configurations);
            });
        synchronise();
        if (report.panic) sgd.clear_state();
        return report;
    }

    /// Parameters and buffers of the host.
    Values host_values() { return values_of(model.host()); }

    /// Parameters of a slot's seed.
    Values seed_values(const std::string& name) { return values_of(model.slot(name)); }

    Model model;
    optim::Sgd<B> sgd;
    std::optional<Grower<Model, Script>> grower;
    double loss = 0.0;

private:
    static constexpr Shape shape{images, 8, 8, 3};

    static Model make_model() {
        Generator generator(4);
        return Model(hosts::Cnn<B>({.classes = classes, .base = 4, .height = 8, .width = 8}),
                     Blueprints{}, generator);
    }

    void synchronise() {
        sgd.synchronise(0, Model::pointers(model.host_parameters()));
        sgd.synchronise(1, Model::pointers(model.seed_parameters()));
    }

    std::vector<double> accuracies(std::span<const AlphaOverrides> configurations) {
        std::vector<double> found(configurations.size());
        evaluate_each(model, context_, Tensor<B>::from_host(shape, pixels_), configurations,
                      [&](std::size_t k, const Variable<B>& logits) {
                          const Index hits = B::count_correct(context_, images, classes,
                                                              logits.data(), std::span(labels_));
                          found[k] =
                              100.0 * static_cast<double>(hits) / static_cast<double>(images);
                      });
        return found;
    }

    template <class Visitable>
    static Values values_of(Visitable& owner) {
        Values values;
        owner.visit(nn::Visitor{[&values](std::string_view name, Parameter<B>& parameter) {
                                    values[std::string(name)] = parameter.value().to_host();
                                },
                                [&values](std::string_view name, Tensor<B>& buffer) {
                                    values[std::string(name)] = buffer.to_host();
                                }});
        return values;
    }

    std::vector<float> pixels_;
    std::vector<std::int32_t> labels_;
    B::Context context_;
    Tape<B> tape_;
};

void break_host(Run& run) {
    auto& weight = run.model.host_parameters()[0].parameter->value();
    std::vector<float> values = weight.to_host();
    values[5] = nan;
    weight.assign(values);
}

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
    Run run;
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

    break_host(run);
    const EpochReport report = run.epoch();
    REQUIRE(std::isnan(run.loss));
    REQUIRE(report.panic == Panic::nan);
    CHECK(run.host_values() == host);
    CHECK(run.seed_values("r1c2") == fossilized);
    check_live_seeds_pruned(run, report);
    CHECK(std::isfinite(report.accuracy));

    // What the caller cleared: no momentum, and no state for seeds that are gone.
    CHECK(run.sgd.members(0).size() == run.model.host_parameters().size());
    CHECK(run.sgd.members(1).size() == run.seed_values("r1c2").size());
    for (const std::size_t group : {std::size_t{0}, std::size_t{1}}) {
        for (const auto& member : run.sgd.members(group)) {
            CHECK(member.steps == 0);
            CHECK(member.first.empty());
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
    Run run;
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
    Run run;
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

    break_host(run);
    const EpochReport report = run.epoch();
    REQUIRE(report.panic == Panic::nan);
    CHECK(report.changes.empty());
    CHECK(run.host_values() == host);
    CHECK(run.seed_values("r1c1") == seed);
    CHECK(run.model.slot("r1c1").stage() == Stage::fossilized);
}

TEST_CASE("an epoch is measured, then decided on, then ticked", "[K][I-4][I-8]") {
    Run run;
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
    // The ramp that the decision began has made its first step.
    REQUIRE(report.changes.size() == 1);
    CHECK(report.changes[0].to == Stage::blending);
    CHECK(run.model.slot("r0c0").report().alpha.steps_done == 1);
    CHECK(run.model.slot("r0c0").alpha() > 0.0);
}

}  // namespace
}  // namespace kasmina
