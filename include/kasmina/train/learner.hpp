// Learner: a training step of a growing network, with its optimiser and the shadow of its seed.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/error.hpp>
#include <kasmina/judge/shadows.hpp>
#include <kasmina/moved_from.hpp>
#include <kasmina/optim/clip_gradients.hpp>
#include <kasmina/optim/optimiser.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/train/accumulation.hpp>
#include <kasmina/train/clip_apart.hpp>
#include <kasmina/train/learn.hpp>
#include <kasmina/train/learner_groups.hpp>
#include <kasmina/train/learner_options.hpp>
#include <kasmina/train/learner_state.hpp>
#include <kasmina/train/lesson_plan.hpp>
#include <kasmina/train/note_step.hpp>
#include <kasmina/train/step_recorder.hpp>

namespace kasmina::train {

/// Steps a model: forward, loss, backward and the lessons of newborn seeds (learn.hpp), clipping,
/// optimiser; before it, with `Judge` = judge::Shadows, the same on the same batch for the shadow
/// of the seed that is judged. Every seed is in the optimiser from its first step on (E-5). It
/// keeps no hold of the model, which may move between steps, but knows it from others. Random
/// operations of the host draw from `random`. Errors of all of it: LifetimeError when it was moved
/// from; StateError for another model than it was made, restored or synchronised with.
template <class Model, class Rule,
          class Judge = judge::Shadows<Model, optim::Optimiser<typename Model::Backend, Rule>>>
class Learner : public LearnerGroups {
public:
    using B = typename Model::Backend;
    using Optimiser = optim::Optimiser<B, Rule>;
    using Options = LearnerOptions<Rule>;
    using JudgeState = JudgeStateOf<Judge>;
    using State = LearnerState<B, typename Optimiser::State, JudgeState>;

    /// What it is called in a checkpoint.
    static constexpr std::string_view part_name = "learner";

    static constexpr bool trains_a_shadow =
        requires(Judge& judge, Model& model, Optimiser& optimiser, Generator& random) {
            judge.settle(model, optimiser, random);
        };

    /// Errors: OptionError from the rule's check and the clipper's, for a lesson rate that is no
    /// positive number, and for lessons with less than each step or steps of less than one batch.
    Learner(Model& model, const Options& options, Generator random = Generator(), Judge judge = {})
        : judge_(std::move(judge)),
          random_(random),
          tape_(std::make_unique<Tape<B>>(model.context())),
          settings_(settings_of(options)),
          plan_(options.lesson_every) {
        optimiser_.add_group(options.host);
        optimiser_.add_group(options.seeds);
        optimiser_.add_group(in_lessons(options.seeds));
        clipper_ = clipper_of<B>(settings_.max_gradient_norm);
        synchronise(model);
    }

    /// One step on a batch; `loss(output)` is the batch's mean loss. Returns it, to be read when
    /// there is time. `observe(output)` is called with the network's own output alone, where `loss`
    /// is asked for the shadow's and for lessons too. The gradients stay until the next step, those
    /// of a lesson until the next lesson, for the grower to look at. Errors: those of `learn`; the
    /// network has not been stepped then, and its states and random streams are as they were. A
    /// shadow that had been stepped when the network's part failed sits the next step out: try the
    /// same batch again, and both have learned the same.
    ///
    /// With `accumulate_batches` above 1 each so many calls are one step of the optimiser, and all
    /// but the last of them only add to the gradients. After an error what was added is dropped,
    /// and the next call begins a step; so it is when the network has got or lost a seed meanwhile.
    /// An epoch that ends in the middle of a step ends it with `finish_step`.
    template <class Loss, std::invocable<const typename Model::Output&> Observe = Unobserved>
    Pending<B> step(Model& model, const typename Model::Input& input, Loss&& loss,
                    Observe&& observe = {}) {
        KASMINA_REQUIRE_LOSS(Loss, Model)
        settle(model);
        plan_.follow(model);
        const judge::StepPart part{.begins = batches_ == 0,
                                   .ends = batches_ + 1 == settings_.accumulate_batches};
        if (!part.begins) plan_.hide_gradients();
        const ShownAtTheEnd shown(plan_);
        bool shadow_is_done = false;
        try {
            if constexpr (trains_a_shadow) {
                judge_.before_step(
                    model, optimiser_, random_,
                    [&](Optimiser& optimiser, Generator& random, const AlphaOverrides& overrides) {
                        static_cast<void>(run(model, input, loss, Unobserved{}, optimiser, random,
                                              overrides, part));
                    },
                    part);
            }
            shadow_is_done = part.ends;
            Pending<B> read = run(model, input, loss, observe, optimiser_, random_, {}, part);
            ++batches_;
            if (part.ends) count_step();
            return read;
        } catch (...) {
            batches_ = 0;
            if constexpr (requires { judge_.network_missed_step(); }) {
                if (shadow_is_done) judge_.network_missed_step();
            }
            throw;
        }
    }

