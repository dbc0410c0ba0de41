// No seed is dead (B-8): every blueprint under every blend algorithm, in a slot of a model.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/optim/adamw.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/testing/gradient_check.hpp>
#include <kasmina/train/learn.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"

namespace kasmina {
namespace {

using B = backends::Eigen<float>;

/// y = x + relu(conv1x1(x)) with conv = 0: the gradient of a ReLU at 0 is 0, so this never learns.
struct Stillborn {
    static constexpr std::string_view name = "stillborn";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;
    using Needs = kasmina::Needs<capability::Pointwise, capability::Convolution>;
    struct Options {};
    static constexpr void check(Index, const Options& = {}) {}
    static constexpr Index parameter_count(Index width, const Options& = {}) {
        return width * width;
    }

    template <class Backend>
    struct Module : nn::Visitable<Module<Backend>> {
        nn::Conv2d<Backend> conv;
        Module(typename Backend::Context& context, Index width, const Options&, Generator&)
            : conv(context, width, width, 1) {}
        [[nodiscard]] Variable<Backend> forward(Pass<Backend>& pass,
                                                const Variable<Backend>& x) const {
            return ops::add(x, ops::relu(conv.forward(pass, x)));
        }
        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"conv", &Module::conv});
        }
    };
};

using Blueprints = CnnBlueprints::with<Stillborn>;
using Model = MorphogeneticModel<hosts::Cnn<B>, Blueprints, test::OpenPolicies>;
using Names = std::set<std::string>;

/// What came of the parameters of one seed and its gate.
struct Findings {
    Names without_gradient;              ///< in none of the first two steps
    Names unmoved;                       ///< after all steps
    Names not_finite;                    ///< a value or a gradient, at any time
    std::vector<SeedMetrics> metrics{};  ///< after each step
};

/// A seed in the small slot of a small host, that has been walked to a stage.
class Trial {
public:
    static constexpr Index images = 8;
    static constexpr Index side = 8;

    Trial(std::string_view blueprint, BlendAlgorithm algorithm, Incubation incubation)
        : model_(make_model(context_)),
          images_(
              Tensor<B>::from_host(context_, {images, side, side, 3},
                                   testing::normal_values<float>(images * side * side * 3, 2))) {
        for (Index i = 0; i < images; ++i) labels_.push_back(static_cast<std::int32_t>(i % 3));
        slot().germinate(blueprint,
                         {.algorithm = algorithm, .tempo_epochs = 2, .incubation = incubation});
    }

    /// Walks the seed on. The tick takes a ramp to one half (I-8).
    void advance_to(Stage goal) {
        while (slot().stage() != goal) REQUIRE(slot().advance().advanced);
        slot().step_epoch();
    }

    [[nodiscard]] Model::SlotType& slot() { return model_.slot("r0c1"); }

    /// The parameters that the stage trains: a straight-through does not run the gate.
    [[nodiscard]] std::vector<Model::Named> trained() {
        std::vector<Model::Named> found = slot().parameters();
        if (slot().stage() == Stage::training && !slot().teaches()) {
            std::erase_if(found, [](const auto& each) { return each.name.starts_with("gate/"); });
        }
        return found;
    }

    template <class Optimiser>
    Findings train(Optimiser optimiser, int steps) {
        optimiser.synchronise(0, model_.parameters());
        Findings findings;
        std::vector<std::vector<float>> start;
        for (const auto& named : trained()) {
            findings.without_gradient.insert(named.name);
            start.push_back(named.parameter->value().to_host(context_));
        }
        for (int step = 1; step <= steps; ++step) {
            backward();
            optimiser.step(context_);
            for (const auto& named : trained()) look_at(named, step, findings);
            findings.metrics.push_back(slot().record()->metrics);
            optimiser.zero_gradients();
        }
        const auto now = trained();
        for (std::size_t i = 0; i < now.size(); ++i) {
            if (now[i].parameter->value().to_host(context_) == start[i]) {
                findings.unmoved.insert(now[i].name);
            }
        }
        return findings;
    }

private:
    static Model make_model(B::Context& context) {
        Generator generator(5);
        return {context,
                hosts::Cnn<B>(
                    context, {.classes = 3, .base = 8, .blocks = 2, .height = side, .width = side}),
                Blueprints{}, generator};
    }

    void backward() {
        tape_.clear();
        Pass<B> pass(tape_, Mode::training);
        static_cast<void>(train::learn(model_, pass, images_, [this](const Variable<B>& logits) {
            return ops::cross_entropy(logits, labels_);
        }));
        model_.record_gradient_health();
    }

