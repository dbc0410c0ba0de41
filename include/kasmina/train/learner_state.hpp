// LearnerState: all that a learner remembers, as it stands in a checkpoint.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include <kasmina/random/generator.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/train/lesson_plan.hpp>

namespace kasmina::train {

/// Options of a learner that are not its optimiser's.
struct LearnerSettings {
    double lesson_rate = 1.0;
    int lesson_every = 1;
    std::optional<double> max_gradient_norm{};

    using Fields = reflect::List<&LearnerSettings::lesson_rate, &LearnerSettings::lesson_every,
                                 &LearnerSettings::max_gradient_norm>;
};

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

/// All that a learner remembers. Move-only, for the tensors' sake.
template <class B, class OptimiserState, class JudgeState>
struct LearnerState {
    OptimiserState optimiser{};
    Generator::State random{};
    JudgeState judge{};
    std::vector<LessonPlace<B>> lessons{};  ///< of the seeds that are taught
    /// Absent in states of schema 1: a learner's own stay.
    std::optional<LearnerSettings> settings{};

    using Fields =
        reflect::List<&LearnerState::optimiser, &LearnerState::random, &LearnerState::judge,
                      &LearnerState::lessons, &LearnerState::settings>;

    /// Of its form in a checkpoint. 1: optimiser, random and judge. 2: where seeds stand between
    /// two lessons, which came with each step before, and the settings.
    static constexpr int schema = 2;
    using Before = LearnerStateBefore2<OptimiserState, JudgeState>;
    [[nodiscard]] static LearnerState migrated(Before&& before) {
        return {.optimiser = std::move(before.optimiser),
                .random = before.random,
                .judge = std::move(before.judge),
                .lessons = {},
                .settings = {}};
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
