// Trainer: a network that is trained and grown, epoch by epoch, composed of parts that work alone.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/error.hpp>
#include <kasmina/model/mean_scores.hpp>
#include <kasmina/moved_from.hpp>
#include <kasmina/policy/grower.hpp>
#include <kasmina/train/epoch_result.hpp>
#include <kasmina/train/in_epoch.hpp>
#include <kasmina/train/learner.hpp>
#include <kasmina/train/schedule.hpp>
#include <kasmina/train/source.hpp>
#include <kasmina/train/trainer_state.hpp>

namespace kasmina::train {

/// What a trainer needs to know beside its parts.
struct TrainerOptions {
    int epochs = 0;  ///< of the whole run, for the schedule and `run`
    /// ln(classes) for a classifier; nothing where the task has none. The governor's.
    std::optional<double> random_guess_loss{};
    Generator random{};           ///< the host's random operations draw from it
    bool score_training = false;  ///< whether training batches are scored too
    GovernorOptions governor{};
};

/// Trains a model on batches, grows it after each epoch and scores it on held-out batches. Each
/// part is a policy and works alone: the source of batches (`BatchSource`), the loss
/// (`LossOfBatch`), a schedule of rates (`Schedule`), the update rule, the judge, the controller,
/// the score. Source and held-out batches are the trainer's own; a span or a view refers to what is
/// elsewhere. It keeps no hold of the model, which may move between epochs, but knows it from
/// others. Errors of all of it: LifetimeError when it was moved from, or the model was; StateError
/// for another model.
template <class Model, class Rule, class Source, class HeldOut, class C, class Loss = CrossEntropy,
          class Rates = CosineSchedule, class Score = AccuracyScore,
          class Judge = judge::Shadows<Model, optim::Optimiser<typename Model::Backend, Rule>>>
class Trainer {
    static_assert(BatchSource<Source, typename Model::Input>,
                  "BatchSource: give the source `start_epoch()` and `next()`, which points to a "
                  "batch with a member `input` until it is false, or pass a range of such batches");
    static_assert(BatchRange<HeldOut&, typename Model::Input>,
                  "BatchRange: pass held-out batches as a range, each with a member `input`, which "
                  "is what the model's host takes");
    static_assert(Controller<C>,
                  "Controller: give the controller `std::vector<Decision> decide(const "
                  "EpochObservation&)`");
    static_assert(LossOfBatch<Loss, typename Model::Output, BatchOf<Source, typename Model::Input>,
                              typename Model::Backend>,
                  "LossOfBatch: let the loss be called as `loss(output, batch)` and return one "
                  "Variable, as ops::cross_entropy(output, batch.labels) does");
    static_assert(RateSchedule<Rates>,
                  "Schedule: let the schedule be called as `schedule(double done) const`, or as "
                  "`schedule.after(std::int64_t count) const`, and return the factor of the rates");
    static_assert(BatchScore<Score, HeldOut&, typename Model::Output>,
                  "BatchScore: let the score be called as `score(batch, output)` and return a "
                  "number, or something with `double get()`");

public:
    using B = typename Model::Backend;
    using LearnerType = Learner<Model, Rule, Judge>;
    using GrowerType = Grower<Model, C>;
    using SourceState = SourceStateOf<Source>;
    using Batch = BatchOf<Source, typename Model::Input>;

    /// Whether training batches are of a kind that the score takes.
    static constexpr bool can_score_training =
        detail::TrainingScoreOf<Score, Batch, typename Model::Output>::exists;

    /// What it is called in a checkpoint.
    static constexpr std::string_view part_name = "trainer";

    /// With a controller that can be restored.
    template <RestorableController Restorable>
    using StateOf =
        TrainerState<typename LearnerType::State, GrowerStateOf<B, Restorable>, SourceState>;

    /// Takes the first snapshot of the model, and scores a held-out batch, so that one that does
    /// not fit is found before anything is trained. Errors: OptionError for options out of range,
    /// without a held-out batch, and for a score that falls where the model's does not, or the
    /// other way round (a score may say so by a `static constexpr bool falls`); what scoring
    /// throws; those of the learner and the grower.
    Trainer(Model& model, Source source, HeldOut held_out, const LearnerOptions<Rule>& optimiser,
            C controller, const TrainerOptions& options, Loss loss = {}, Rates rates = {},
            Score score = {}, Judge judge = {})
        : source_(std::move(source)),
          held_out_(std::move(held_out)),
          loss_(std::move(loss)),
          rates_(std::move(rates)),
          score_(std::move(score)),
          learner_(model, optimiser, options.random, std::move(judge)),
          grower_(model, std::move(controller), options.random_guess_loss, options.governor),
          epochs_(checked(options.epochs)),
          score_training_(checked(options.score_training)),
          host_rate_(optimiser.host.learning_rate),
          seed_rate_(optimiser.seeds.learning_rate) {
        if constexpr (requires { rates_.check(); }) rates_.check();
        check_direction(model);
        try_held_out(model);
    }

