// LearnerState: all that a learner remembers, as it stands in a checkpoint.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/check_option.hpp>
#include <kasmina/error.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/train/lesson_plan.hpp>

namespace kasmina::train {

/// Options of a learner that are not its optimiser's, as they were in schema 2.
struct LearnerSettingsBefore3 {
    double lesson_rate = 1.0;
    int lesson_every = 1;
    std::optional<double> max_gradient_norm{};

    using Fields =
        reflect::List<&LearnerSettingsBefore3::lesson_rate, &LearnerSettingsBefore3::lesson_every,
                      &LearnerSettingsBefore3::max_gradient_norm>;
};

/// Options of a learner that are not its optimiser's.
struct LearnerSettings {
    double lesson_rate = 1.0;
    int lesson_every = 1;
    std::optional<double> max_gradient_norm{};
    int accumulate_batches = 1;

    using Fields =
        reflect::List<&LearnerSettings::lesson_rate, &LearnerSettings::lesson_every,
                      &LearnerSettings::max_gradient_norm, &LearnerSettings::accumulate_batches>;

    /// Errors: OptionError for a lesson rate that is no positive number, and steps of less than one
    /// batch. (The others are the plan's and the clipper's to check.)
    void check() const {
        check_option("train::Learner", "lesson_rate", lesson_rate, OptionRange::above(0.0),
                     "use 0.04, or 1 for the rate of the other seeds");
        check_option("train::LearnerOptions", "accumulate_batches", accumulate_batches,
                     OptionRange::at_least(1.0), "use 1 for a step with each batch");
    }
};

/// Those of a learner that is made with `options`. Errors: as `LearnerSettings::check`.
[[nodiscard]] LearnerSettings settings_of(const auto& options) {
    const LearnerSettings settings{.lesson_rate = options.lesson_rate,
                                   .lesson_every = options.lesson_every,
                                   .max_gradient_norm = options.max_gradient_norm,
                                   .accumulate_batches = options.accumulate_batches};
    settings.check();
    return settings;
}

/// Errors: StateError for a count that cannot be.
inline void check_steps(std::int64_t steps) {
    if (steps >= 0) return;
    throw StateError("a learner cannot have this state: steps", "train::Learner", "at least 0",
                     std::to_string(steps), "restore what state() returned");
}

namespace detail {

[[noreturn]] KASMINA_COLD inline void refuse_half_a_step() {
    throw StateError(
        "a step is under way", "train::Learner", "a state between two steps of the optimiser",
        "one after some of a step's batches", "take it after the step, or call finish_step first");
}

}  // namespace detail

/// As it was in schema 1.
template <class OptimiserState, class JudgeState>
struct LearnerStateBefore2 {
    OptimiserState optimiser{};
    Generator::State random{};
    JudgeState judge{};

    using Fields = reflect::List<&LearnerStateBefore2::optimiser, &LearnerStateBefore2::random,
                                 &LearnerStateBefore2::judge>;
    static constexpr int schema = 1;
};

/// As it was in schema 2.
template <class B, class OptimiserState, class JudgeState>
struct LearnerStateBefore3 {
    OptimiserState optimiser{};
    Generator::State random{};
    JudgeState judge{};
    std::vector<LessonPlace<B>> lessons{};
    std::optional<LearnerSettingsBefore3> settings{};

    using Fields = reflect::List<&LearnerStateBefore3::optimiser, &LearnerStateBefore3::random,
                                 &LearnerStateBefore3::judge, &LearnerStateBefore3::lessons,
                                 &LearnerStateBefore3::settings>;
    static constexpr int schema = 2;
    using Before = LearnerStateBefore2<OptimiserState, JudgeState>;
    [[nodiscard]] static LearnerStateBefore3 migrated(Before&& before) {
        return {.optimiser = std::move(before.optimiser),
                .random = before.random,
                .judge = std::move(before.judge),
                .lessons = {},
                .settings = {}};
    }
};

/// All that a learner remembers. Move-only, for the tensors' sake.
template <class B, class OptimiserState, class JudgeState>
struct LearnerState {
    OptimiserState optimiser{};
    Generator::State random{};
    JudgeState judge{};
    std::vector<LessonPlace<B>> lessons{};  ///< of the seeds that are taught
    /// Absent in states of schema 1: a learner's own stay.
    std::optional<LearnerSettings> settings{};
    std::int64_t steps = 0;  ///< of the optimiser; counted from schema 3 on

    using Fields =
        reflect::List<&LearnerState::optimiser, &LearnerState::random, &LearnerState::judge,
                      &LearnerState::lessons, &LearnerState::settings, &LearnerState::steps>;

    /// Of its form in a checkpoint. 1: optimiser, random and judge. 2: where seeds stand between
    /// two lessons, which came with each step before, and the settings. 3: how many batches are a
    /// step, and steps, for schedules that count them.
    static constexpr int schema = 3;
    using Before = LearnerStateBefore3<B, OptimiserState, JudgeState>;
    [[nodiscard]] static LearnerState migrated(Before&& before) {
        std::optional<LearnerSettings> settings;
        if (before.settings) {
            settings = LearnerSettings{.lesson_rate = before.settings->lesson_rate,
                                       .lesson_every = before.settings->lesson_every,
                                       .max_gradient_norm = before.settings->max_gradient_norm};
        }
        return {.optimiser = std::move(before.optimiser),
                .random = before.random,
                .judge = std::move(before.judge),
                .lessons = std::move(before.lessons),
                .settings = settings};
    }
};

/// Of a judge that remembers nothing.
struct NoJudgeState {
    using Fields = reflect::List<>;
};

namespace detail {

template <class Judge>
struct JudgeStateOf {
    using Type = NoJudgeState;
};
template <class Judge>
    requires requires { typename Judge::State; }
struct JudgeStateOf<Judge> {
    using Type = typename Judge::State;
};

}  // namespace detail

/// What a judge remembers.
template <class Judge>
using JudgeStateOf = typename detail::JudgeStateOf<Judge>::Type;

}  // namespace kasmina::train
