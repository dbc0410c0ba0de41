// What players of a game bring: against games whose answers are known, and against brute force.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include <kasmina/model/contributions.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::contributions_test {
namespace {

constexpr double tolerance = 1e-12;

bool close(const std::vector<double>& a, const std::vector<double>& b, double within = tolerance) {
    return std::ranges::equal(a, b,
                              [within](double x, double y) { return std::abs(x - y) <= within; });
}

/// A game with a random value for each coalition of the first `players`.
std::vector<double> random_game(std::size_t players, std::uint64_t seed) {
    Generator generator(seed);
    std::vector<double> values(std::size_t{1} << players);
    for (double& value : values) value = 80.0 + 5.0 * generator.normal();
    return values;
}

auto look_up(const std::vector<double>& game) {
    return [&game](Coalition coalition) {
        return game.at(static_cast<std::size_t>(coalition.bits()));
    };
}

/// Shapley values by their definition: the mean over all orders.
std::vector<double> mean_over_all_orders(std::size_t players, const std::vector<double>& game) {
    std::vector<std::size_t> order(players);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::vector<double> sums(players);
    double orders = 0.0;
    do {
        Coalition before;
        for (const std::size_t player : order) {
            const Coalition after = before.with(player);
            sums[player] += look_up(game)(after) - look_up(game)(before);
            before = after;
        }
        orders += 1.0;
    } while (std::ranges::next_permutation(order).found);
    for (double& sum : sums) sum /= orders;
    return sums;
}

TEST_CASE("a coalition is a set of players", "[H-5]") {
    constexpr Coalition some = Coalition{}.with(1).with(5).with(1);
    STATIC_REQUIRE(some.size() == 2);
    STATIC_REQUIRE(some.contains(5));
    STATIC_REQUIRE_FALSE(some.contains(0));
    STATIC_REQUIRE(some.span() == 6);
    STATIC_REQUIRE(some.without(5) == Coalition::of_bits(2));
    STATIC_REQUIRE(some.without(0) == some);
    STATIC_REQUIRE(Coalition{}.size() == 0);
    STATIC_REQUIRE(Coalition::of_first(3).bits() == 7);
    STATIC_REQUIRE(Coalition::of_first(64).size() == 64);
    STATIC_REQUIRE(Coalition::of_first(64).contains(63));
}

TEST_CASE("where players only add up, all analyses give what each adds", "[H-5]") {
    const std::vector<double> adds{2.0, -1.0, 0.0, 4.5};
    const auto value = [&adds](Coalition coalition) {
        double total = 60.0;
        for (std::size_t i = 0; i < adds.size(); ++i) total += coalition.contains(i) ? adds[i] : 0;
        return total;
    };
    CHECK(close(solo_contributions(4, value), adds));
    CHECK(close(leave_one_out(4, value), adds));
    CHECK(close(shapley_values(4, value), adds));
    const PairMatrix interactions = pairwise_interactions(4, value);
    for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t j = 0; j < 4; ++j) CHECK(std::abs(interactions(i, j)) < tolerance);
    }
    Generator generator(1);
    const auto orders = sample_joining_orders(4, 10, generator);
    const ShapleyEstimate estimate = estimate_shapley_values(orders, value);
    CHECK(close(estimate.values, adds));
    CHECK(close(estimate.standard_errors, {0.0, 0.0, 0.0, 0.0}, 1e-9));
}