    /// All epochs that are left; `on_epoch(result)` hears of each, and `on_step(result)` of each
    /// step. Errors: as `epoch`.
    template <std::invocable<const EpochResult&> OnEpoch,
              std::invocable<const StepResult&> OnStep = UnobservedSteps>
    void run(Model& model, OnEpoch&& on_epoch, OnStep&& on_step = {}) {
        moved_.check("a trainer");
        while (grower_.epoch() < epochs_) on_epoch(epoch(model, on_step));
    }

    /// The same, but asks `stop()` before each step, and leaves off when it says yes, in mid-epoch
    /// if need be: `state` may be taken then, and a call of this or `epoch`, here or after
    /// `restore`, goes on to the bit. True when the run is over.
    template <std::predicate Stop, std::invocable<const EpochResult&> OnEpoch,
              std::invocable<const StepResult&> OnStep = UnobservedSteps>
    bool run_until(Model& model, Stop&& stop, OnEpoch&& on_epoch, OnStep&& on_step = {}) {
        while (grower_.epoch() < epochs_) {
            const std::optional<EpochResult> result = epoch_until(model, stop, on_step);
            if (!result) return false;
            on_epoch(*result);
        }
        return true;
    }

    /// One epoch: its batches, and growth at its end; after the last one seeds that nobody has
    /// judged are pruned (`Grower::finish`). `on_step(result)` hears of each step when the next one
    /// is under way; where it has `after_step()`, that is called behind each step. Errors:
    /// StateError when the run is over, and in a call of itself; OptionError for a source without a
    /// batch; those of `Learner::step`, `Grower::end_epoch` and `on_step`. After an error the epoch
    /// has not ended.
    template <std::invocable<const StepResult&> OnStep = UnobservedSteps>
    EpochResult epoch(Model& model, OnStep&& on_step = {}) {
        return *epoch_until(model, NeverStop{}, on_step);
    }

    /// The same, but asks `stop()` before each step; nothing when it said yes, and the next call
    /// goes on with the rest of the epoch.
    template <std::predicate Stop, std::invocable<const StepResult&> OnStep = UnobservedSteps>
    std::optional<EpochResult> epoch_until(Model& model, Stop&& stop, OnStep&& on_step = {}) {
        moved_.check("a trainer");
        in_epoch_.refuse(where(), "an epoch");
        if (grower_.epoch() >= epochs_) {
            throw StateError("the run is over", where(), "an epoch of " + std::to_string(epochs_),
                             "the one after them", "make a trainer of more epochs");
        }
        const InEpoch::Scope scope(in_epoch_);
        EpochResult result;
        if constexpr (!counts_steps<Rates>) set_rates(result);
        if (!train(model, stop, on_step, result)) return std::nullopt;
        result.report = grower_.end_epoch(model, learner_, result.loss,
                                          [&](std::span<const AlphaOverrides> configurations) {
                                              return scores(model, configurations);
                                          });
        if (grower_.epoch() == epochs_) {
            for (StageChange& change : grower_.finish(model, learner_)) {
                result.report.changes.push_back(std::move(change));
            }
        }
        return result;
    }

    /// The mean score on the held-out batches, once per configuration of amplitudes.
    [[nodiscard]] std::vector<double> scores(const Model& model,
                                             std::span<const AlphaOverrides> configurations) {
        moved_.check("a trainer");
        return mean_scores(model, model.context(), configurations, held_out_, score_);
    }
    [[nodiscard]] double score(const Model& model) {
        return scores(model, std::array{AlphaOverrides{}})[0];
    }

    [[nodiscard]] LearnerType& learner() noexcept { return learner_; }
    [[nodiscard]] GrowerType& grower() noexcept { return grower_; }
    [[nodiscard]] Source& source() noexcept { return source_; }
    /// Epochs that have ended.
    [[nodiscard]] int epochs_done() const noexcept { return grower_.epoch(); }

