// Philox: the counter function behind all random numbers, stateless and usable on a device.
#pragma once

#include <kasmina/requirements.hpp>

#include <cmath>
#include <cstdint>

/// \file
/// Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). Plain
/// functions of numbers: a kernel computes the words that it needs from a RandomRange and shares
/// nothing with anybody.
#if defined(__CUDACC__)
#define KASMINA_RANDOM_FUNCTION __host__ __device__ constexpr
#else
#define KASMINA_RANDOM_FUNCTION constexpr
#endif

namespace kasmina {

/// What one counter gives: four words of 32 random bits.
struct PhiloxBlock {
    std::uint32_t words[4];
};

/// The block of `counter` in a stream of a key.
[[nodiscard]] KASMINA_RANDOM_FUNCTION PhiloxBlock philox(std::uint64_t key, std::uint64_t stream,
                                                         std::uint64_t counter) noexcept {
    PhiloxBlock block{
        {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32U),
         static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32U)}};
    std::uint32_t key0 = static_cast<std::uint32_t>(key);
    std::uint32_t key1 = static_cast<std::uint32_t>(key >> 32U);
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t product0 = std::uint64_t{0xD2511F53} * block.words[0];
        const std::uint64_t product1 = std::uint64_t{0xCD9E8D57} * block.words[2];
        block = {{static_cast<std::uint32_t>(product1 >> 32U) ^ block.words[1] ^ key0,
                  static_cast<std::uint32_t>(product1),
                  static_cast<std::uint32_t>(product0 >> 32U) ^ block.words[3] ^ key1,
                  static_cast<std::uint32_t>(product0)}};
        key0 += 0x9E3779B9U;
        key1 += 0xBB67AE85U;
    }
    return block;
}

/// Where a run of random words begins. Whoever holds it can compute any word of the run, in any
/// order and as often as it likes: an op that draws numbers keeps this and nothing else.
struct RandomRange {
    std::uint64_t key = 0;
    std::uint64_t stream = 0;
    std::uint64_t counter = 0;  ///< of the block that holds the first word
    std::uint32_t word = 0;     ///< of the first word in that block, 0 ... 3

    friend constexpr bool operator==(const RandomRange&, const RandomRange&) noexcept = default;
};

/// The run that begins so many words further on in the stream.
[[nodiscard]] KASMINA_RANDOM_FUNCTION RandomRange further_on(const RandomRange& range,
                                                             std::uint64_t words) noexcept {
    const std::uint64_t from_block = range.word + (words & 3U);
    return {range.key, range.stream, range.counter + (words >> 2U) + (from_block >> 2U),
            static_cast<std::uint32_t>(from_block & 3U)};
}

/// Word `index` of a run. Whoever wants many words in order computes each block once
/// (RandomWords).
[[nodiscard]] KASMINA_RANDOM_FUNCTION std::uint32_t random_word(const RandomRange& range,
                                                                std::uint64_t index) noexcept {
    const std::uint64_t from_block = range.word + (index & 3U);
    const std::uint64_t counter = range.counter + (index >> 2U) + (from_block >> 2U);
    return philox(range.key, range.stream, counter).words[from_block & 3U];
}

/// The words of a run in order from one of them on; a block is computed once for its four words.
class RandomWords {
public:
    KASMINA_RANDOM_FUNCTION explicit RandomWords(const RandomRange& range,
                                                 std::uint64_t first = 0) noexcept
        : key_(range.key),
          stream_(range.stream),
          counter_(range.counter + (first >> 2U) + ((range.word + (first & 3U)) >> 2U)),
          word_(static_cast<std::uint32_t>((range.word + first) & 3U)),
          block_(philox(key_, stream_, counter_)) {}

    KASMINA_RANDOM_FUNCTION std::uint32_t next() noexcept {
        if (word_ == 4) {
            word_ = 0;
            block_ = philox(key_, stream_, ++counter_);
        }
        return block_.words[word_++];
    }

private:
    std::uint64_t key_;
    std::uint64_t stream_;
    std::uint64_t counter_;
    std::uint32_t word_;
    PhiloxBlock block_;
};

/// Two words to a number in [0, 1) with 53 random bits.
[[nodiscard]] KASMINA_RANDOM_FUNCTION double uniform53(std::uint32_t high,
                                                       std::uint32_t low) noexcept {
    const std::uint64_t bits = (std::uint64_t{high} << 32U) | low;
    return static_cast<double>(bits >> 11U) * 0x1.0p-53;
}

/// A number in [0, 1) stretched to [low, high), rounded once: whether a compiler fuses products and
/// sums is up to its flags, and equal ranges must give equal bits on every machine.
[[nodiscard]]
#if defined(__CUDACC__)
__host__ __device__
#endif
    inline double
    stretched(double unit, double low, double high) noexcept {
    using std::fma;
    return fma(high - low, unit, low);
}

}  // namespace kasmina