    /// Ends a step that has had fewer batches than it should have: the optimiser steps on their
    /// mean. False, and nothing done, where none is under way. Errors: those of the optimiser.
    bool finish_step(Model& model) {
        settle(model);
        if (batches_ == 0) return false;
        constexpr judge::StepPart part{.begins = false, .ends = true};
        const double share = static_cast<double>(settings_.accumulate_batches) / batches_;
        plan_.hide_gradients();
        const ShownAtTheEnd shown(plan_);
        if constexpr (trains_a_shadow) {
            judge_.before_step(
                model, optimiser_, random_,
                [&](Optimiser& optimiser, Generator&, const AlphaOverrides&) {
                    finish(model, optimiser, share);
                },
                part);
        }
        finish(model, optimiser_, share);
        count_step();
        return true;
    }

    /// Batches that have been added to the step that is under way.
    [[nodiscard]] int batches_under_way() const noexcept { return batches_; }
    /// Steps that the optimiser has taken.
    [[nodiscard]] std::int64_t steps() const noexcept { return steps_; }

    /// Makes the optimiser step what the model owns now. `step` does it by itself.
    void synchronise(Model& model) {
        moved_.check("a learner");
        synchronise_groups(optimiser_, model);
        members_ = GroupMembers<B>(model);
        model_ = model.identity();
        batches_ = 0;
        plan_.list_again(model);
        if constexpr (trains_a_shadow) judge_.follow(model, optimiser_);
    }

    /// After decisions at an epoch's end: what a refused seed did is undone. (The grower does it.)
    bool settle(Model& model) {
        check(model);
        bool settled = false;
        if constexpr (trains_a_shadow) settled = judge_.settle(model, optimiser_, random_);
        if (settled || members_.differ_from(model)) synchronise(model);
        return settled;
    }

    /// Errors: OptionError from the rule's check; nothing is changed then.
    void set_learning_rates(double host, double seeds) {
        moved_.check("a learner");
        const double before = optimiser_.options(host_group).learning_rate;
        const double seeds_before = optimiser_.options(seed_group).learning_rate;
        optimiser_.set_learning_rate(host_group, host);
        try {
            optimiser_.set_learning_rate(seed_group, seeds);
            optimiser_.set_learning_rate(lesson_group, seeds * settings_.lesson_rate);
        } catch (...) {
            optimiser_.set_learning_rate(host_group, before);
            optimiser_.set_learning_rate(seed_group, seeds_before);
            throw;
        }
    }

    /// All that it remembers, the optimiser's moments and the judge's shadow as copies on the
    /// backend (P-7). Take it between epochs. The model changes nothing by it. Errors: StateError
    /// in the middle of a step of several batches.
    [[nodiscard]] State state(Model& model) {
        check(model);
        if (batches_ != 0) detail::refuse_half_a_step();
        if (members_.differ_from(model)) synchronise(model);
        State state{optimiser_.state(model.context()),   random_.state(), {},
                    plan_.state(model, model.context()), settings_,       steps_};
        if constexpr (remembers_judge) state.judge = judge_.state(model.context());
        return state;
    }

    /// Goes on where `state` stood, with a model that has been restored to the same moment, and
    /// with the options that stood there, whatever this one was made with. Errors: as `prepare`;
    /// nothing is changed then.
    void restore(Model& model, const State& state) {
        Prepared next = prepare(model, state);
        exchange(next);
    }

