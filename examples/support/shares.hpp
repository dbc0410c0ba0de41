// What each of the seeds that stayed brings to a network at the end of its run.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <kasmina/model/analyse_slots.hpp>
#include <kasmina/slot/alpha_overrides.hpp>

#include "summary.hpp"

namespace kasmina::examples {

/// Fills in what the fossilized seeds bring at the end, on the trainer's held-out data.
template <class Trainer, class Model>
void measure_at_the_end(std::vector<SlotContribution>& contributions, Trainer& trainer,
                        const Model& model) {
    std::vector<std::string> players;
    for (const SlotContribution& each : contributions) players.push_back(each.slot);
    const std::size_t count = players.size();
    const auto scores = [&](std::span<const AlphaOverrides> configurations) {
        return trainer.scores(model, configurations);
    };
    const auto [without, alone, shares] = analyse_slots(players, scores, [&](const auto& value) {
        return std::array{leave_one_out(count, value), solo_contributions(count, value),
                          shapley_values(count, value)};
    });
    for (std::size_t i = 0; i < count; ++i) {
        contributions[i].leave_one_out = without[i];
        contributions[i].alone = alone[i];
        contributions[i].shapley = shares[i];
    }
}

}  // namespace kasmina::examples
