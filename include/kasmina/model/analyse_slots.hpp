// Contributions of slots: the analyses of contributions.hpp, with measured networks as values.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/error.hpp>
#include <kasmina/model/contributions.hpp>
#include <kasmina/slot/alpha_overrides.hpp>

namespace kasmina {

/// Measures a network under each of some configurations of amplitudes, for instance its accuracy on
/// validation data (`mean_scores`); returns one number for each.
template <class M>
concept ConfigurationMeasure =
    requires(M& measure, std::span<const AlphaOverrides> configurations) {
        { measure(configurations) } -> std::convertible_to<std::vector<double>>;
    };

/// Says in one line what measures configurations; a macro, so that it stands where the compiler
/// comes by first.
#define KASMINA_REQUIRE_CONFIGURATION_MEASURE(MEASURE)                                             \
    static_assert(::kasmina::ConfigurationMeasure<MEASURE>,                                        \
                  "ConfigurationMeasure: let it be called with `std::span<const AlphaOverrides>` " \
                  "and return a std::vector<double>, one score for each, as mean_scores does");

/// The configuration in which the players of `coalition` are as they are and the other players
/// are not run; `players` are slot names. Errors: OptionError for a coalition with a player beyond
/// these, or a player named twice.
[[nodiscard]] inline AlphaOverrides overrides_of(Coalition coalition,
                                                 std::span<const std::string> players) {
    if (coalition.span() > players.size()) {
        throw OptionError("a coalition has a player that is not there", "overrides_of",
                          "players below " + std::to_string(players.size()),
                          "player " + std::to_string(coalition.span() - 1),
                          "name all players, in the order of their numbers");
    }
    AlphaOverrides overrides;
    for (std::size_t i = 0; i < players.size(); ++i) {
        if (std::ranges::find(players.first(i), players[i]) !=
            players.begin() + static_cast<std::ptrdiff_t>(i)) {
            throw OptionError("a player is named twice", "overrides_of", "each slot once",
                              players[i], "name each slot once");
        }
        if (!coalition.contains(i)) overrides = std::move(overrides).with(players[i], 0.0);
    }
    return overrides;
}

/// What `analysis(value)` finds for the game of these slots, with each coalition that it asks for
/// measured once, all in one call of `measure`:
///
///     const auto shares = analyse_slots(slots, accuracies, [&](const auto& value) {
///         return shapley_values(slots.size(), value);
///     });
///
/// Slots that are no players stay as they are. `analysis` is called twice, the first time to learn
/// what it asks for, and must ask for the same both times. Errors: ShapeError when `measure`
/// returns another number of values; OptionError for a player named twice; those of `measure` and
/// of the analysis.
template <ConfigurationMeasure Measure, class Analysis>
[[nodiscard]] auto analyse_slots(std::span<const std::string> players, Measure&& measure,
                                 Analysis&& analysis) {
    const std::vector<Coalition> needed = coalitions_of(analysis);
    std::vector<AlphaOverrides> configurations;
    for (const Coalition coalition : needed) {
        configurations.push_back(overrides_of(coalition, players));
    }
    const std::vector<double> measured = measure(std::span<const AlphaOverrides>(configurations));
    if (measured.size() != needed.size()) {
        throw ShapeError("measured values are missing, or too many", "analyse_slots",
                         std::to_string(needed.size()) + " values, one per configuration",
                         std::to_string(measured.size()),
                         "return one value for each configuration, in their order");
    }
    CoalitionValues values;
    for (std::size_t k = 0; k < needed.size(); ++k) values.set(needed[k], measured[k]);
    return analysis(std::as_const(values));
}

}  // namespace kasmina
