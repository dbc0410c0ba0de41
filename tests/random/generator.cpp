// Generator: the published vectors, the distributions, the state, and independent streams.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <set>
#include <span>
#include <vector>

#include <kasmina/random/generator.hpp>

#include "support/catch.hpp"

namespace kasmina::generator_test {
namespace {

static_assert(std::uniform_random_bit_generator<Generator>);

using Block = std::array<std::uint32_t, 4>;

constexpr Block block_of(const Generator::State& state) {
    Generator generator = Generator::from_state(state);
    return {generator(), generator(), generator(), generator()};
}

// Also at compile time.
static_assert(block_of({0, 0, 0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});

/// Mean and variance of many draws.
template <class Draw>
std::pair<double, double> moments(int count, const Draw& draw) {
    double sum = 0.0;
    double squares = 0.0;
    for (int i = 0; i < count; ++i) {
        const double value = draw();
        sum += value;
        squares += value * value;
    }
    const double mean = sum / count;
    return {mean, squares / count - mean * mean};
}

constexpr int draws = 200000;
const double standard_error = 1.0 / std::sqrt(double{draws});

}  // namespace

TEST_CASE("the generator gives the published Philox vectors", "[E-3]") {
    // philox4x32-10 in Random123's kat_vectors. A state is key, stream (the high half of the
    // published counter), counter (its low half) and word.
    CHECK(block_of({~0ULL, ~0ULL, ~0ULL, 0}) ==
          Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(block_of({0, 0, 0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    CHECK(block_of({0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88, 0}) ==
          Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("equal seeds give equal streams, other seeds and streams others", "[E-1][E-3]") {
    Generator first(5);
    Generator same(5);
    Generator other_seed(6);
    Generator other_stream(5, 1);
    int equal_seed = 0;
    int equal_stream = 0;
    for (int i = 0; i < 1000; ++i) {
        const auto bits = first();
        REQUIRE(bits == same());
        equal_seed += bits == other_seed() ? 1 : 0;
        equal_stream += bits == other_stream() ? 1 : 0;
    }
    CHECK(equal_seed <= 1);
    CHECK(equal_stream <= 1);
}

TEST_CASE("a restored generator goes on where the saved one stood", "[E-3]") {
    Generator generator(11);
    for (int words = 0; words < 9; ++words) {
        const Generator::State state = generator.state();
        Generator restored = Generator::from_state(state);
        CHECK(restored.state() == state);
        for (int i = 0; i < 10; ++i) {
            Generator probe = Generator::from_state(generator.state());
            CHECK(restored() == probe());
            generator();
        }
        CHECK(restored.state() == generator.state());
        generator();
    }
    CHECK_THROWS_AS(Generator::from_state({1, 2, 3, 4}), OptionError);
    CHECK_NOTHROW(Generator::from_state({1, 2, 3, 3}));
}

TEST_CASE("uniform numbers lie in [0, 1) with mean 1/2 and variance 1/12", "[E-3]") {
    Generator generator(1);
    double least = 1.0;
    double most = 0.0;
    const auto [mean, variance] = moments(draws, [&] {
        const double value = generator.uniform();
        least = std::min(least, value);
        most = std::max(most, value);
        return value;
    });
    CHECK(least >= 0.0);
    CHECK(most < 1.0);
    CHECK(least < 1e-3);
    CHECK(most > 1.0 - 1e-3);
    CHECK(std::abs(mean - 0.5) < 4 * std::sqrt(1.0 / 12) * standard_error);
    CHECK(std::abs(variance - 1.0 / 12) < 4 * std::sqrt(1.0 / 180) * standard_error);
    for (int i = 0; i < 1000; ++i) {
        const double value = generator.uniform(-2.0, 3.0);
        REQUIRE(value >= -2.0);
        REQUIRE(value < 3.0);
    }
}

TEST_CASE("normal numbers have mean 0, variance 1 and normal tails", "[E-3]") {
    Generator generator(2);
    int within = 0;
    int beyond = 0;
    double previous = generator.normal();
    double products = 0.0;
    const auto [mean, variance] = moments(draws, [&] {
        const double value = generator.normal();
        within += std::abs(value) < 1.0 ? 1 : 0;
        beyond += std::abs(value) > 3.0 ? 1 : 0;
        products += value * previous;
        previous = value;
        return value;
    });
    CHECK(std::abs(mean) < 4 * standard_error);
    CHECK(std::abs(variance - 1.0) < 4 * std::sqrt(2.0) * standard_error);
    CHECK(std::abs(products / draws) < 4 * standard_error);
    const auto share = [](int count) { return static_cast<double>(count) / draws; };
    CHECK(std::abs(share(within) - 0.6826895) < 4 * std::sqrt(0.217) * standard_error);
    CHECK(std::abs(share(beyond) - 0.0026998) < 4 * std::sqrt(0.0027) * standard_error);
}

TEST_CASE("integers below a bound are all as likely", "[E-3]") {
    Generator generator(3);
    constexpr std::uint32_t bound = 7;
    std::array<int, bound> counts{};
    for (int i = 0; i < draws; ++i) ++counts.at(generator.below(bound));
    double chi_square = 0.0;
    for (const int count : counts) {
        const double expected = double{draws} / bound;
        chi_square += (count - expected) * (count - expected) / expected;
    }
    CHECK(chi_square < 22.5);  // 6 degrees of freedom: one in a thousand
    CHECK(generator.below(1) == 0);
    CHECK_NOTHROW(generator.below(0xFFFFFFFFU));
}

TEST_CASE("a shuffle keeps every value and reaches every order", "[E-3]") {
    Generator generator(4);
    std::array<int, 3> values{0, 1, 2};
    std::array<int, 27> orders{};
    constexpr int rounds = 6000;
    for (int i = 0; i < rounds; ++i) {
        values = {0, 1, 2};
        generator.shuffle(std::span<int>(values));
        ++orders.at(static_cast<std::size_t>(9 * values[0] + 3 * values[1] + values[2]));
    }
    int reached = 0;
    for (const int count : orders) {
        if (count == 0) continue;
        ++reached;
        CHECK(std::abs(count - rounds / 6) < 4 * std::sqrt(rounds * 5.0 / 36.0));
    }
    CHECK(reached == 6);

    std::vector<int> many(1000);
    std::iota(many.begin(), many.end(), 0);
    generator.shuffle(std::span<int>(many));
    CHECK(!std::is_sorted(many.begin(), many.end()));
    std::sort(many.begin(), many.end());
    CHECK(many.front() == 0);
    CHECK(std::adjacent_find(many.begin(), many.end()) == many.end());
    std::vector<int> none;
    generator.shuffle(std::span<int>(none));
}

TEST_CASE("split generators are reproducible and share no numbers", "[E-3]") {
    Generator parent(9);
    Generator twin(9);
    Generator first = parent.split();
    Generator second = parent.split();
    Generator grandchild = first.split();
    CHECK(twin.split().split().state() == Generator(9).split().split().state());
    std::set<std::uint32_t> seen;
    for (Generator* generator : {&parent, &first, &second, &grandchild}) {
        for (int i = 0; i < 500; ++i) seen.insert((*generator)());
    }
    CHECK(seen.size() >= 1998);  // of 2000: a chance meeting is allowed
    double products = 0.0;
    for (int i = 0; i < draws; ++i) products += first.normal() * second.normal();
    CHECK(std::abs(products / draws) < 4 * standard_error);
}

}  // namespace kasmina::generator_test
