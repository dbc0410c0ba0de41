// Generator: the one source of random numbers, counter-based (Philox 4x32-10) and serialisable.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>
#include <string>
#include <utility>

#include <kasmina/error.hpp>

namespace kasmina {

/// Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
/// Equal seeds give equal streams on every platform and backend; the whole state is a plain value
/// (spec E-3). Satisfies UniformRandomBitGenerator.
class Generator {
public:
    using result_type = std::uint32_t;

    /// Everything needed to go on exactly where the stream stands: words are handed out one by
    /// one from the block that `counter` names.
    struct State {
        std::uint64_t key = 0;
        std::uint64_t stream = 0;
        std::uint64_t counter = 0;
        std::uint32_t word = 0;

        friend constexpr bool operator==(const State&, const State&) noexcept = default;
    };

    explicit constexpr Generator(std::uint64_t seed = 0, std::uint64_t stream = 0) noexcept
        : state_{seed, stream, 0, 0} {}

    /// Errors: OptionError when `state.word` is above 3.
    static constexpr Generator from_state(const State& state) {
        if (state.word > 3) {
            throw OptionError("a random state is out of range", "Generator::from_state",
                              "word in 0..3", std::to_string(state.word),
                              "restore a state that Generator::state() returned");
        }
        Generator generator;
        generator.state_ = state;
        return generator;
    }

    [[nodiscard]] constexpr const State& state() const noexcept { return state_; }

    static constexpr result_type min() noexcept { return 0; }
    static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }

    /// 32 random bits.
    constexpr result_type operator()() noexcept {
        const Block block = philox(state_);
        const result_type bits = block[state_.word];
        if (++state_.word == 4) {
            state_.word = 0;
            ++state_.counter;
        }
        return bits;
    }

    /// Uniform in [0, 1) with 53 random bits.
    constexpr double uniform() noexcept {
        const std::uint64_t high = (*this)();
        const std::uint64_t low = (*this)();
        return static_cast<double>(((high << 32U) | low) >> 11U) * 0x1.0p-53;
    }

    /// Uniform in [low, high).
    constexpr double uniform(double low, double high) noexcept {
        return low + (high - low) * uniform();
    }

    /// Standard normal (Box-Muller; the second value is not kept, so the state stays a counter).
    double normal() noexcept {
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
        return radius * std::cos(2.0 * std::numbers::pi * uniform());
    }

    /// Uniform integer in [0, bound), without bias. `bound` must be positive.
    constexpr std::uint32_t below(std::uint32_t bound) noexcept {
        const std::uint32_t rejected = (0U - bound) % bound;
        std::uint32_t bits = (*this)();
        while (bits < rejected) bits = (*this)();
        return bits % bound;
    }

    /// Fisher-Yates shuffle in place.
    template <class T>
    constexpr void shuffle(std::span<T> values) noexcept {
        for (std::size_t left = values.size(); left > 1; --left) {
            std::swap(values[left - 1], values[below(static_cast<std::uint32_t>(left))]);
        }
    }

    /// An independent generator, keyed by the next 64 bits of this one.
    constexpr Generator split() noexcept {
        const std::uint64_t high = (*this)();
        const std::uint64_t low = (*this)();
        return Generator((high << 32U) | low, state_.stream + 1);
    }

private:
    using Block = std::array<std::uint32_t, 4>;

    static constexpr Block philox(const State& state) noexcept {
        Block block{static_cast<std::uint32_t>(state.counter),
                    static_cast<std::uint32_t>(state.counter >> 32U),
                    static_cast<std::uint32_t>(state.stream),
                    static_cast<std::uint32_t>(state.stream >> 32U)};
        std::uint32_t key0 = static_cast<std::uint32_t>(state.key);
        std::uint32_t key1 = static_cast<std::uint32_t>(state.key >> 32U);
        for (int round = 0; round < 10; ++round) {
            const std::uint64_t product0 = std::uint64_t{0xD2511F53} * block[0];
            const std::uint64_t product1 = std::uint64_t{0xCD9E8D57} * block[2];
            block = {static_cast<std::uint32_t>(product1 >> 32U) ^ block[1] ^ key0,
                     static_cast<std::uint32_t>(product1),
                     static_cast<std::uint32_t>(product0 >> 32U) ^ block[3] ^ key1,
                     static_cast<std::uint32_t>(product0)};
            key0 += 0x9E3779B9U;
            key1 += 0xBB67AE85U;
        }
        return block;
    }

    State state_;
};

}  // namespace kasmina
