// Trainer: a network that is trained and grown, epoch by epoch, composed of parts that work alone.
#pragma once

#include <array>
#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/error.hpp>
#include <kasmina/model/mean_scores.hpp>
#include <kasmina/policy/grower.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/train/learner.hpp>
#include <kasmina/train/schedule.hpp>
#include <kasmina/train/source.hpp>

namespace kasmina::train {

/// What a trainer needs to know beside its parts.
struct TrainerOptions {
    int epochs = 0;                  ///< of the whole run, for the schedule and `run`
    double random_guess_loss = 0.0;  ///< ln(classes) for a classifier; the governor's
    Generator random{};              ///< the host's random operations draw from it
    bool score_training = false;     ///< whether training batches are scored too
};

/// A training step that is over, as an observer hears of it.
struct StepResult {
    int epoch = 0;      ///< from 1
    int step = 0;       ///< of the epoch, from 1
    double loss = 0.0;  ///< of its batch
};

/// For those who do not watch.
struct UnobservedSteps {
    void operator()(const StepResult&) const noexcept {}
};

/// What an epoch was.
struct EpochResult {
    double loss = 0.0;  ///< mean over its batches
    /// Mean score of its training batches as the network learned from them: each by the network of
    /// its step, in training mode. Where options ask for it.
    std::optional<double> training_score{};
    double rate_factor = 1.0;  ///< what the schedule gave
    EpochReport report{};      ///< of the growth at its end; has the epoch's number and the score
};

/// All that a trainer remembers beside the model. Move-only, for the tensors' sake.
template <class LearnerState, class GrowerState, class SourceState>
struct TrainerState {
    int epochs = 0;
    double host_rate = 0.0;  ///< what the schedule's factors apply to
    double seed_rate = 0.0;
    LearnerState learner{};
    GrowerState grower{};  ///< has the epoch
    SourceState source{};

    using Fields =
        reflect::List<&TrainerState::epochs, &TrainerState::host_rate, &TrainerState::seed_rate,
                      &TrainerState::learner, &TrainerState::grower, &TrainerState::source>;
};

/// Of a source that remembers nothing from epoch to epoch.
struct NoSourceState {
    using Fields = reflect::List<>;
};

/// A source that goes on where it stood: it gives its state and takes it back, all or nothing.
template <class S>
concept RestorableSource = requires(S& source, const S& constant) {
    { constant.state() } -> std::copyable;
    source.restore(constant.state());
};

namespace detail {

template <class S>
struct SourceStateOf {
    using Type = NoSourceState;
};
template <RestorableSource S>
struct SourceStateOf<S> {
    using Type = std::remove_cvref_t<decltype(std::declval<const S&>().state())>;
};

/// What a score gives for a training batch; nothing where it does not take one.
template <class Score, class Batch, class Output>
struct TrainingScoreOf {
    using Type = double;
    static constexpr bool exists = false;
};
template <class Score, class Batch, class Output>
    requires requires(Score& score, Batch& batch, const Output& output) {
        { score(batch, output) } -> ScoreResult;
    }
struct TrainingScoreOf<Score, Batch, Output> {
    using Type = std::invoke_result_t<Score&, Batch&, const Output&>;
    static constexpr bool exists = true;
};

}  // namespace detail

/// Trains a model on batches, grows it after each epoch and scores it on held-out batches. Each
/// part is a policy and works alone: the source of batches (`BatchSource`), the loss
/// (`LossOfBatch`), a schedule of rates (`Schedule`), the update rule, the judge, the controller,
/// the score. Source and held-out batches are the trainer's own; a span or a view refers to what is
/// elsewhere. It keeps no hold of the model, which may move between epochs.
template <class Model, class Rule, BatchSource<typename Model::Input> Source, class HeldOut,
          Controller C, class Loss = CrossEntropy, Schedule Rates = CosineSchedule,
          class Score = AccuracyScore,
          class Judge = judge::Shadows<Model, optim::Optimiser<typename Model::Backend, Rule>>>
    requires BatchRange<HeldOut&, typename Model::Input> &&
             BatchScore<Score, HeldOut&, typename Model::Output>
class Trainer {
public:
    using B = typename Model::Backend;
    using LearnerType = Learner<Model, Rule, Judge>;
    using GrowerType = Grower<Model, C>;
    using SourceState = typename detail::SourceStateOf<Source>::Type;
    using Batch = BatchOf<Source, typename Model::Input>;

    /// Whether training batches are of a kind that the score takes.
    static constexpr bool can_score_training =
        detail::TrainingScoreOf<Score, Batch, typename Model::Output>::exists;

    /// With a controller that can be restored.
    template <RestorableController Restorable>
    using StateOf =
        TrainerState<typename LearnerType::State, GrowerStateOf<B, Restorable>, SourceState>;

