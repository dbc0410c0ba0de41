// Governor: watches the training loss and calls a panic when training has gone off the rails.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/check_option.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina {

/// Why the governor panics. The names are the prune reasons of spec S-4.
enum class Panic : unsigned char {
    nan,         ///< a loss, or a value of the network itself, that is not finite
    lobotomy,    ///< a trained network suddenly guesses at random
    divergence,  ///< losses far outside the recent range, several times in a row
};

[[nodiscard]] constexpr std::string_view prune_reason(Panic panic) noexcept {
    switch (panic) {
        case Panic::nan: return "governor_nan";
        case Panic::lobotomy: return "governor_lobotomy";
        case Panic::divergence: break;
    }
    return "governor_divergence";
}

/// Bounds of the governor (spec section 11).
struct GovernorOptions {
    std::size_t minimum_history = 10;       ///< losses before anything but NaN can be a panic
    double trained_fraction = 0.6;          ///< of the random-guess loss: below it, trained
    double random_guess_tolerance = 0.065;  ///< the same: so close to it, guessing
    /// What a divergence is above, in the loss's unit. Not said: 12 (nats) where there is a
    /// random-guess loss, and none where not, for then nobody knows what a loss is in.
    std::optional<double> absolute_bound{};
    double deviations = 6.0;
    double multiple_of_mean = 3.0;
    int strikes = 3;  ///< outliers in a row that make a divergence

    using Fields =
        reflect::List<&GovernorOptions::minimum_history, &GovernorOptions::trained_fraction,
                      &GovernorOptions::random_guess_tolerance, &GovernorOptions::absolute_bound,
                      &GovernorOptions::deviations, &GovernorOptions::multiple_of_mean,
                      &GovernorOptions::strikes>;
};

/// As they were in schema 1.
struct GovernorOptionsBefore2 {
    std::size_t minimum_history = 10;
    double trained_fraction = 0.6;
    double random_guess_tolerance = 0.065;  ///< in nats
    double absolute_bound = 12.0;
    double deviations = 6.0;
    double multiple_of_mean = 3.0;
    int strikes = 3;

    using Fields =
        reflect::List<&GovernorOptionsBefore2::minimum_history,
                      &GovernorOptionsBefore2::trained_fraction,
                      &GovernorOptionsBefore2::random_guess_tolerance,
                      &GovernorOptionsBefore2::absolute_bound, &GovernorOptionsBefore2::deviations,
                      &GovernorOptionsBefore2::multiple_of_mean, &GovernorOptionsBefore2::strikes>;
};
struct GovernorStateBefore2 {
    double random_guess_loss = 1.0;
    GovernorOptionsBefore2 options{};
    std::vector<double> losses{};
    std::size_t next = 0;
    int strikes = 0;

    using Fields = reflect::List<&GovernorStateBefore2::random_guess_loss,
                                 &GovernorStateBefore2::options, &GovernorStateBefore2::losses,
                                 &GovernorStateBefore2::next, &GovernorStateBefore2::strikes>;
    static constexpr int schema = 1;
};

/// All that a governor remembers.
struct GovernorState {
    std::optional<double> random_guess_loss{};
    GovernorOptions options{};
    std::vector<double> losses{};  ///< the last good ones, as they lie in the governor's ring
    std::size_t next = 0;          ///< where in the ring the next one goes
    int strikes = 0;               ///< outliers in a row so far

    using Fields =
        reflect::List<&GovernorState::random_guess_loss, &GovernorState::options,
                      &GovernorState::losses, &GovernorState::next, &GovernorState::strikes>;

    /// Of its form in a checkpoint. 1: always with a random-guess loss, and its tolerance in nats.
    /// 2: with one or without, and a share of it.
    static constexpr int schema = 2;
    using Before = GovernorStateBefore2;
    [[nodiscard]] static GovernorState migrated(Before&& before) {
        const GovernorOptionsBefore2& was = before.options;
        return {.random_guess_loss = before.random_guess_loss,
                .options = {.minimum_history = was.minimum_history,
                            .trained_fraction = was.trained_fraction,
                            .random_guess_tolerance =
                                was.random_guess_tolerance / before.random_guess_loss,
                            .absolute_bound = was.absolute_bound,
                            .deviations = was.deviations,
                            .multiple_of_mean = was.multiple_of_mean,
                            .strikes = was.strikes},
                .losses = std::move(before.losses),
                .next = before.next,
                .strikes = before.strikes};
    }
};

/// A loss that is still on its way from the backend.
template <class L>
concept PendingLoss = requires(L& loss) {
    { loss.get() } -> std::convertible_to<double>;
};

/// Observes one loss after another. A plain value: copying it takes a snapshot of it.
class Governor {
public:
    using State = GovernorState;

    static constexpr std::size_t window = 20;
    static constexpr double default_absolute_bound = 12.0;  ///< nats

    /// `random_guess_loss` is ln(classes) for a classifier; a task that has none, such as a
    /// regression, gives none. Errors: OptionError unless it is positive and finite, and for
    /// options out of range.
    explicit Governor(std::optional<double> random_guess_loss = std::nullopt,
                      const GovernorOptions& options = {})
        : random_guess_loss_(random_guess_loss), options_(options) {
        check(random_guess_loss, options);
    }

