// SeedTrial: a seed trained for a few steps in a small network, and what came of its parameters.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/model/model.hpp>
#include <kasmina/optim/adamw.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/train/learn.hpp>

#include "support/catch.hpp"

namespace kasmina::test {

using Names = std::set<std::string>;

/// What came of the parameters of one seed and its gate.
struct Findings {
    Names without_gradient;              ///< in none of the first two steps
    Names unmoved;                       ///< after all steps
    Names not_finite;                    ///< a value or a gradient, at any time
    std::vector<SeedMetrics> metrics{};  ///< after each step
};

/// A seed in the slot of a small network, that has been walked to a stage. A `Network` has a
/// `Model`, a `slot` in it, `make_model(context)`, an `input(context)` and a `loss(output)`.
template <class Network>
class Trial {
public:
    using Model = typename Network::Model;
    using B = typename Model::Backend;
    using Input = typename Model::Input;
    using Named = typename Model::Named;

    Trial(std::string_view blueprint, BlendAlgorithm algorithm, Incubation incubation)
        : model_(Network::make_model(context_)), input_(Network::input(context_)) {
        slot().germinate(blueprint,
                         {.algorithm = algorithm, .tempo_epochs = 2, .incubation = incubation});
    }

    /// Walks the seed on. The tick takes a ramp to one half (I-8).
    void advance_to(Stage goal) {
        while (slot().stage() != goal) REQUIRE(slot().advance().advanced);
        slot().step_epoch();
    }

    [[nodiscard]] typename Model::SlotType& slot() { return model_.slot(Network::slot); }

    /// The parameters that the stage trains: a straight-through does not run the gate.
    [[nodiscard]] std::vector<Named> trained() {
        std::vector<Named> found = slot().parameters();
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
    void backward() {
        tape_.clear();
        Pass<B> pass(tape_, Mode::training);
        static_cast<void>(train::learn(
            model_, pass, input_, [](const Variable<B>& output) { return Network::loss(output); }));
        model_.record_gradient_health();
    }

    void look_at(const Named& named, int step, Findings& findings) {
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

    typename B::Context context_{};
    Model model_;
    Input input_;
    Tape<B> tape_{context_};
};

template <class B>
[[nodiscard]] optim::Sgd<B> sgd() {
    optim::Sgd<B> optimiser;
    optimiser.add_group({.learning_rate = 0.05, .momentum = 0.9});
    return optimiser;
}

template <class B>
[[nodiscard]] optim::AdamW<B> adamw() {
    optim::AdamW<B> optimiser;
    optimiser.add_group({.learning_rate = 1e-3, .weight_decay = 0.0});
    return optimiser;
}

inline void check_alive(const Findings& findings) {
    CHECK(findings.without_gradient == Names{});
    CHECK(findings.unmoved == Names{});
    CHECK(findings.not_finite == Names{});
}

/// From the second step on, health is measured, and from step `sane` on (0 is the first) it is what
/// a permissive G2 asks for.
inline void check_healthy(const Findings& findings, std::size_t sane = 1) {
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
template <class Network, class MakeOptimiser>
void check_life(std::string_view name, BlendAlgorithm algorithm, Incubation incubation,
                MakeOptimiser make, std::size_t sane = 1) {
    Trial<Network> trial(name, algorithm, incubation);
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

/// Every blueprint under every blend and incubation, with both optimisers. `sane` says of a
/// blueprint from which step on its health under AdamW is what a permissive G2 asks for.
template <class Network, class Sane>
void check_lives(const Sane& sane) {
    using B = typename Network::Model::Backend;
    for (const std::string_view name : Network::Model::Registry::names()) {
        if (Network::nothing_to_train(name)) continue;
        for (const BlendAlgorithm algorithm :
             {BlendAlgorithm::add, BlendAlgorithm::multiply, BlendAlgorithm::gate}) {
            for (const Incubation incubation :
                 {Incubation::feedback, Incubation::straight_through}) {
                CAPTURE(name, name_of(algorithm), name_of(incubation));
                const std::string life = std::string(name) + ", " +
                                         std::string(name_of(algorithm)) + ", " +
                                         std::string(name_of(incubation));
                SECTION(life + ", SGD") {
                    check_life<Network>(name, algorithm, incubation, sgd<B>);
                }
                SECTION(life + ", AdamW") {
                    check_life<Network>(name, algorithm, incubation, adamw<B>, sane(name));
                }
            }
        }
    }
}

}  // namespace kasmina::test