    /// All that it remembers beside the model, tensors as copies on the backend (P-7). Take it
    /// between epochs, or where `epoch_until` has stopped. The model changes nothing by it. Errors:
    /// StateError while an epoch is under way, as in `on_step`.
    [[nodiscard]] auto state(Model& model)
        requires RestorableController<C>
    {
        moved_.check("a trainer");
        in_epoch_.refuse(where(), "a trainer's state");
        StateOf<C> state{.epochs = epochs_,
                         .host_rate = host_rate_,
                         .seed_rate = seed_rate_,
                         .learner = learner_.state(model),
                         .grower = grower_.state(model.context()),
                         .source = {},
                         .under_way = under_way_};
        if constexpr (RestorableSource<Source>) state.source = source_.state();
        return state;
    }

    /// Goes on where `state` stood, with a model that has been restored to the same epoch. Errors:
    /// StateError for epochs that cannot be, and while an epoch is under way; those of the parts.
    /// Nothing is changed then.
    template <class State>
        requires RestorableController<C> && std::same_as<State, StateOf<C>>
    void restore(Model& model, const State& state) {
        auto next = prepare(model, state);
        exchange(next);
    }

    /// What a trainer is to be made of.
    template <class ControllerState>
    struct Prepared {
        int epochs;
        double host_rate;
        double seed_rate;
        typename LearnerType::Prepared learner;
        typename GrowerType::template Prepared<ControllerState> grower;
        SourceState source;
        std::optional<EpochProgress> under_way;
    };

    /// The part of `restore` that changes nothing, for those who restore several things together.
    /// Errors: as `restore`, but for what the controller and the source refuse.
    /// Of a state that is moved here the tensors are taken over, of another one copied.
    template <class State>
        requires RestorableController<C> && std::same_as<std::remove_cvref_t<State>, StateOf<C>>
    [[nodiscard]] auto prepare(Model& model, State&& state) const {
        moved_.check("a trainer");
        in_epoch_.refuse(where(), "another state");
        if (state.under_way && (state.under_way->steps < 0 || state.under_way->samples < 0)) {
            throw StateError("a trainer cannot have this state: under_way", where(),
                             "counts of at least 0",
                             std::to_string(state.under_way->steps) + " steps, " +
                                 std::to_string(state.under_way->samples) + " samples",
                             "restore what state() returned");
        }
        return Prepared<typename C::State>{
            checked(state.epochs),
            state.host_rate,
            state.seed_rate,
            learner_.prepare(model, std::forward<State>(state).learner),
            grower_.prepare(model, std::forward<State>(state).grower),
            state.source,
            state.under_way};
    }

    /// The rest: what the trainer was is in `other` after it. Errors: those of the controller's and
    /// the source's `restore`; nothing is changed then.
    template <class ControllerState>
    void exchange(Prepared<ControllerState>& other) {
        if constexpr (RestorableSource<Source>) {
            SourceState before = source_.state();
            source_.restore(other.source);
            try {
                grower_.exchange(other.grower);
            } catch (...) {
                source_.restore(before);
                throw;
            }
            other.source = std::move(before);
        } else {
            grower_.exchange(other.grower);
        }
        learner_.exchange(other.learner);
        std::swap(under_way_, other.under_way);
        std::swap(epochs_, other.epochs);
        std::swap(host_rate_, other.host_rate);
        std::swap(seed_rate_, other.seed_rate);
    }

private:
    using TrainingScore =
        typename detail::TrainingScoreOf<Score, Batch, typename Model::Output>::Type;

    static std::string where() { return "train::Trainer"; }

    [[nodiscard]] static int checked(int epochs) {
        if (epochs >= 1) return epochs;
        throw OptionError("a run needs epochs", where(), "epochs of at least 1",
                          std::to_string(epochs), "say how many in the options");
    }

    [[nodiscard]] static bool checked(bool score_training) {
        if (can_score_training || !score_training) return score_training;
        throw OptionError("the score does not take training batches", where(),
                          "training batches like the held-out ones, or score_training = false",
                          "score_training = true",
                          "give training batches what score(batch, output) reads of them");
    }

    /// Errors: as the constructor.
    static void check_direction(const Model& model) {
        if constexpr (requires { Score::falls; }) {
            if (Score::falls == model.score_kind().falls) return;
            const auto way = [](bool falls) { return falls ? "falls" : "rises"; };
            throw OptionError("the model is made for a score of the other direction", where(),
                              std::string("a score that ") + way(model.score_kind().falls) +
                                  ", as " + std::string(model.score_kind().name.view()),
                              std::string("one that ") + way(Score::falls),
                              "make the model with ModelOptions::score for this score, as {.name = "
                              "\"validation loss\", .falls = true, .point = 0.001}");
        }
    }