    /// The panic that this loss causes, if any. Outliers do not enter the history that later
    /// losses are held against.
    [[nodiscard]] std::optional<Panic> observe(double loss) noexcept {
        if (!is_finite(loss)) return Panic::nan;
        if (count_ >= options_.minimum_history) {
            const double mean = mean_of_history();
            if (guesses_again(loss, mean)) return Panic::lobotomy;
            if (is_outlier(loss, mean)) {
                if (++strikes_ >= options_.strikes) return Panic::divergence;
                return std::nullopt;
            }
        }
        strikes_ = 0;
        losses_[next_] = loss;
        next_ = (next_ + 1) % window;
        if (count_ < window) ++count_;
        return std::nullopt;
    }

    /// The same for a loss that was read without waiting (`Variable::read`); waits for it here.
    template <PendingLoss Loss>
    [[nodiscard]] std::optional<Panic> observe(Loss&& loss) {
        return observe(static_cast<double>(loss.get()));
    }

    /// Forgets the strikes after a rollback; the history of good losses stays.
    void recover() noexcept { strikes_ = 0; }

    [[nodiscard]] int strikes() const noexcept { return strikes_; }

    [[nodiscard]] State state() const {
        return {random_guess_loss_, options_,
                std::vector<double>(losses_.begin(),
                                    losses_.begin() + static_cast<std::ptrdiff_t>(count_)),
                next_, strikes_};
    }

    /// Goes on where `state` stood, under its bounds. Errors: StateError for a state that no
    /// governor can have, OptionError for bounds that no governor can; nothing is changed then.
    void restore(const State& state) {
        check(state.random_guess_loss, state.options);
        const bool whole = state.losses.size() == window;
        if (state.losses.size() > window || !std::ranges::all_of(state.losses, is_sane)) {
            refuse_state("losses", "at most " + std::to_string(window) + " finite ones",
                         std::to_string(state.losses.size()) + " losses");
        }
        if (whole ? state.next >= window : state.next != state.losses.size()) {
            refuse_state("next", "a place in the ring, behind the losses until it is full",
                         std::to_string(state.next));
        }
        if (state.strikes < 0) {
            refuse_state("strikes", "at least 0", std::to_string(state.strikes));
        }
        random_guess_loss_ = state.random_guess_loss;
        options_ = state.options;
        losses_ = {};
        std::ranges::copy(state.losses, losses_.begin());
        next_ = state.next;
        count_ = state.losses.size();
        strikes_ = state.strikes;
    }

private:
    static void check(std::optional<double> random_guess_loss, const GovernorOptions& options) {
        if (random_guess_loss) {
            check_option("Governor", "the random-guess loss", *random_guess_loss,
                         OptionRange::above(0.0),
                         "pass ln(number of classes), or nothing where there is no such loss");
        }
        check_option("Governor", "minimum_history", static_cast<double>(options.minimum_history),
                     OptionRange::at_least(1.0).at_most(static_cast<double>(window)));
        check_option("Governor", "strikes", options.strikes, OptionRange::at_least(1.0));
        check_option("Governor", "trained_fraction", options.trained_fraction,
                     OptionRange::at_least(0.0));
        check_option("Governor", "random_guess_tolerance", options.random_guess_tolerance,
                     OptionRange::at_least(0.0));
        if (options.absolute_bound) {
            check_option("Governor", "absolute_bound", *options.absolute_bound,
                         OptionRange::at_least(0.0));
        }
        check_option("Governor", "deviations", options.deviations, OptionRange::at_least(0.0));
        check_option("Governor", "multiple_of_mean", options.multiple_of_mean,
                     OptionRange::at_least(0.0));
    }

    [[noreturn]] KASMINA_COLD static void refuse_state(const std::string& part,
                                                       const std::string& expected,
                                                       std::string got) {
        throw StateError("a governor cannot have this state: " + part, "Governor::restore",
                         expected, std::move(got), "restore what state() returned");
    }

    static bool is_sane(double loss) noexcept { return is_finite(loss); }

    [[nodiscard]] double mean_of_history() const noexcept {
        double sum = 0.0;
        for (std::size_t i = 0; i < count_; ++i) sum += losses_[i];
        return sum / static_cast<double>(count_);
    }

    /// A trained network that suddenly guesses at random.
    [[nodiscard]] bool guesses_again(double loss, double mean) const noexcept {
        if (!random_guess_loss_) return false;
        const double guess = *random_guess_loss_;
        return mean < options_.trained_fraction * guess &&
               std::abs(loss - guess) <= options_.random_guess_tolerance * guess;
    }

    [[nodiscard]] bool is_outlier(double loss, double mean) const noexcept {
        double squares = 0.0;
        for (std::size_t i = 0; i < count_; ++i) {
            squares += (losses_[i] - mean) * (losses_[i] - mean);
        }
        const double deviation = std::sqrt(squares / static_cast<double>(count_));
        const std::optional<double> bound =
            options_.absolute_bound
                ? options_.absolute_bound
                : (random_guess_loss_ ? std::optional(default_absolute_bound) : std::nullopt);
        return (!bound || loss > *bound) && loss > mean + options_.deviations * deviation &&
               loss > options_.multiple_of_mean * mean;
    }

    std::optional<double> random_guess_loss_;
    GovernorOptions options_;
    std::array<double, window> losses_{};
    std::size_t next_ = 0;
    std::size_t count_ = 0;
    int strikes_ = 0;
};

}  // namespace kasmina
