// Sampler: the next token from logits, the likeliest or at random among the likely ones.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <kasmina/check_option.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::generation {

/// The logits are divided by the temperature; of the tokens then the `top_k` likeliest stay, and of
/// these the fewest that have a share of `top_p` of the probability (Holtzman et al., "The curious
/// case of neural text degeneration", 2020).
struct SamplingOptions {
    double temperature = 1.0;  ///< 0: the likeliest token, of equals the first
    Index top_k = 0;           ///< 0: all
    double top_p = 1.0;        ///< 1: all
};

/// Draws tokens; keeps its memory from one to the next.
class Sampler {
public:
    /// Errors: OptionError for a temperature below 0, a negative `top_k`, or a `top_p` outside
    /// (0, 1].
    explicit Sampler(const SamplingOptions& options = {}) : options_(options) {
        constexpr const char* where = "generation::Sampler";
        check_option(where, "temperature", options.temperature, OptionRange::at_least(0.0),
                     "use 1, or 0 for the likeliest token");
        check_option(where, "top_p", options.top_p, OptionRange::above(0.0).at_most(1.0),
                     "use 0.9, or 1 for all");
        static_cast<void>(checked_size(where, "top_k", options.top_k, 0));
    }

    [[nodiscard]] const SamplingOptions& options() const noexcept { return options_; }

    /// One of 0 ... logits.size() - 1; draws from `random` unless the temperature is 0. Errors:
    /// NumericError for logits that are NaN or infinite, or none.
    template <class Scalar>
    [[nodiscard]] std::int32_t operator()(std::span<const Scalar> logits, Generator& random) {
        const std::size_t best = likeliest(logits);
        if (options_.temperature == 0.0) return static_cast<std::int32_t>(best);
        const double most = static_cast<double>(logits[best]);
        candidates_.resize(logits.size());
        for (std::size_t i = 0; i < logits.size(); ++i) {
            const double below = static_cast<double>(logits[i]) - most;
            candidates_[i] = {std::exp(below / options_.temperature), static_cast<std::int32_t>(i)};
        }
        return draw(random);
    }

private:
    struct Candidate {
        double weight;
        std::int32_t token;

        /// Likelier ones first, of equals the first.
        [[nodiscard]] bool operator<(const Candidate& other) const noexcept {
            return weight > other.weight || (weight == other.weight && token < other.token);
        }
    };

    template <class Scalar>
    [[nodiscard]] static std::size_t likeliest(std::span<const Scalar> logits) {
        std::size_t best = 0;
        for (std::size_t i = 0; i < logits.size(); ++i) {
            if (!is_finite(logits[i])) refuse(i);
            if (logits[i] > logits[best]) best = i;
        }
        if (logits.empty()) refuse(0);
        return best;
    }

    [[nodiscard]] std::int32_t draw(Generator& random) {
        std::size_t count = candidates_.size();
        const auto end_of = [this](std::size_t how_many) {
            return candidates_.begin() + static_cast<std::ptrdiff_t>(how_many);
        };
        if (options_.top_k > 0 && static_cast<std::size_t>(options_.top_k) < count) {
            count = static_cast<std::size_t>(options_.top_k);
            std::nth_element(candidates_.begin(), end_of(count - 1), candidates_.end());
        }
        double total = sum(count);
        if (options_.top_p < 1.0) {
            std::sort(candidates_.begin(), end_of(count));
            const double wanted = options_.top_p * total;
            std::size_t kept = 0;
            double reached = 0.0;
            while (kept < count && reached < wanted) reached += candidates_[kept++].weight;
            count = std::max<std::size_t>(1, kept);
            total = sum(count);
        }
        double left = random.uniform() * total;
        for (std::size_t i = 0; i < count; ++i) {
            left -= candidates_[i].weight;
            if (left < 0.0) return candidates_[i].token;
        }
        return candidates_[count - 1].token;  // rounding
    }

    [[nodiscard]] double sum(std::size_t count) const {
        double total = 0.0;
        for (std::size_t i = 0; i < count; ++i) total += candidates_[i].weight;
        return total;
    }

    KASMINA_COLD [[noreturn]] static void refuse(std::size_t at) {
        throw NumericError("there is no token to draw", "generation::Sampler",
                           "finite logits, one or more",
                           "no finite one for token " + std::to_string(at),
                           "look at the network's training: its values may have gone");
    }

    SamplingOptions options_;
    std::vector<Candidate> candidates_{};
};

}  // namespace kasmina::generation