    /// What a learner is to be made of.
    struct Prepared {
        Optimiser optimiser;
        Generator random;
        std::optional<Judge> judge;
        LessonPlan<Model> plan;
        LearnerSettings settings;
        std::int64_t steps;
        std::optional<optim::GradientClipper<B>> clipper;
        GroupMembers<B> members;
        std::weak_ptr<const void> model;
        int batches = 0;  ///< of a step that is under way
    };

    /// The part of `restore` that may fail: for those who restore several things together. Errors:
    /// those of `Optimiser::restore`, `Generator::from_state`, `LessonPlan`, the judge and the
    /// constructor. Of a state that is moved here tensors are taken over, of another one copied.
    template <class S>
        requires std::same_as<std::remove_cvref_t<S>, State>
    [[nodiscard]] Prepared prepare(Model& model, S&& state) const {
        moved_.check("a learner");
        const LearnerSettings settings = state.settings.value_or(settings_);
        settings.check();
        check_steps(state.steps);
        Prepared ready{{},
                       Generator::from_state(state.random),
                       std::nullopt,
                       LessonPlan<Model>::restored(model, settings.lesson_every,
                                                   (std::forward<S>(state).lessons)),
                       settings,
                       state.steps,
                       clipper_of<B>(settings.max_gradient_norm),
                       GroupMembers<B>(model),
                       model.identity()};
        for (std::size_t g = 0; g < optimiser_.groups(); ++g) {
            ready.optimiser.add_group(optimiser_.options(g));
        }
        synchronise_groups(ready.optimiser, model);
        ready.optimiser.restore(model.context(), std::forward<S>(state).optimiser);
        if constexpr (remembers_judge) {
            ready.judge.emplace(
                Judge::restored(model, ready.optimiser, std::forward<S>(state).judge));
        }
        return ready;
    }

    /// The part that does not: what the learner was is in `other` after it.
    void exchange(Prepared& other) noexcept {
        std::swap(optimiser_, other.optimiser);
        std::swap(random_, other.random);
        if constexpr (remembers_judge) std::swap(judge_, *other.judge);
        plan_.exchange_gradients();
        other.plan.exchange_gradients();
        std::swap(plan_, other.plan);
        std::swap(settings_, other.settings);
        std::swap(steps_, other.steps);
        std::swap(batches_, other.batches);
        std::swap(clipper_, other.clipper);
        std::swap(members_, other.members);
        model_.swap(other.model);
    }

    [[nodiscard]] Optimiser& optimiser() noexcept { return optimiser_; }
    [[nodiscard]] Generator& random() noexcept { return random_; }
    [[nodiscard]] Judge& judge() noexcept { return judge_; }

    /// How many steps were ordered by one call each, from recordings (step_recorder.hpp).
    [[nodiscard]] std::uint64_t replays() const noexcept
        requires RecordingBackend<B>
    {
        return recorder_->replays();
    }

private:
    using RecorderOf = typename detail::RecorderOf<B>::Type;
    static constexpr bool remembers_judge = !std::same_as<JudgeState, NoJudgeState>;

    template <class Observe>
    static constexpr bool is_observed = !std::same_as<std::remove_cvref_t<Observe>, Unobserved>;
    /// Whether steps can be recorded at all; what is observed is copied, and so one variable.
    template <class Loss, class Observe>
    static constexpr bool records =
        RecordingBackend<B> && RepeatableLoss<Loss> && NotedInput<typename Model::Input, B> &&
        (std::same_as<typename Model::Output, Variable<B>> || !is_observed<Observe>);

