// What the blended seeds do to a network's score, measured with counterfactuals in one go.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/model/analyse_slots.hpp>
#include <kasmina/model/contributions.hpp>
#include <kasmina/statistics/score_kind.hpp>

namespace kasmina {

/// How much more two blended seeds achieve together than the sum of what each does without the
/// other, with no other seed running, as a gain (H-5).
struct Interaction {
    std::string first;  ///< the slot that is run before `second`
    std::string second;
    double gain = 0.0;
};

/// With all seeds as they are, and by slot.
struct SeedEffects {
    struct Effect {
        std::string slot;
        double gain = 0.0;
    };

    double score = 0.0;
    std::vector<Effect> dependences{};  ///< of the network over the same with an amplitude at 0
    std::vector<Effect> readiness{};    ///< with a seed in training at its target over without it
    std::vector<Interaction> interactions{};
};

/// Measures how much the network depends on every slot in blending or holding, and its interactions
/// with all blended seeds, fossilized ones included. `scores` measures what `model.score_kind()`
/// says; it is called once. Errors: those of `analyse_slots`.
template <class Model, ConfigurationMeasure Scores>
[[nodiscard]] SeedEffects measure_seed_effects(const Model& model, Scores&& scores) {
    std::vector<std::string> players;
    std::vector<bool> on_trial;
    for (const auto& slot : model.slots()) {
        const bool trial = slot.stage() == Stage::blending || slot.stage() == Stage::holding;
        if (!trial && slot.stage() != Stage::fossilized) continue;
        players.push_back(slot.name());
        on_trial.push_back(trial);
    }
    const ScoreKind& kind = model.score_kind();
    return analyse_slots(players, scores, [&](const auto& value) {
        // Above 0 is better, whichever way the score goes.
        const auto worth = [&](const Coalition& coalition) {
            return kind.gain(0.0, value(coalition));
        };
        const Coalition everybody = Coalition::of_first(players.size());
        SeedEffects found{.score = value(everybody)};
        for (std::size_t i = 0; i < players.size(); ++i) {
            if (on_trial[i]) {
                const double without = value(everybody.without(i));
                found.dependences.push_back({players[i], kind.gain(without, found.score)});
            }
            for (std::size_t j = i + 1; j < players.size(); ++j) {
                if (!on_trial[i] && !on_trial[j]) continue;
                found.interactions.push_back(
                    {players[i], players[j], pairwise_interaction(i, j, worth)});
            }
        }
        return found;
    });
}

/// Measures what each seed in training would gain if it were at its target amplitude now; nothing
/// has adapted to it yet, so that is help (G-10). `effects` has the score without it.
template <class Model, ConfigurationMeasure Scores>
void measure_readiness(const Model& model, Scores&& scores, SeedEffects& effects) {
    std::vector<AlphaOverrides> configurations;
    for (const auto& slot : model.slots()) {
        if (slot.stage() != Stage::training) continue;
        effects.readiness.push_back({slot.name()});
        configurations.push_back(AlphaOverrides{}.with(slot.name(), slot.target_amplitude()));
    }
    if (configurations.empty()) return;
    const std::vector<double> with = scores(std::span<const AlphaOverrides>(configurations));
    for (std::size_t i = 0; i < with.size(); ++i) {
        effects.readiness[i].gain = model.score_kind().gain(effects.score, with[i]);
    }
}

/// Records dependences, readiness and interactions with the seeds that they are about (S-8).
template <class Model>
void record_seed_effects(Model& model, const SeedEffects& effects) {
    for (const auto& [slot, gain] : effects.dependences) {
        model.slot(slot).record_dependence(gain);
    }
    for (const auto& [slot, gain] : effects.readiness) {
        model.slot(slot).record_readiness(gain);
    }
    for (auto& slot : model.slots()) {
        double sum = 0.0;
        double boost = 0.0;
        bool measured = false;
        for (const Interaction& pair : effects.interactions) {
            if (pair.first != slot.name() && pair.second != slot.name()) continue;
            measured = true;
            sum += pair.gain;
            boost = std::max(boost, pair.gain);
        }
        if (measured) slot.record_interactions(sum, boost);
    }
}

}  // namespace kasmina
