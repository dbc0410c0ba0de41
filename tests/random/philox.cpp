// The counter function: any word of a run, in any order, is the word that the generator gives.
#include <cstdint>
#include <vector>

#include <kasmina/random/generator.hpp>

#include "support/catch.hpp"

namespace kasmina::philox_test {
namespace {

// On a device it must be a plain function of numbers.
static_assert(philox(0, 0, 0).words[0] == 0x6627e8d5U);
static_assert(random_word({0, 0, 0, 3}, 0) == 0x9b00dbd8U);

TEST_CASE("a reserved range holds the words that drawing one by one gives", "[E-3][P-1]") {
    for (const std::uint32_t offset : {0U, 1U, 2U, 3U}) {
        for (const std::uint64_t count : {0U, 1U, 2U, 3U, 4U, 5U, 8U, 1001U}) {
            CAPTURE(offset, count);
            Generator one_by_one(5, 6);
            Generator reserving(5, 6);
            for (std::uint32_t i = 0; i < offset; ++i) {
                static_cast<void>(one_by_one());
                static_cast<void>(reserving());
            }
            const RandomRange range = reserving.reserve(count);
            std::vector<std::uint32_t> drawn;
            for (std::uint64_t i = 0; i < count; ++i) drawn.push_back(one_by_one());
            bool equal = true;
            for (std::uint64_t i = count; i > 0; --i) {
                equal = equal && random_word(range, i - 1) == drawn[i - 1];
            }
            CHECK(equal);
            for (std::uint64_t first = 0; first < count; first += 1 + first / 2) {
                RandomWords words(range, first);
                for (std::uint64_t i = first; i < count; ++i)
                    equal = equal && words.next() == drawn[i];
            }
            CHECK(equal);
            CHECK(reserving.state() == one_by_one.state());
            CHECK(reserving() == one_by_one());
        }
    }
}

TEST_CASE("a range further on begins where as many words have been drawn", "[E-3][X-2]") {
    for (std::uint64_t before = 0; before < 5; ++before) {
        for (const std::uint64_t words : {0U, 1U, 2U, 3U, 4U, 5U, 1023U}) {
            Generator generator(11, 2);
            static_cast<void>(generator.reserve(before));
            const RandomRange range = generator.reserve(words);
            CHECK(further_on(range, words) == generator.reserve(1));
            CHECK(generator.set_aside() == before + words + 1);
        }
    }
    Generator seen(11);
    static_cast<void>(seen());
    CHECK(seen.set_aside() == 0);
}

TEST_CASE("uniform numbers are made of two words", "[E-3]") {
    Generator generator(3);
    const RandomRange range = Generator(3).reserve(2);
    CHECK(generator.uniform() == uniform53(random_word(range, 0), random_word(range, 1)));
    CHECK(uniform53(0, 0) == 0.0);
    CHECK(uniform53(0xFFFFFFFFU, 0xFFFFFFFFU) < 1.0);
}

TEST_CASE("a generator goes on from its state in the middle of a block", "[E-3]") {
    Generator generator(8, 1);
    for (int i = 0; i < 6; ++i) static_cast<void>(generator());
    Generator restored = Generator::from_state(generator.state());
    for (int i = 0; i < 10; ++i) CHECK(restored() == generator());
}

}  // namespace
}  // namespace kasmina::philox_test