TEST_CASE("games of the textbooks have their known Shapley values", "[H-5]") {
    // A left glove and two right ones: only a pair is worth something.
    const auto gloves = [](Coalition coalition) {
        return coalition.contains(0) && (coalition.contains(1) || coalition.contains(2)) ? 1.0
                                                                                         : 0.0;
    };
    CHECK(close(shapley_values(3, gloves), {2.0 / 3, 1.0 / 6, 1.0 / 6}));
    CHECK(solo_contributions(3, gloves) == std::vector{0.0, 0.0, 0.0});
    CHECK(leave_one_out(3, gloves) == std::vector{1.0, 0.0, 0.0});
    const PairMatrix pairs = pairwise_interactions(3, gloves);
    CHECK(pairs.players() == 3);
    CHECK(pairs(0, 1) == 1.0);
    CHECK(pairs(1, 0) == 1.0);
    CHECK(pairs(1, 2) == 0.0);
    CHECK(pairs(2, 2) == 0.0);

    // A runway must be as long as the longest aeroplane needs: 8, 11 and 13.
    const auto runway = [](Coalition coalition) {
        return coalition.contains(2)   ? 13.0
               : coalition.contains(1) ? 11.0
               : coalition.contains(0) ? 8.0
                                       : 0.0;
    };
    CHECK(close(shapley_values(3, runway), {8.0 / 3, 8.0 / 3 + 1.5, 8.0 / 3 + 1.5 + 2.0}));
}

TEST_CASE("exact Shapley values are the mean over all joining orders and share out everything",
          "[H-5]") {
    for (const std::size_t players : {1U, 2U, 3U, 5U, 8U}) {
        const std::vector<double> game = random_game(players, 10 + players);
        const std::vector<double> shares = shapley_values(players, look_up(game));
        CAPTURE(players);
        CHECK(close(shares, mean_over_all_orders(players, game), 1e-9));
        CHECK(std::abs(std::accumulate(shares.begin(), shares.end(), 0.0) -
                       (game.back() - game.front())) < 1e-9);
    }
    const auto nothing = [](Coalition) { return 1.0; };
    CHECK(shapley_values(0, nothing).empty());
    CHECK(solo_contributions(0, nothing).empty());
    CHECK(leave_one_out(0, nothing).empty());
}

TEST_CASE("sampled Shapley values of every order are the exact ones", "[H-5]") {
    const std::vector<double> game = random_game(4, 3);
    std::vector<JoiningOrder> orders;
    JoiningOrder order{0, 1, 2, 3};
    do {
        orders.push_back(order);
    } while (std::ranges::next_permutation(order).found);
    CHECK(close(estimate_shapley_values(orders, look_up(game)).values,
                shapley_values(4, look_up(game)), 1e-9));
}

TEST_CASE("the standard error tells how far sampled Shapley values are off", "[H-5]") {
    constexpr std::size_t players = 10;
    constexpr std::size_t repeats = 400;
    const std::vector<double> game = random_game(players, 4);

    // The exact ones by their formula, in a form of its own: sum over coalitions S without i of
    // |S|! (n - |S| - 1)! / n! (v(S + i) - v(S)).
    std::vector<double> exact(players);
    for (std::uint64_t bits = 0; bits < game.size(); ++bits) {
        const Coalition before = Coalition::of_bits(bits);
        const double size = static_cast<double>(before.size());
        const double weight = std::exp(std::lgamma(size + 1) + std::lgamma(players - size) -
                                       std::lgamma(players + 1.0));
        for (std::size_t i = 0; i < players; ++i) {
            if (before.contains(i)) continue;
            exact[i] += weight * (look_up(game)(before.with(i)) - look_up(game)(before));
        }
    }
    Generator generator(5);
    double squared_errors = 0.0;
    double claimed = 0.0;
    std::vector<double> means(players);
    for (std::size_t repeat = 0; repeat < repeats; ++repeat) {
        const auto orders = sample_joining_orders(players, 20, generator);
        const ShapleyEstimate estimate = estimate_shapley_values(orders, look_up(game));
        CHECK(std::abs(std::accumulate(estimate.values.begin(), estimate.values.end(), 0.0) -
                       (game.back() - game.front())) < 1e-9);
        for (std::size_t i = 0; i < players; ++i) {
            squared_errors += std::pow(estimate.values[i] - exact[i], 2);
            claimed += std::pow(estimate.standard_errors[i], 2);
            means[i] += estimate.values[i] / repeats;
        }
    }
    // 4,000 squared errors: their mean is known to about 3 %.
    CHECK(squared_errors / claimed == Approx(1.0).epsilon(0.15));
    const double error_of_mean = std::sqrt(claimed / (players * repeats) / repeats);
    for (std::size_t i = 0; i < players; ++i) {
        CHECK(std::abs(means[i] - exact[i]) < 5.0 * error_of_mean);
    }
}