    /// Errors: as the constructor. A range that can be walked only once is left alone.
    void try_held_out(const Model& model) {
        if constexpr (std::forward_iterator<decltype(std::ranges::begin(held_out_))>) {
            if (std::ranges::begin(held_out_) == std::ranges::end(held_out_)) {
                throw OptionError("there is nothing to judge seeds on", where(),
                                  "at least one held-out batch", "none",
                                  "keep a part of the data out of training");
            }
            auto&& batch = *std::ranges::begin(held_out_);
            evaluate_each(model, model.context(), batch.input, std::array{AlphaOverrides{}},
                          [&](std::size_t, const typename Model::Output& output) {
                              auto score = score_(batch, output);
                              static_cast<void>(score_value(score));
                          });
        }
    }

    /// Whoever hears of steps may want to do something behind each: `after_step()`.
    template <class OnStep>
    void tell_after_step(OnStep& on_step) {
        if constexpr (requires { on_step.after_step(); }) {
            if (learner_.batches_under_way() == 0) on_step.after_step();
        }
    }

    /// Asks the schedule.
    void set_rates(EpochResult& result) {
        if constexpr (counts_steps<Rates>) {
            result.rate_factor = rates_.after(learner_.steps());
        } else if constexpr (CountedSchedule<Rates>) {
            result.rate_factor = rates_.after(grower_.epoch());
        } else {
            result.rate_factor =
                rates_(static_cast<double>(grower_.epoch()) / static_cast<double>(epochs_));
        }
        learner_.set_learning_rates(host_rate_ * result.rate_factor,
                                    seed_rate_ * result.rate_factor);
    }

    /// What is on its way of a step.
    struct Step {
        Pending<B> loss;
        std::optional<TrainingScore> score;
    };

    /// Steps the model on each batch that is left of the epoch; a loss and a score are waited for
    /// when the next step is under way. Notes their means. False when it was stopped.
    template <class Stop, class OnStep>
    bool train(Model& model, Stop& stop, OnStep& on_step, EpochResult& result) {
        const std::optional<EpochProgress> before = std::exchange(under_way_, std::nullopt);
        std::optional<int> done;
        if (before) done = before->steps;
        EpochProgress sum = before.value_or(EpochProgress{});
        std::optional<Step> waiting;
        const auto collect = [&] {
            if (!waiting) return;
            const auto loss = static_cast<double>(waiting->loss.get());
            sum.losses += loss;
            if (waiting->score) sum.scores += score_value(*waiting->score);
            on_step(StepResult{.epoch = grower_.epoch() + 1, .step = ++sum.steps, .loss = loss});
        };
        // A step of several batches is not interrupted.
        const auto stop_between_steps = [&] {
            return learner_.batches_under_way() == 0 && static_cast<bool>(stop());
        };
        const bool over = for_each_batch<typename Model::Input>(
            source_, done, stop_between_steps, [&](Batch& batch) {
                if constexpr (counts_steps<Rates>) set_rates(result);
                std::optional<TrainingScore> score;
                Pending<B> loss =
                    learner_.step(model, batch.input, LossOnBatch<Loss, Batch>{loss_, batch},
                                  [&](const typename Model::Output& output) {
                                      if constexpr (can_score_training) {
                                          if (score_training_) score.emplace(score_(batch, output));
                                      }
                                  });
                tell_after_step(on_step);
                if (score_training_) sum.samples += hosts::samples(batch.input);
                collect();
                waiting.emplace(std::move(loss), std::move(score));
            });
        collect();
        if (!over) {
            under_way_ = sum;
            return false;
        }
        if (learner_.finish_step(model)) tell_after_step(on_step);
        if (sum.steps == 0) {
            throw OptionError("there is nothing to train on", where(),
                              "at least one batch an epoch", "none", "pass a source with batches");
        }
        result.loss = sum.losses / sum.steps;
        if (score_training_) {
            result.training_score = sum.scores / static_cast<double>(sum.samples);
        }
        return true;
    }

    Source source_;
    HeldOut held_out_;
    Loss loss_;
    Rates rates_;
    Score score_;
    LearnerType learner_;
    GrowerType grower_;
    int epochs_;
    bool score_training_;
    double host_rate_;
    double seed_rate_;
    std::optional<EpochProgress> under_way_{};
    InEpoch in_epoch_{};
    MovedFrom moved_{};
};

}  // namespace kasmina::train