    /// Takes the first snapshot of the model. Errors: OptionError for options out of range and
    /// those of the learner and the grower.
    Trainer(Model& model, Source source, HeldOut held_out, const LearnerOptions<Rule>& optimiser,
            C controller, const TrainerOptions& options, Loss loss = {}, Rates rates = {},
            Score score = {}, Judge judge = {})
        : source_(std::move(source)),
          held_out_(std::move(held_out)),
          loss_(std::move(loss)),
          rates_(std::move(rates)),
          score_(std::move(score)),
          learner_(model, optimiser, options.random, std::move(judge)),
          grower_(model, std::move(controller), options.random_guess_loss),
          epochs_(checked(options.epochs)),
          score_training_(checked(options.score_training)),
          host_rate_(optimiser.host.learning_rate),
          seed_rate_(optimiser.seeds.learning_rate) {}

    /// All epochs that are left; `on_epoch(result)` hears of each, and `on_step(result)` of each
    /// step. Errors: as `epoch`.
    template <std::invocable<const EpochResult&> OnEpoch,
              std::invocable<const StepResult&> OnStep = UnobservedSteps>
    void run(Model& model, OnEpoch&& on_epoch, OnStep&& on_step = {}) {
        while (grower_.epoch() < epochs_) on_epoch(epoch(model, on_step));
    }

    /// One epoch: its batches, and growth at its end; after the last one seeds that nobody has
    /// judged are pruned (`Grower::finish`). `on_step(result)` hears of each step when the next one
    /// is under way. Errors: StateError when the run is over, OptionError for a source without a
    /// batch; those of `Learner::step`, `Grower::end_epoch` and `on_step`. After an error the epoch
    /// has not ended.
    template <std::invocable<const StepResult&> OnStep = UnobservedSteps>
    EpochResult epoch(Model& model, OnStep&& on_step = {}) {
        if (grower_.epoch() >= epochs_) {
            throw StateError("the run is over", where(), "an epoch of " + std::to_string(epochs_),
                             "the one after them", "make a trainer of more epochs");
        }
        EpochResult result;
        result.rate_factor =
            rates_(static_cast<double>(grower_.epoch()) / static_cast<double>(epochs_));
        learner_.set_learning_rates(host_rate_ * result.rate_factor,
                                    seed_rate_ * result.rate_factor);
        train(model, on_step, result);
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
    /// between epochs. The model changes nothing by it.
    [[nodiscard]] auto state(Model& model)
        requires RestorableController<C>
    {
        StateOf<C> state{.epochs = epochs_,
                         .host_rate = host_rate_,
                         .seed_rate = seed_rate_,
                         .learner = learner_.state(model),
                         .grower = grower_.state(model.context()),
                         .source = {}};
        if constexpr (RestorableSource<Source>) state.source = source_.state();
        return state;
    }

    /// Goes on where `state` stood, with a model that has been restored to the same epoch. Errors:
    /// StateError for epochs that cannot be; those of the parts. Nothing is changed then.
    template <class State>
        requires RestorableController<C> && std::same_as<State, StateOf<C>>
    void restore(Model& model, const State& state) {
        const int epochs = checked(state.epochs);
        auto learner = learner_.prepare(model, state.learner);
        if constexpr (RestorableSource<Source>) {
            const SourceState before = source_.state();
            source_.restore(state.source);
            try {
                grower_.restore(model, state.grower);
            } catch (...) {
                source_.restore(before);
                throw;
            }
        } else {
            grower_.restore(model, state.grower);
        }
        learner_.take(std::move(learner), model);
        epochs_ = epochs;
        host_rate_ = state.host_rate;
        seed_rate_ = state.seed_rate;
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

    /// What is on its way of a step.
    struct Step {
        Pending<B> loss;
        std::optional<TrainingScore> score;
    };

    /// Steps the model on each batch; a loss and a score are waited for when the next step is under
    /// way. Notes their means.
    template <class OnStep>
    void train(Model& model, OnStep& on_step, EpochResult& result) {
        static_assert(LossOfBatch<Loss, typename Model::Output, Batch, B>,
                      "the loss must be callable as loss(output, batch), and give a Variable");
        std::optional<Step> waiting;
        double losses = 0.0;
        double scores = 0.0;
        Index samples = 0;
        int steps = 0;
        const auto collect = [&] {
            if (!waiting) return;
            const auto loss = static_cast<double>(waiting->loss.get());
            losses += loss;
            if (waiting->score) scores += score_value(*waiting->score);
            on_step(StepResult{.epoch = grower_.epoch() + 1, .step = ++steps, .loss = loss});
        };
        for_each_batch<typename Model::Input>(source_, [&](Batch& batch) {
            std::optional<TrainingScore> score;
            Pending<B> loss = learner_.step(
                model, batch.input,
                [&](const typename Model::Output& output) { return loss_(output, batch); },
                [&](const typename Model::Output& output) {
                    if constexpr (can_score_training) {
                        if (score_training_) score.emplace(score_(batch, output));
                    }
                });
            if (score_training_) samples += hosts::samples(batch.input);
            collect();
            waiting.emplace(std::move(loss), std::move(score));
        });
        collect();
        if (steps == 0) {
            throw OptionError("there is nothing to train on", where(),
                              "at least one batch an epoch", "none", "pass a source with batches");
        }
        result.loss = losses / steps;
        if (score_training_) result.training_score = scores / static_cast<double>(samples);
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
};

}  // namespace kasmina::train