    void look_at(const Model::Named& named, int step, Findings& findings) {
        const auto finite = [](float value) { return std::isfinite(value); };
        bool sane = std::ranges::all_of(named.parameter->value().to_host(context_), finite);
        if (named.parameter->has_gradient()) {
            const std::vector<float> gradient = named.parameter->gradient().to_host(context_);
            sane = sane && std::ranges::all_of(gradient, finite);
            const bool alive = std::ranges::any_of(gradient, [](float g) { return g != 0.0F; });
            if (alive && step <= 2) findings.without_gradient.erase(named.name);
        }
        if (!sane) findings.not_finite.insert(named.name);
    }

    B::Context context_{};
    Model model_;
    Tensor<B> images_;
    std::vector<std::int32_t> labels_;
    Tape<B> tape_{context_};
};

optim::Sgd<B> sgd() {
    optim::Sgd<B> optimiser;
    optimiser.add_group({.learning_rate = 0.05, .momentum = 0.9});
    return optimiser;
}

optim::AdamW<B> adamw() {
    optim::AdamW<B> optimiser;
    optimiser.add_group({.learning_rate = 1e-3, .weight_decay = 0.0});
    return optimiser;
}

void check_alive(const Findings& findings) {
    CHECK(findings.without_gradient == Names{});
    CHECK(findings.unmoved == Names{});
    CHECK(findings.not_finite == Names{});
}

/// From the second step on, health is measured, and from step `sane` on (0 is the first) it is what
/// a permissive G2 asks for.
void check_healthy(const Findings& findings, std::size_t sane = 1) {
    for (std::size_t step = 1; step < findings.metrics.size(); ++step) {
        CAPTURE(step);
        const auto& health = findings.metrics[step].parameter_health;
        REQUIRE(health.has_value());
        if (step < sane) continue;
        CHECK(health->health >= GateThresholds{}.min_gradient_health);
        CHECK_FALSE(health->vanishing);
        CHECK_FALSE(health->exploding);
    }
}

/// A seed that trains a few steps behind the host, then a few blended.
template <class MakeOptimiser>
void check_life(std::string_view name, BlendAlgorithm algorithm, Incubation incubation,
                MakeOptimiser make, std::size_t sane = 1) {
    Trial trial(name, algorithm, incubation);
    trial.advance_to(Stage::training);
    const Findings behind = trial.train(make(), 4);
    check_alive(behind);
    CHECK_FALSE(behind.metrics.front().parameter_health.has_value());
    check_healthy(behind, sane);
    trial.advance_to(Stage::blending);
    const Findings blended = trial.train(make(), 4);
    check_alive(blended);
    check_healthy(blended);
}

TEST_CASE("no seed is dead: all that it trains moves, behind the host and blended",
          "[B-8][I-7][I-8][I-9]") {
    for (const std::string_view name : CnnBlueprints::names()) {
        if (name == "noop") continue;  // has nothing to train, and its gate nothing to choose from
        for (const BlendAlgorithm algorithm :
             {BlendAlgorithm::add, BlendAlgorithm::multiply, BlendAlgorithm::gate}) {
            for (const Incubation incubation :
                 {Incubation::feedback, Incubation::straight_through}) {
                CAPTURE(name, name_of(algorithm), name_of(incubation));
                const std::string life = std::string(name) + ", " +
                                         std::string(name_of(algorithm)) + ", " +
                                         std::string(name_of(incubation));
                SECTION(life + ", SGD") {
                    check_life(name, algorithm, incubation, sgd);
                }
                SECTION(life + ", AdamW") {
                    // A step of 1e-3 leaves bottleneck's map so close to 0 that its normalisation
                    // still amplifies the second gradient.
                    check_life(name, algorithm, incubation, adamw, name == "bottleneck" ? 2 : 1);
                }
            }
        }
    }
}

TEST_CASE("a branch that starts at 0 under a ReLU is found dead", "[B-8]") {
    for (const Incubation incubation : {Incubation::feedback, Incubation::straight_through}) {
        Trial trial("stillborn", BlendAlgorithm::add, incubation);
        trial.advance_to(Stage::training);
        const Findings findings = trial.train(sgd(), 4);
        CHECK(findings.without_gradient == Names{"seed/conv.weight"});
        CHECK(findings.unmoved == Names{"seed/conv.weight"});
        CHECK(findings.metrics.back().parameter_health->vanishing);
    }
}

TEST_CASE("a seed without parameters has the gradient ratio 0 in its slot", "[B-8][I-4]") {
    Trial trial("noop", BlendAlgorithm::add, Incubation::feedback);
    for (const Stage stage : {Stage::training, Stage::blending}) {
        trial.advance_to(stage);
        const SeedMetrics metrics = trial.train(sgd(), 2).metrics.back();
        CHECK(metrics.seed_parameters == 0);
        CHECK(metrics.gradient_ratio == 0.0);
        CHECK(metrics.gradient_norm_average == 0.0);
    }
}

}  // namespace
}  // namespace kasmina
