// The stages of a run-time slot as types: each holds just what that stage owns.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <kasmina/alpha/controller.hpp>
#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/lifecycle/lifecycle.hpp>
#include <kasmina/nn/gate_network.hpp>
#include <kasmina/slot/options.hpp>
#include <kasmina/slot/seed_record.hpp>

namespace kasmina::slot_detail {

/// A seed with its module, and how it is to be blended. `Module` is the variant of all
/// blueprints' modules.
template <class B, class Module>
struct LiveSeed {
    SeedRecord record;
    Module module;
    GerminationOptions blend;
    std::optional<nn::GateNetwork<B>> gate{};  ///< with the gate algorithm, and only then (A-6)
    bool isolated = false;
};

/// Live stages own their seed through a pointer, so that a step moves a pointer and not a module,
/// and what moves it is compiled once and not once per blueprint and stage.
template <class B, class Module>
using SeedPointer = std::unique_ptr<LiveSeed<B, Module>>;

/// A prune that waits for alpha to reach 0 (S-5).
struct ScheduledPrune {
    std::string reason;
    std::string initiator;
};

struct Dormant {
    static constexpr Stage stage = Stage::dormant;
};

template <class B, class Module>
struct Germinated {
    static constexpr Stage stage = Stage::germinated;
    SeedPointer<B, Module> seed;
};

template <class B, class Module>
struct Training {
    static constexpr Stage stage = Stage::training;
    SeedPointer<B, Module> seed;
};

template <class B, class Module>
struct Blending {
    static constexpr Stage stage = Stage::blending;
    SeedPointer<B, Module> seed;
    AlphaController alpha;
    std::optional<ScheduledPrune> scheduled_prune{};
    /// What the blend-out froze, to restore exactly that (I-6).
    std::vector<std::weak_ptr<ParameterState<B>>> frozen{};
};

/// Makes exactly what the blend-out froze trainable again (I-6).
template <class B, class Module>
void thaw(Blending<B, Module>& blending) {
    for (const auto& frozen : blending.frozen) {
        if (const auto parameter = frozen.lock()) parameter->trainable = true;
    }
    blending.frozen.clear();
}

template <class B, class Module>
struct Holding {
    static constexpr Stage stage = Stage::holding;
    SeedPointer<B, Module> seed;
    AlphaController alpha;
};

template <class B, class Module>
struct Fossilized {
    static constexpr Stage stage = Stage::fossilized;
    SeedPointer<B, Module> seed;
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

template <class B, class Module>
using State = std::variant<Dormant, Germinated<B, Module>, Training<B, Module>, Blending<B, Module>,
                           Holding<B, Module>, Fossilized<B, Module>, Pruned, Embargoed, Resetting>;

/// What a step needs beside the state it leaves.
template <class B, class Module>
struct StepInput {
    bool stays_isolated_in_blending = true;  ///< by topology (I-3)
    int embargo_ticks = 5;
    SeedPointer<B, Module> newborn{};  ///< for dormant to germinated
};

/// The steps: a function from one stage to another for each row of the table, and for no other
/// pair. `Step<From, To>` without a specialisation does not exist.
template <class From, class To>
struct Step {
    static constexpr bool exists = false;
};

template <class B, class M>
struct Step<Dormant, Germinated<B, M>> {
    static constexpr bool exists = true;
    static Germinated<B, M> take(Dormant&&, StepInput<B, M>& input) {
        return {std::move(input.newborn)};
    }
};

template <class B, class M>
struct Step<Germinated<B, M>, Training<B, M>> {
    static constexpr bool exists = true;
    static Training<B, M> take(Germinated<B, M>&& from, StepInput<B, M>&) {
        from.seed->isolated = true;
        return {std::move(from.seed)};
    }
};

template <class B, class M>
struct Step<Training<B, M>, Blending<B, M>> {
    static constexpr bool exists = true;
    static Blending<B, M> take(Training<B, M>&& from, StepInput<B, M>& input) {
        SeedMetrics& metrics = from.seed->record.metrics;
        metrics.accuracy_at_blending_start = metrics.current_accuracy;
        from.seed->isolated = input.stays_isolated_in_blending;
        const GerminationOptions& blend = from.seed->blend;
        const bool gated = blend.algorithm == BlendAlgorithm::gate;
        AlphaController alpha;
        alpha.retarget(blend.alpha_target, blend.tempo_epochs,
                       gated ? AlphaCurve::linear : blend.curve, blend.steepness);
        return {std::move(from.seed), alpha};
    }
};

template <class B, class M>
struct Step<Blending<B, M>, Holding<B, M>> {
    static constexpr bool exists = true;
    /// Ends any ramp, and with a ramp down its freeze.
    static Holding<B, M> take(Blending<B, M>&& from, StepInput<B, M>&) {
        thaw(from);
        AlphaController alpha = from.alpha;
        alpha.hold_at(1.0);
        return {std::move(from.seed), alpha};
    }
};

template <class B, class M>
struct Step<Holding<B, M>, Blending<B, M>> {
    static constexpr bool exists = true;
    static Blending<B, M> take(Holding<B, M>&& from, StepInput<B, M>&) {
        return {std::move(from.seed), from.alpha};
    }
};

template <class B, class M>
struct Step<Holding<B, M>, Fossilized<B, M>> {
    static constexpr bool exists = true;
    /// The seed is part of the network from here on, so the host before it learns through it.
    static Fossilized<B, M> take(Holding<B, M>&& from, StepInput<B, M>&) {
        from.seed->isolated = false;
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
        return {std::move(from.seed->record)};
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
consteval bool steps_match_table(std::type_identity<std::variant<Stages...>>) {
    bool match = true;
    const auto check = [&]<class From>(std::type_identity<From>) {
        ((match = match && Step<From, Stages>::exists == is_allowed(From::stage, Stages::stage)),
         ...);
    };
    (check(std::type_identity<Stages>{}), ...);
    return match;
}

}  // namespace kasmina::slot_detail