    template <class Loss, class Observe>
    Pending<B> run(Model& model, const typename Model::Input& input, Loss& loss, Observe&& observe,
                   Optimiser& optimiser, Generator& random, const AlphaOverrides& overrides,
                   judge::StepPart part) {
        if constexpr (RecordingBackend<B>) {
            for (auto& slot : model.slots()) slot.set_recorded_amplitude(model.context());
        }
        if constexpr (records<Loss, Observe>) {
            key_.clear();
            key_.add(static_cast<std::uintptr_t>(is_observed<Observe>));
            key_.add(random);
            key_.add(static_cast<std::uintptr_t>((part.begins ? 1 : 0) + (part.ends ? 2 : 0)));
            if (note_step(key_, model, input, loss, optimiser, overrides, plan_.waiting())) {
                return run_recorded(model, input, loss, observe, optimiser, random, overrides,
                                    part);
            }
        }
        if (part.begins) optimiser.zero_gradients();
        tape_->clear();
        Pass<B> pass(*tape_, Mode::training, random);
        auto attempt = model.attempt(pass);
        const Variable<B> value = learn(model, pass, input, loss, overrides, lessons_, observe,
                                        plan_.waiting(), ShareOfLoss{settings_.accumulate_batches});
        Pending<B> read = value.read();
        if (part.ends) {
            if (clipper_) clip_apart(*clipper_, model, optimiser);
            optimiser.step(model.context());
        }
        attempt.succeed();
        return read;
    }

    /// The same step, of which all but the optimiser's is ordered by one call where it was
    /// recorded. Rates and step numbers are the optimiser's, which is behind it.
    template <class Loss, class Observe>
    Pending<B> run_recorded(Model& model, const typename Model::Input& input, Loss& loss,
                            Observe& observe, Optimiser& optimiser, Generator& random,
                            const AlphaOverrides& overrides, judge::StepPart part) {
        constexpr bool observed = is_observed<Observe>;
        typename B::Context& context = model.context();
        const auto& step = recorder_->take(context, optimiser, random, key_, [&](auto& recorded) {
            if (part.begins) optimiser.zero_gradients();
            tape_->clear();
            Pass<B> pass(*tape_, Mode::training, random);
            auto attempt = recorded.under_way ? model.attempt_recording(pass) : model.attempt(pass);
            const auto keep = [&]([[maybe_unused]] const auto& output) {
                if constexpr (observed) {
                    if (recorded.output.empty()) {
                        recorded.output = Tensor<B>::persistent(context, output.shape());
                    }
                    B::copy(context, output.data(), recorded.output.data(), recorded.output.size());
                }
            };
            const Variable<B> value =
                learn(model, pass, input, loss, overrides, lessons_, keep, plan_.waiting(),
                      ShareOfLoss{settings_.accumulate_batches});
            B::copy(context, value.data(), recorded.loss.data(), 1);
            if (part.ends && clipper_) clip_apart(*clipper_, model, optimiser);
            attempt.succeed();
            tape_->clear();
        });
        if constexpr (observed) {
            tape_->clear();
            observe(tape_->constant(step.output));
        }
        Pending<B> read = step.loss.read(context);
        if (part.ends) optimiser.step(context);
        return read;
    }

    /// The optimiser's part of a step whose gradients are too small by `share`.
    void finish(Model& model, Optimiser& optimiser, double share) {
        scale_gradients(model.context(), optimiser, share);
        if (clipper_) clip_apart(*clipper_, model, optimiser);
        optimiser.step(model.context());
    }

    void count_step() noexcept {
        plan_.count_step();
        batches_ = 0;
        ++steps_;
    }

    [[nodiscard]] typename Rule::Options in_lessons(typename Rule::Options options) const {
        options.learning_rate *= settings_.lesson_rate;
        return options;
    }

    void check(const Model& model) const {
        moved_.check("a learner");
        const std::weak_ptr<const void> given = model.identity();
        if (given.expired()) MovedFrom::refuse("a model");
        if (!given.owner_before(model_) && !model_.owner_before(given)) return;
        throw StateError("the learner was made for another model", "train::Learner",
                         "the model whose parameters it steps, wherever that moved", "another one",
                         "make a learner for it, or synchronise this one with it");
    }

    Judge judge_;
    Optimiser optimiser_;
    Generator random_;
    std::unique_ptr<Tape<B>> tape_;
    LearnerSettings settings_;
    LessonPlan<Model> plan_;
    std::optional<optim::GradientClipper<B>> clipper_{};
    GroupMembers<B> members_{};
    std::vector<typename Model::Lesson> lessons_{};
    StepKey key_{};
    int batches_ = 0;  ///< of the step that is under way
    std::int64_t steps_ = 0;
    std::unique_ptr<RecorderOf> recorder_ = std::make_unique<RecorderOf>();
    std::weak_ptr<const void> model_{};
    MovedFrom moved_{};
};

}  // namespace kasmina::train