TEST_CASE("joining orders are permutations, each as likely, and the same for the same generator",
          "[H-5][E-3]") {
    Generator generator(6);
    Generator again(6);
    constexpr std::size_t count = 6000;
    const auto orders = sample_joining_orders(3, count, generator);
    CHECK((orders == sample_joining_orders(3, count, again)));
    JoiningOrder order{0, 1, 2};
    std::size_t seen = 0;
    do {
        const auto times = static_cast<std::size_t>(std::ranges::count(orders, order));
        CHECK(times > 850);  // 1,000 expected, standard deviation 29
        CHECK(times < 1150);
        seen += times;
    } while (std::ranges::next_permutation(order).found);
    CHECK(seen == count);
}

TEST_CASE("an analysis tells beforehand which coalitions it asks for", "[H-5]") {
    const auto asked = [](auto analysis) { return coalitions_of(analysis).size(); };
    CHECK(asked([](const auto& value) { return solo_contributions(5, value); }) == 6);
    CHECK(asked([](const auto& value) { return leave_one_out(5, value); }) == 6);
    CHECK(asked([](const auto& value) { return pairwise_interactions(5, value); }) == 1 + 5 + 10);
    CHECK(asked([](const auto& value) { return shapley_values(5, value); }) == 32);
    Generator generator(7);
    const auto orders = sample_joining_orders(5, 2, generator);
    const auto sampled =
        coalitions_of([&](const auto& value) { return estimate_shapley_values(orders, value); });
    CHECK(sampled.size() <= 2 * 4 + 2);
    CHECK(std::ranges::count(sampled, Coalition{}) == 1);
    CHECK(std::ranges::count(sampled, Coalition::of_first(5)) == 1);

    // What was collected is all that the analysis needs.
    CoalitionValues values;
    for (const Coalition coalition : sampled) values.set(coalition, 1.0);
    CHECK(close(estimate_shapley_values(orders, values).values, std::vector<double>(5, 0.0)));
    CHECK(test::mentions(
        test::error_text<OptionError>([&] { static_cast<void>(shapley_values(5, values)); }),
        "coalitions_of"));
}

TEST_CASE("NaN stays with the coalitions that have it", "[H-5]") {
    const auto value = [](Coalition coalition) {
        return coalition.contains(1) ? std::numeric_limits<double>::quiet_NaN() : 50.0;
    };
    const std::vector<double> alone = solo_contributions(3, value);
    CHECK(alone[0] == 0.0);
    CHECK(std::isnan(alone[1]));
    CHECK(alone[2] == 0.0);
}

TEST_CASE("too many players, too few orders and broken orders are errors", "[H-5][E-2]") {
    const auto value = [](Coalition) { return 0.0; };
    Generator generator(8);
    CHECK_THROWS_AS(solo_contributions(65, value), OptionError);
    CHECK_THROWS_AS(leave_one_out(65, value), OptionError);
    CHECK_THROWS_AS(pairwise_interactions(65, value), OptionError);
    CHECK_THROWS_AS(sample_joining_orders(65, 2, generator), OptionError);
    CHECK_THROWS_AS(sample_joining_orders(3, 1, generator), OptionError);
    CHECK(test::mentions(
        test::error_text<OptionError>([&] { static_cast<void>(shapley_values(9, value)); }),
        "estimate_shapley_values"));
    const auto refused = [&](std::vector<JoiningOrder> orders) {
        return test::error_text<OptionError>(
            [&] { static_cast<void>(estimate_shapley_values(orders, value)); });
    };
    CHECK(test::mentions(refused({}), "2 orders or more"));
    CHECK(test::mentions(refused({{0, 1, 2}}), "2 orders or more"));
    CHECK(test::mentions(refused({{0, 1, 2}, {0, 1, 1}}), "each player once"));
    CHECK(test::mentions(refused({{0, 1, 2}, {0, 1}}), "each player once"));
    CHECK(test::mentions(refused({{0, 1, 2}, {0, 1, 3}}), "each player once"));
}

}  // namespace
}  // namespace kasmina::contributions_test
