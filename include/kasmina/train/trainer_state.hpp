// TrainerState: all that a trainer remembers, as it stands in a checkpoint.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include <kasmina/reflect/fields.hpp>
#include <kasmina/tensor/shape.hpp>
#include <kasmina/train/source.hpp>

namespace kasmina::train {

/// How far an epoch is that was interrupted between two steps.
struct EpochProgress {
    int steps = 0;
    double losses = 0.0;  ///< sum over them
    double scores = 0.0;  ///< the same, where training batches are scored
    Index samples = 0;    ///< that were

    using Fields = reflect::List<&EpochProgress::steps, &EpochProgress::losses,
                                 &EpochProgress::scores, &EpochProgress::samples>;
    /// Fields that may hold what is no finite number: the governor acts at the epoch's end.
    using MayBeNotFinite = reflect::List<&EpochProgress::losses, &EpochProgress::scores>;
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
    std::optional<EpochProgress> under_way{};  ///< absent between epochs

    using Fields =
        reflect::List<&TrainerState::epochs, &TrainerState::host_rate, &TrainerState::seed_rate,
                      &TrainerState::learner, &TrainerState::grower, &TrainerState::source,
                      &TrainerState::under_way>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;
};

/// Of a source that remembers nothing from epoch to epoch.
struct NoSourceState {
    using Fields = reflect::List<>;
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

}  // namespace detail

/// What a source remembers.
template <class S>
using SourceStateOf = typename detail::SourceStateOf<S>::Type;

}  // namespace kasmina::train
