// EarlyStopping: ends a run whose score gets no better, and may bring the best network back.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <kasmina/check_option.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/model/network_copy.hpp>
#include <kasmina/moved_from.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina::train {

/// When to stop.
struct EarlyStoppingOptions {
    int patience = 10;               ///< epochs without improvement after which it is enough
    double least_improvement = 0.0;  ///< an improvement is more than this (min_delta)
    bool falls = false;              ///< less is better, as of a loss
    bool keep_best = true;           ///< keeps a copy of the network at its best, for `bring_back`

    using Fields =
        reflect::List<&EarlyStoppingOptions::patience, &EarlyStoppingOptions::least_improvement,
                      &EarlyStoppingOptions::falls, &EarlyStoppingOptions::keep_best>;
};

/// All that it remembers. Move-only, for the tensors' sake.
template <class B>
struct EarlyStoppingState {
    EarlyStoppingOptions options{};
    std::optional<double> best{};  ///< absent before the first score
    int best_epoch = 0;
    int epochs = 0;  ///< that were heard of
    std::optional<NetworkCopy<B>> network{};

    using Fields = reflect::List<&EarlyStoppingState::options, &EarlyStoppingState::best,
                                 &EarlyStoppingState::best_epoch, &EarlyStoppingState::epochs,
                                 &EarlyStoppingState::network>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;
};

/// Watches a score, an epoch at a time. One that is no number is no improvement. Errors of whatever
/// takes a model: LifetimeError when it was moved from.
template <class Model>
class EarlyStopping {
public:
    using B = typename Model::Backend;
    using State = EarlyStoppingState<B>;

    /// What it is called in a checkpoint.
    static constexpr std::string_view part_name = "early_stopping";

    /// Errors: OptionError for a patience below 1, or a least improvement that is negative or no
    /// number.
    explicit EarlyStopping(const EarlyStoppingOptions& options = {}) {
        check(options);
        state_.options = options;
    }

    /// Tells an epoch's score of the network as it is, and keeps a copy where that is the best so
    /// far. True when it is time to stop.
    [[nodiscard]] bool watch(Model& model, double score) {
        moved_.check("early stopping");
        const bool better = is_better(score);
        if (better && state_.options.keep_best) state_.network = NetworkCopy<B>::of(model);
        ++state_.epochs;
        if (better) {
            state_.best = score;
            state_.best_epoch = state_.epochs;
        }
        return should_stop();
    }

    [[nodiscard]] bool should_stop() const noexcept {
        return state_.epochs - state_.best_epoch >= state_.options.patience;
    }
    /// Absent before the first score.
    [[nodiscard]] std::optional<double> best() const noexcept { return state_.best; }
    /// From 1; 0 before the first score.
    [[nodiscard]] int best_epoch() const noexcept { return state_.best_epoch; }

    /// The network becomes what it was at its best, seeds in their stages and all; whatever trains
    /// it is to be synchronised after it. Errors: StateError where no copy was kept; those of
    /// `NetworkCopy::restore`. Nothing is changed then.
    void bring_back(Model& model) const {
        moved_.check("early stopping");
        if (!state_.network) {
            throw StateError("there is no network to bring back", where(),
                             "one that was kept at its best",
                             state_.options.keep_best ? "no score that is a number" : "none",
                             "watch an epoch first, with keep_best = true");
        }
        state_.network->restore(model);
    }

    /// All of it, with a copy of the best network.
    [[nodiscard]] KASMINA_RARE State state(Model& model) const {
        moved_.check("early stopping");
        State state{.options = state_.options,
                    .best = state_.best,
                    .best_epoch = state_.best_epoch,
                    .epochs = state_.epochs,
                    .network = std::nullopt};
        if (state_.network) state.network = state_.network->clone(model.context());
        return state;
    }

    /// Goes on where `state` stood. Errors: as `prepare`; nothing is changed then.
    void restore(Model& model, const State& state) { *this = prepare(model, state); }

    /// What `restore` makes of it. Of a state that is moved here the tensors are taken over, of
    /// another one copied. Errors: OptionError for options out of range, StateError for counts that
    /// cannot be.
    template <class S>
        requires std::same_as<std::remove_cvref_t<S>, State>
    [[nodiscard]] KASMINA_RARE EarlyStopping prepare(Model& model, S&& state) const {
        moved_.check("early stopping");
        if (state.best_epoch < 0 || state.epochs < state.best_epoch ||
            state.best.has_value() != (state.best_epoch > 0) ||
            !is_finite(state.best.value_or(0.0))) {
            throw StateError(
                "early stopping cannot have this state", where(),
                "0 <= best_epoch <= epochs, and a best score from its epoch on",
                std::to_string(state.best_epoch) + " of " + std::to_string(state.epochs),
                "restore what state() returned");
        }
        EarlyStopping next(state.options);
        if constexpr (std::is_lvalue_reference_v<S>) {
            next.state_.network.reset();
            if (state.network) next.state_.network = state.network->clone(model.context());
        } else {
            next.state_.network = std::move(state.network);
        }
        next.state_.best = state.best;
        next.state_.best_epoch = state.best_epoch;
        next.state_.epochs = state.epochs;
        return next;
    }

    /// The part of `restore` that cannot fail.
    void exchange(EarlyStopping& other) noexcept { std::swap(*this, other); }

private:
    [[nodiscard]] static std::string where() { return "train::EarlyStopping"; }

    static void check(const EarlyStoppingOptions& options) {
        check_option(where(), "patience", options.patience, OptionRange::at_least(1.0));
        check_option(where(), "least_improvement", options.least_improvement,
                     OptionRange::at_least(0.0));
    }

    [[nodiscard]] bool is_better(double score) const noexcept {
        if (!is_finite(score)) return false;
        if (!state_.best) return true;
        const double gain = state_.options.falls ? *state_.best - score : score - *state_.best;
        return gain > state_.options.least_improvement;
    }

    State state_{};
    MovedFrom moved_{};
};

}  // namespace kasmina::train
