// The stages of a run-time slot as types: each holds just what that stage owns.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <kasmina/alpha/controller.hpp>
#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/lifecycle/lifecycle.hpp>
#include <kasmina/slot/live_seed.hpp>
#include <kasmina/slot/one_of.hpp>
#include <kasmina/slot/slot_state.hpp>

namespace kasmina::slot_detail {

/// Live stages own their seed through a pointer, so that a step moves a pointer and not a module.
template <class B>
using SeedPointer = std::unique_ptr<LiveSeed<B>>;

struct Dormant {
    static constexpr Stage stage = Stage::dormant;
};

template <class B>
struct Germinated {
    static constexpr Stage stage = Stage::germinated;
    SeedPointer<B> seed;
};

template <class B>
struct Training {
    static constexpr Stage stage = Stage::training;
    SeedPointer<B> seed;
};

template <class B>
struct Blending {
    static constexpr Stage stage = Stage::blending;
    SeedPointer<B> seed;
    AlphaController alpha;
    std::optional<ScheduledPrune> scheduled_prune{};
    /// What the blend-out froze, to restore exactly that (I-6).
    std::vector<std::weak_ptr<ParameterState<B>>> frozen{};
};

/// Freezes what is trainable of a seed that is blended out, and remembers it (I-6).
template <class B>
KASMINA_RARE void freeze(Blending<B>& blending) {
    for (const auto& named : blending.seed->contents().parameters) {
        if (!named.parameter->trainable()) continue;
        named.parameter->set_trainable(false);
        blending.frozen.push_back(named.parameter->state());
    }
}

/// Makes exactly what the blend-out froze trainable again (I-6).
template <class B>
KASMINA_RARE void thaw(Blending<B>& blending) {
    for (const auto& frozen : blending.frozen) {
        if (const auto parameter = frozen.lock()) parameter->trainable = true;
    }
    blending.frozen.clear();
}

template <class B>
struct Holding {
    static constexpr Stage stage = Stage::holding;
    SeedPointer<B> seed;
    AlphaController alpha;
};

template <class B>
struct Fossilized {
    static constexpr Stage stage = Stage::fossilized;
    SeedPointer<B> seed;
    AlphaController alpha;
};

struct Pruned {
    static constexpr Stage stage = Stage::pruned;
    SeedRecord record;
};

struct Embargoed {
    static constexpr Stage stage = Stage::embargoed;
    SeedRecord record;
    int ticks_left;
};

struct Resetting {
    static constexpr Stage stage = Stage::resetting;
    SeedRecord record;
};

template <class B>
using AnyStage = OneOf<Dormant, Germinated<B>, Training<B>, Blending<B>, Holding<B>, Fossilized<B>,
                       Pruned, Embargoed, Resetting>;

/// What a step needs beside the state it leaves.
template <class B>
struct StepInput {
    bool stays_isolated_in_blending = true;  ///< by topology (I-3)
    int embargo_ticks = 5;
    SeedPointer<B> newborn{};  ///< for dormant to germinated
};

/// The steps: a function from one stage to another for each row of the table, and for no other
/// pair. `Step<From, To>` without a specialisation does not exist.
template <class From, class To>
struct Step {
    static constexpr bool exists = false;
};

template <class B>
struct Step<Dormant, Germinated<B>> {
    static constexpr bool exists = true;
    static Germinated<B> take(Dormant&&, StepInput<B>& input) { return {std::move(input.newborn)}; }
};

template <class B>
struct Step<Germinated<B>, Training<B>> {
    static constexpr bool exists = true;
    static Training<B> take(Germinated<B>&& from, StepInput<B>&) {
        from.seed->isolated = true;
        return {std::move(from.seed)};
    }
};

template <class B>
struct Step<Training<B>, Blending<B>> {
    static constexpr bool exists = true;
    static Blending<B> take(Training<B>&& from, StepInput<B>& input) {
        SeedMetrics& metrics = from.seed->record.metrics;
        metrics.score_at_blending_start = metrics.current_score;
        from.seed->isolated = input.stays_isolated_in_blending;
        const GerminationOptions& blend = from.seed->blend();
        const bool gated = blend.algorithm == BlendAlgorithm::gate;
        AlphaController alpha;
        alpha.retarget(blend.alpha_target, blend.tempo_epochs,
                       gated ? AlphaCurve::linear : blend.curve, blend.steepness);
        return {std::move(from.seed), alpha};
    }
};

template <class B>
struct Step<Blending<B>, Holding<B>> {
    static constexpr bool exists = true;
    /// Ends any ramp, and with a ramp down its freeze. From here on the seed is judged as the part
    /// of the network that it would be, so the host before it learns through it (I-3).
    static Holding<B> take(Blending<B>&& from, StepInput<B>&) {
        thaw(from);
        from.seed->isolated = false;
        from.seed->record.begin_judgement();
        AlphaController alpha = from.alpha;
        alpha.hold_at(1.0);
        return {std::move(from.seed), alpha};
    }
};

template <class B>
struct Step<Holding<B>, Blending<B>> {
    static constexpr bool exists = true;
    static Blending<B> take(Holding<B>&& from, StepInput<B>&) {
        return {std::move(from.seed), from.alpha};
    }
};

template <class B>
struct Step<Holding<B>, Fossilized<B>> {
    static constexpr bool exists = true;
    static Fossilized<B> take(Holding<B>&& from, StepInput<B>&) {
        return {std::move(from.seed), from.alpha};
    }
};

/// Pruning drops the module and its gate; the record stays, at alpha 0.
template <class From>
    requires(is_allowed(From::stage, Stage::pruned))
struct Step<From, Pruned> {
    static constexpr bool exists = true;
    template <class Input>
    static Pruned take(From&& from, Input&) {
        const auto seed = std::move(from.seed);  // a typed seed would keep it otherwise
        return {std::move(seed->record)};
    }
};

template <>
struct Step<Pruned, Embargoed> {
    static constexpr bool exists = true;
    template <class Input>
    static Embargoed take(Pruned&& from, Input& input) {
        return {std::move(from.record), input.embargo_ticks};
    }
};

template <>
struct Step<Embargoed, Resetting> {
    static constexpr bool exists = true;
    template <class Input>
    static Resetting take(Embargoed&& from, Input&) {
        return {std::move(from.record)};
    }
};

template <>
struct Step<Resetting, Dormant> {
    static constexpr bool exists = true;
    template <class Input>
    static Dormant take(Resetting&&, Input&) {
        return {};
    }
};

/// Whether the steps are exactly the table's rows: the one table serves this world too (L-4).
template <class... Stages>
consteval bool steps_match_table(std::type_identity<OneOf<Stages...>>) {
    bool match = true;
    const auto check = [&]<class From>(std::type_identity<From>) {
        ((match = match && Step<From, Stages>::exists == is_allowed(From::stage, Stages::stage)),
         ...);
    };
    (check(std::type_identity<Stages>{}), ...);
    return match;
}

}  // namespace kasmina::slot_detail
