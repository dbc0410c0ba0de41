// Contributions: what each player of a game brings, from the values of coalitions.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/error.hpp>
#include <kasmina/random/generator.hpp>

/// \file
/// Cooperative games with players 0, 1, ...: here the players are slots, and the value of a
/// coalition is the score (or any other number) of the network with just these slots (spec H-5).
/// Nothing in this file knows that. A value is a callable from a Coalition to a number; which
/// coalitions an analysis asks for does not depend on their values, so they can be collected first
/// (`coalitions_of`) and measured together.
namespace kasmina {

/// A set of players.
class Coalition {
public:
    static constexpr std::size_t max_players = 64;

    /// Nobody.
    constexpr Coalition() noexcept = default;

    /// The first `players` of all. Errors: OptionError for more than 64.
    [[nodiscard]] static constexpr Coalition of_first(std::size_t players) {
        if (players == max_players) return Coalition(~std::uint64_t{0});
        return Coalition(bit(players) - 1);
    }
    /// The players whose bit is set.
    [[nodiscard]] static constexpr Coalition of_bits(std::uint64_t bits) noexcept {
        return Coalition(bits);
    }

    /// Errors of these: OptionError for a player that no coalition has a place for.
    [[nodiscard]] constexpr Coalition with(std::size_t player) const {
        return Coalition(bits_ | bit(player));
    }
    [[nodiscard]] constexpr Coalition without(std::size_t player) const {
        return Coalition(bits_ & ~bit(player));
    }
    [[nodiscard]] constexpr bool contains(std::size_t player) const {
        return (bits_ & bit(player)) != 0;
    }
    [[nodiscard]] constexpr std::size_t size() const noexcept {
        return static_cast<std::size_t>(std::popcount(bits_));
    }
    /// One more than the last player's number.
    [[nodiscard]] constexpr std::size_t span() const noexcept {
        return static_cast<std::size_t>(64 - std::countl_zero(bits_));
    }
    [[nodiscard]] constexpr std::uint64_t bits() const noexcept { return bits_; }

    friend constexpr auto operator<=>(const Coalition&, const Coalition&) noexcept = default;

private:
    explicit constexpr Coalition(std::uint64_t bits) noexcept : bits_(bits) {}
    [[nodiscard]] static constexpr std::uint64_t bit(std::size_t player) {
        if (player >= max_players) refuse(player);
        return std::uint64_t{1} << player;
    }
    [[noreturn]] KASMINA_COLD static void refuse(std::size_t player) {
        throw OptionError("a coalition has no place for that player", "Coalition",
                          "players below " + std::to_string(max_players), std::to_string(player),
                          "analyse fewer slots at a time");
    }

    std::uint64_t bits_ = 0;
};

/// Tells what a coalition achieves.
template <class V>
concept CoalitionValue = requires(V& value, Coalition coalition) {
    { value(coalition) } -> std::convertible_to<double>;
};

/// Values that are known already.
class CoalitionValues {
public:
    void set(Coalition coalition, double value) { values_[coalition] = value; }

    /// Errors: OptionError for a coalition whose value is not known.
    [[nodiscard]] double operator()(Coalition coalition) const {
        const auto found = values_.find(coalition);
        if (found != values_.end()) return found->second;
        throw OptionError("the value of a coalition is not known", "CoalitionValues",
                          "one of the " + std::to_string(values_.size()) + " that are",
                          "the coalition with bits " + std::to_string(coalition.bits()),
                          "collect what the analysis needs with coalitions_of");
    }

