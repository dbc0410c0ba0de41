// Measures of contribution as policies: what judges whether a seed is worth keeping (spec J-1).
#pragma once

#include <concepts>
#include <limits>
#include <span>
#include <vector>

#include <kasmina/slot/alpha_overrides.hpp>
#include <kasmina/statistics/estimate.hpp>

namespace kasmina::judge {

/// Stands for any `scores(configurations)` in the concept below.
struct AnyScores {
    std::vector<double> operator()(std::span<const AlphaOverrides> configurations);
};

/// `judge(model, slot, score, scores)`: called once per epoch for each seed that is held, it
/// measures the seed's contribution, a gain (`model.score_kind()`), and records it with the slot
/// (`record_lead`, or `record_contribution` with MeasureKind::own). `score` is the network's as it
/// is; `scores(configurations)` evaluates it on held-out data.
template <class M, class Model>
concept Measure = requires(M& measure, Model& model, typename Model::SlotType& slot, double score,
                           AnyScores& scores) { measure.judge(model, slot, score, scores); };

/// The gain of the network with the seed over itself with the seed's amplitude at 0: how much it
/// leans on the seed. It tells nothing of help: blocks that have learned behind a seed count on it,
/// whatever it does. Esper-lite's measure.
struct Ablation {
    static constexpr MeasureKind kind = MeasureKind::ablation;

    template <class Model, class SlotType, class Scores>
    void judge(Model&, SlotType& slot, double, Scores&) const {
        const auto& metrics = slot.record()->metrics;
        if (!metrics.dependence) return;
        slot.record_contribution(
            {*metrics.dependence, std::numeric_limits<double>::infinity(), metrics.epochs_in_stage},
            kind);
    }
};

}  // namespace kasmina::judge
