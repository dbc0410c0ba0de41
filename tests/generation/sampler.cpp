// Sampling: the likeliest, temperatures, the likely few, and what is refused (N-9).
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <vector>

#include <kasmina/generation/sampler.hpp>

#include "support/catch.hpp"

namespace kasmina::sampler_test {
namespace {

using generation::Sampler;
using generation::SamplingOptions;

/// Shares of the tokens among many draws.
std::map<std::int32_t, double> shares(const SamplingOptions& options,
                                      const std::vector<double>& logits) {
    constexpr int draws = 20000;
    Sampler sampler(options);
    Generator random(7);
    std::map<std::int32_t, double> found;
    for (int i = 0; i < draws; ++i) {
        found[sampler(std::span<const double>(logits), random)] += 1.0 / draws;
    }
    return found;
}

const std::vector<double> logits{std::log(0.1), std::log(0.4), std::log(0.2), std::log(0.3)};

TEST_CASE("tokens are drawn as often as the softmax says", "[N-9]") {
    auto found = shares({}, logits);
    CHECK(found[0] == Approx(0.1).margin(0.02));
    CHECK(found[1] == Approx(0.4).margin(0.02));
    CHECK(found[2] == Approx(0.2).margin(0.02));
    CHECK(found[3] == Approx(0.3).margin(0.02));
}

TEST_CASE("a low temperature sharpens, and at 0 it is the likeliest token, the first of equals",
          "[N-9]") {
    auto found = shares({.temperature = 0.5}, logits);  // squares: 1, 16, 4, 9 of 30
    CHECK(found[0] == Approx(1.0 / 30).margin(0.02));
    CHECK(found[1] == Approx(16.0 / 30).margin(0.02));
    CHECK(shares({.temperature = 0.0}, logits)[1] == Approx(1.0));
    Sampler greedy({.temperature = 0.0});
    Generator random(1);
    const auto before = random.state();
    const std::vector<float> equal{1.0F, 3.0F, 3.0F};
    CHECK(greedy(std::span<const float>(equal), random) == 1);
    CHECK(random.state() == before);
}

TEST_CASE("only the k likeliest are drawn, in proportion", "[N-9]") {
    auto found = shares({.top_k = 2}, logits);
    CHECK(found.size() == 2);
    CHECK(found[1] == Approx(4.0 / 7).margin(0.02));
    CHECK(found[3] == Approx(3.0 / 7).margin(0.02));
    CHECK(shares({.top_k = 9}, logits).size() == 4);
    CHECK(shares({.top_k = 1}, logits).size() == 1);
}

TEST_CASE("only the fewest that have the share p are drawn", "[N-9]") {
    CHECK(shares({.top_p = 0.39}, logits).size() == 1);
    CHECK(shares({.top_p = 0.6}, logits).size() == 2);
    CHECK(shares({.top_p = 0.85}, logits).size() == 3);
    CHECK(shares({.top_p = 1.0}, logits).size() == 4);
    // Of the two likeliest that k leaves, the first has more than half.
    CHECK(shares({.top_k = 2, .top_p = 0.5}, logits).size() == 1);
}

TEST_CASE("a stream gives the same tokens again", "[N-9][E-3]") {
    Sampler sampler;
    const auto draw = [&](std::uint64_t seed) {
        Generator random(seed);
        std::vector<std::int32_t> tokens;
        for (int i = 0; i < 40; ++i) {
            tokens.push_back(sampler(std::span<const double>(logits), random));
        }
        return tokens;
    };
    CHECK(draw(1) == draw(1));
    CHECK(draw(1) != draw(2));
}

TEST_CASE("options out of range and logits that are no numbers are refused", "[N-9][E-2]") {
    CHECK_THROWS_AS(Sampler({.temperature = -1.0}), OptionError);
    CHECK_THROWS_AS(Sampler({.temperature = std::nan("")}), OptionError);
    CHECK_THROWS_AS(Sampler({.top_k = -1}), OptionError);
    CHECK_THROWS_AS(Sampler({.top_p = 0.0}), OptionError);
    CHECK_THROWS_AS(Sampler({.top_p = 1.5}), OptionError);
    Sampler sampler;
    Generator random(1);
    for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
        const std::vector<double> broken{0.0, bad};
        CHECK_THROWS_AS(sampler(std::span<const double>(broken), random), NumericError);
    }
    CHECK_THROWS_AS(sampler(std::span<const double>(), random), NumericError);
}

}  // namespace
}  // namespace kasmina::sampler_test