    [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }

private:
    std::map<Coalition, double> values_;
};

/// The coalitions whose value `analysis(value)` asks for, each once, ascending.
template <class Analysis>
[[nodiscard]] std::vector<Coalition> coalitions_of(Analysis&& analysis) {
    std::set<Coalition> asked;
    analysis([&asked](Coalition coalition) {
        asked.insert(coalition);
        return 0.0;
    });
    return {asked.begin(), asked.end()};
}

namespace detail {

inline void check_players(std::size_t players, const char* where) {
    if (players <= Coalition::max_players) return;
    throw OptionError("a game has too many players", where,
                      "at most " + std::to_string(Coalition::max_players) + " players",
                      std::to_string(players), "analyse fewer slots at a time");
}

}  // namespace detail

/// What each player achieves alone: v(i) - v(nobody). Errors: OptionError for more than 64 players.
template <CoalitionValue V>
[[nodiscard]] std::vector<double> solo_contributions(std::size_t players, V&& value) {
    detail::check_players(players, "solo_contributions");
    const double nobody = value(Coalition{});
    std::vector<double> alone;
    for (std::size_t i = 0; i < players; ++i) alone.push_back(value(Coalition{}.with(i)) - nobody);
    return alone;
}

/// What is lost without each player: v(all) - v(all but i). Errors: OptionError for more than 64
/// players.
template <CoalitionValue V>
[[nodiscard]] std::vector<double> leave_one_out(std::size_t players, V&& value) {
    detail::check_players(players, "leave_one_out");
    const Coalition everybody = Coalition::of_first(players);
    const double all = value(everybody);
    std::vector<double> lost;
    for (std::size_t i = 0; i < players; ++i) lost.push_back(all - value(everybody.without(i)));
    return lost;
}

/// A number for each pair of players, whatever their order; 0 for a player with itself.
class PairMatrix {
public:
    explicit PairMatrix(std::size_t players) : players_(players), values_(players * players) {}

