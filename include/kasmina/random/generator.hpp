// Generator: the one source of random numbers, a position in a counter-based stream.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/random/philox.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina {

/// Hands out the words of a Philox stream (philox.hpp) one by one. Equal seeds give equal streams
/// on every platform and backend; the whole state is a plain value (spec E-3). Satisfies
/// UniformRandomBitGenerator.
class Generator {
public:
    using result_type = std::uint32_t;

    /// What it is called in a checkpoint.
    static constexpr std::string_view part_name = "generator";

    /// Everything needed to go on exactly where the stream stands: words are handed out one by
    /// one from the block that `counter` names.
    struct State {
        std::uint64_t key = 0;
        std::uint64_t stream = 0;
        std::uint64_t counter = 0;
        std::uint32_t word = 0;

        using Fields = reflect::List<&State::key, &State::stream, &State::counter, &State::word>;

        /// Of its form in a checkpoint. 1: the first.
        static constexpr int schema = 1;

        friend constexpr bool operator==(const State&, const State&) noexcept = default;
    };

    explicit constexpr Generator(std::uint64_t seed = 0, std::uint64_t stream = 0) noexcept
        : state_{seed, stream, 0, 0}, block_(philox(seed, stream, 0)) {}

    /// Errors: OptionError when `state.word` is above 3.
    static constexpr Generator from_state(const State& state) {
        if (state.word > 3) {
            throw OptionError("a random state is out of range", "Generator::from_state",
                              "word in 0..3", std::to_string(state.word),
                              "restore a state that Generator::state() returned");
        }
        Generator generator;
        generator.state_ = state;
        generator.load();
        return generator;
    }

    [[nodiscard]] constexpr const State& state() const noexcept { return state_; }

    static constexpr result_type min() noexcept { return 0; }
    static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }

    /// 32 random bits.
    constexpr result_type operator()() noexcept {
        const result_type bits = block_.words[state_.word];
        if (++state_.word == 4) {
            state_.word = 0;
            ++state_.counter;
            load();
        }
        return bits;
    }

    /// Uniform in [0, 1) with 53 random bits.
    constexpr double uniform() noexcept {
        const std::uint32_t high = (*this)();
        return uniform53(high, (*this)());
    }

    /// Uniform in [low, high).
    double uniform(double low, double high) noexcept { return stretched(uniform(), low, high); }

    /// Standard normal (Box-Muller; the second value is not kept, so the state stays a counter).
    double normal() noexcept {
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
        return radius * std::cos(2.0 * std::numbers::pi * uniform());
    }

    /// Uniform integer in [0, bound), without bias. Errors: OptionError for a bound of 0, below
    /// which there is no number.
    constexpr std::uint32_t below(std::uint32_t bound) {
        if (bound == 0) refuse_bound();
        const std::uint32_t rejected = (0U - bound) % bound;
        std::uint32_t bits = (*this)();
        while (bits < rejected) bits = (*this)();
        return bits % bound;
    }

    /// Fisher-Yates shuffle in place.
    template <class T>
    constexpr void shuffle(std::span<T> values) {
        for (std::size_t left = values.size(); left > 1; --left) {
            std::swap(values[left - 1], values[below(static_cast<std::uint32_t>(left))]);
        }
    }

    /// Sets the next `words` words aside for somebody who computes them from the range, where and
    /// when it likes; this generator goes on behind them.
    constexpr RandomRange reserve(std::uint64_t words) noexcept {
        const RandomRange range{state_.key, state_.stream, state_.counter, state_.word};
        const std::uint64_t from_block = state_.word + (words & 3U);
        state_.counter += (words >> 2U) + (from_block >> 2U);
        state_.word = static_cast<std::uint32_t>(from_block & 3U);
        load();
        set_aside_ += words;
        return range;
    }

    /// Words that `reserve` gave away since this object was made: what else was drawn, the host has
    /// seen.
    [[nodiscard]] constexpr std::uint64_t set_aside() const noexcept { return set_aside_; }

    /// An independent generator, keyed by the next 64 bits of this one.
    constexpr Generator split() noexcept {
        const std::uint64_t high = (*this)();
        const std::uint64_t low = (*this)();
        return Generator((high << 32U) | low, state_.stream + 1);
    }

private:
    [[noreturn]] KASMINA_COLD static void refuse_bound() {
        throw OptionError("there is no number below the bound", "Generator::below",
                          "a bound of 1 or more", "0", "ask only where there is a choice");
    }

    constexpr void load() noexcept { block_ = philox(state_.key, state_.stream, state_.counter); }

    State state_;
    PhiloxBlock block_;  // of state_.counter
    std::uint64_t set_aside_ = 0;
};

}  // namespace kasmina
