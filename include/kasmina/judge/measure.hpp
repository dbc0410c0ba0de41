// Measures of contribution as policies: what judges whether a seed is worth keeping (spec J-1).
#pragma once

#include <concepts>
#include <limits>
#include <span>
#include <vector>

#include <kasmina/slot/alpha_overrides.hpp>
#include <kasmina/statistics/estimate.hpp>

namespace kasmina::judge {

/// Stands for any `accuracies(configurations)` in the concept below.
struct AnyAccuracies {
    std::vector<double> operator()(std::span<const AlphaOverrides> configurations);
};

/// `judge(model, slot, accuracy, accuracies)`: called once per epoch for each seed that is held, it
/// measures the seed's contribution and records it with the slot (`record_lead`, or
/// `record_contribution` with MeasureKind::own). `accuracy` is the network's as it is;
/// `accuracies(configurations)` evaluates it on held-out data.
template <class M, class Model>
concept Measure =
    requires(M& measure, Model& model, typename Model::SlotType& slot, double accuracy,
             AnyAccuracies& accuracies) { measure.judge(model, slot, accuracy, accuracies); };

/// The accuracy with the seed minus that with its amplitude at 0: how much the network leans on the
/// seed. It tells nothing of help: blocks that have learned behind a seed count on it, whatever it
/// does. Esper-lite's measure.
struct Ablation {
    static constexpr MeasureKind kind = MeasureKind::ablation;

    template <class Model, class SlotType, class Accuracies>
    void judge(Model&, SlotType& slot, double, Accuracies&) const {
        const auto& metrics = slot.record()->metrics;
        if (!metrics.dependence) return;
        slot.record_contribution(
            {*metrics.dependence, std::numeric_limits<double>::infinity(), metrics.epochs_in_stage},
            kind);
    }
};

}  // namespace kasmina::judge