    [[nodiscard]] std::size_t players() const noexcept { return players_; }
    [[nodiscard]] double operator()(std::size_t i, std::size_t j) const noexcept {
        return values_[i * players_ + j];
    }
    void set(std::size_t i, std::size_t j, double value) noexcept {
        values_[i * players_ + j] = value;
        values_[j * players_ + i] = value;
    }

private:
    std::size_t players_;
    std::vector<double> values_;
};

/// I_ij = v(ij) - v(i) - v(j) + v(nobody): above 0 two players achieve more together than the sum
/// of what each does alone.
template <CoalitionValue V>
[[nodiscard]] double pairwise_interaction(std::size_t i, std::size_t j, V&& value) {
    const double alone = value(Coalition{}.with(i)) + value(Coalition{}.with(j));
    return value(Coalition{}.with(i).with(j)) + value(Coalition{}) - alone;
}

/// `pairwise_interaction` of all pairs, each value asked for once. Errors: OptionError for more
/// than 64 players.
template <CoalitionValue V>
[[nodiscard]] PairMatrix pairwise_interactions(std::size_t players, V&& value) {
    detail::check_players(players, "pairwise_interactions");
    const double nobody = value(Coalition{});
    std::vector<double> alone;
    for (std::size_t i = 0; i < players; ++i) alone.push_back(value(Coalition{}.with(i)));
    PairMatrix interactions(players);
    for (std::size_t i = 0; i < players; ++i) {
        for (std::size_t j = i + 1; j < players; ++j) {
            const double both = value(Coalition{}.with(i).with(j));
            interactions.set(i, j, both + nobody - (alone[i] + alone[j]));
        }
    }
    return interactions;
}

/// Up to so many players `shapley_values` looks at all coalitions.
inline constexpr std::size_t max_shapley_players = 8;

/// Each player's exact Shapley value: the mean, over all orders in which players can join, of what
/// it adds when it joins (Shapley, "A value for n-person games", 1953). They add up to
/// v(all) - v(nobody). Asks for each of the 2^players values once. Errors: OptionError for more
/// than 8 players.
template <CoalitionValue V>
[[nodiscard]] std::vector<double> shapley_values(std::size_t players, V&& value) {
    if (players > max_shapley_players) {
        throw OptionError("exact Shapley values are for few players", "shapley_values",
                          "at most " + std::to_string(max_shapley_players) + " players",
                          std::to_string(players), "use estimate_shapley_values");
    }
    std::vector<double> of(std::size_t{1} << players);
    for (std::size_t bits = 0; bits < of.size(); ++bits) of[bits] = value(Coalition::of_bits(bits));

    // weights[s]: the share of orders in which just a given s of the others come first.
    std::vector<double> weights(players);
    for (std::size_t first = 0; first < players; ++first) {
        double choices = static_cast<double>(players);
        for (std::size_t k = 1; k <= first; ++k) {
            choices *= static_cast<double>(players - k) / static_cast<double>(k);
        }
        weights[first] = 1.0 / choices;
    }
    std::vector<double> shares(players);
    for (std::size_t player = 0; player < players; ++player) {
        for (std::size_t bits = 0; bits < of.size(); ++bits) {
            const Coalition before = Coalition::of_bits(bits);
            if (before.contains(player)) continue;
            const double added = of[before.with(player).bits()] - of[bits];
            shares[player] += weights[before.size()] * added;
        }
    }
    return shares;
}

/// An order in which all players join.
using JoiningOrder = std::vector<std::size_t>;

/// `count` orders, independent and uniform. Errors: OptionError for more than 64 players, or fewer
/// than two orders, from which there is no standard error.
[[nodiscard]] inline std::vector<JoiningOrder> sample_joining_orders(std::size_t players,
                                                                     std::size_t count,
                                                                     Generator& generator) {
    detail::check_players(players, "sample_joining_orders");
    if (count < 2) {
        throw OptionError("too few orders for a standard error", "sample_joining_orders",
                          "2 orders or more", std::to_string(count), "sample more orders");
    }
    std::vector<JoiningOrder> orders(count, JoiningOrder(players));
    for (JoiningOrder& order : orders) {
        std::iota(order.begin(), order.end(), std::size_t{0});
        generator.shuffle(std::span(order));
    }
    return orders;
}

/// Shapley values from a sample of orders.
struct ShapleyEstimate {
    std::vector<double> values;
    std::vector<double> standard_errors;  ///< of the values, one standard deviation
};

/// Estimates Shapley values as the mean of what each player adds over the given orders (Castro,
/// Gómez, Tejada, "Polynomial calculation of the Shapley value based on sampling", 2009). Unbiased;
/// they too add up to v(all) - v(nobody). Errors: OptionError for fewer than two orders, or one
/// that does not name each player once.
template <CoalitionValue V>
[[nodiscard]] ShapleyEstimate estimate_shapley_values(std::span<const JoiningOrder> orders,
                                                      V&& value) {
    const std::size_t players = orders.empty() ? 0 : orders.front().size();
    detail::check_players(players, "estimate_shapley_values");
    const Coalition everybody = Coalition::of_first(players);
    for (const JoiningOrder& order : orders) {
        Coalition named;
        for (const std::size_t player : order) {
            if (player < players) named = named.with(player);
        }
        if (order.size() == players && named == everybody) continue;
        throw OptionError("an order does not name each player once", "estimate_shapley_values",
                          "a permutation of " + std::to_string(players) + " players",
                          std::to_string(order.size()) + " entries, " +
                              std::to_string(named.size()) + " different players",
                          "use sample_joining_orders");
    }
    if (orders.size() < 2) {
        throw OptionError("too few orders for a standard error", "estimate_shapley_values",
                          "2 orders or more", std::to_string(orders.size()), "sample more orders");
    }

    // Welford's update, so that a small spread beside a large mean is not lost.
    std::vector<double> means(players);
    std::vector<double> squares(players);
    double seen = 0.0;
    for (const JoiningOrder& order : orders) {
        seen += 1.0;
        Coalition before;
        double reached = value(before);
        for (const std::size_t player : order) {
            before = before.with(player);
            const double next = value(before);
            const double deviation = (next - reached) - means[player];
            means[player] += deviation / seen;
            squares[player] += deviation * ((next - reached) - means[player]);
            reached = next;
        }
    }
    ShapleyEstimate estimate{std::move(means), std::move(squares)};
    for (double& square : estimate.standard_errors) {
        square = std::sqrt(square / (seen - 1.0) / seen);
    }
    return estimate;
}

}  // namespace kasmina
