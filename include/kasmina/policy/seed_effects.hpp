// What the blended seeds do to a network's accuracy, measured with counterfactuals in one go.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/model/analyse_slots.hpp>
#include <kasmina/model/contributions.hpp>

namespace kasmina {

/// How much more two blended seeds achieve together than the sum of what each does without the
/// other, with no other seed running, in percentage points (H-5).
struct Interaction {
    std::string first;  ///< the slot that is run before `second`
    std::string second;
    double points = 0.0;
};

/// With all seeds as they are, and by slot.
struct SeedEffects {
    struct Effect {
        std::string slot;
        double points = 0.0;
    };

    double accuracy = 0.0;
    std::vector<Effect> dependences{};  ///< accuracy with the slot minus with its amplitude at 0
    std::vector<Effect> readiness{};    ///< with a seed in training at its target minus without it
    std::vector<Interaction> interactions{};
};

/// Measures how much the network depends on every slot in blending or holding, and its interactions
/// with all blended seeds, fossilized ones included. `accuracies` measures percentage points; it is
/// called once. Errors: those of `analyse_slots`.
template <class Model, ConfigurationMeasure Accuracies>
[[nodiscard]] SeedEffects measure_seed_effects(const Model& model, Accuracies&& accuracies) {
    std::vector<std::string> players;
    std::vector<bool> on_trial;
    for (const auto& slot : model.slots()) {
        const bool trial = slot.stage() == Stage::blending || slot.stage() == Stage::holding;
        if (!trial && slot.stage() != Stage::fossilized) continue;
        players.push_back(slot.name());
        on_trial.push_back(trial);
    }
    return analyse_slots(players, accuracies, [&](const auto& value) {
        const Coalition everybody = Coalition::of_first(players.size());
        SeedEffects found{.accuracy = value(everybody)};
        for (std::size_t i = 0; i < players.size(); ++i) {
            if (on_trial[i]) {
                const double without = value(everybody.without(i));
                found.dependences.push_back({players[i], found.accuracy - without});
            }
            for (std::size_t j = i + 1; j < players.size(); ++j) {
                if (!on_trial[i] && !on_trial[j]) continue;
                found.interactions.push_back(
                    {players[i], players[j], pairwise_interaction(i, j, value)});
            }
        }
        return found;
    });
}

/// Measures what each seed in training would change if it were at its target amplitude now; nothing
/// has adapted to it yet, so that is help (G-10). `effects` has the accuracy without it.
template <class Model, ConfigurationMeasure Accuracies>
void measure_readiness(const Model& model, Accuracies&& accuracies, SeedEffects& effects) {
    std::vector<AlphaOverrides> configurations;
    for (const auto& slot : model.slots()) {
        if (slot.stage() != Stage::training) continue;
        effects.readiness.push_back({slot.name()});
        configurations.push_back(AlphaOverrides{}.with(slot.name(), slot.target_amplitude()));
    }
    if (configurations.empty()) return;
    const std::vector<double> with = accuracies(std::span<const AlphaOverrides>(configurations));
    for (std::size_t i = 0; i < with.size(); ++i) {
        effects.readiness[i].points = with[i] - effects.accuracy;
    }
}

/// Records dependences, readiness and interactions with the seeds that they are about (S-8).
template <class Model>
void record_seed_effects(Model& model, const SeedEffects& effects) {
    for (const auto& [slot, points] : effects.dependences) {
        model.slot(slot).record_dependence(points);
    }
    for (const auto& [slot, points] : effects.readiness) {
        model.slot(slot).record_readiness(points);
    }
    for (auto& slot : model.slots()) {
        double sum = 0.0;
        double boost = 0.0;
        bool measured = false;
        for (const Interaction& pair : effects.interactions) {
            if (pair.first != slot.name() && pair.second != slot.name()) continue;
            measured = true;
            sum += pair.points;
            boost = std::max(boost, pair.points);
        }
        if (measured) slot.record_interactions(sum, boost);
    }
}

}  // namespace kasmina
