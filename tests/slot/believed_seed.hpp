// BelievedSeed: what a seed is and what was measured of it, restated from the specification, for
// LifecycleModel.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "slot/slot_operation.hpp"
#include "slot/slot_view.hpp"

namespace kasmina::test {

struct BelievedSeed {
    static constexpr int host_parameters = 1000;

    struct Tensor {
        int size = 0;
        bool of_gate = false;
        bool by_hand = false;  ///< frozen by whoever holds the parameter
        bool by_ramp = false;  ///< frozen while alpha goes down (I-6)
        bool warm = false;     ///< has been in two backward passes (I-7)
    };

    std::string id{};
    std::string blueprint{};
    BlendAlgorithm algorithm = BlendAlgorithm::add;
    AlphaCurve curve = AlphaCurve::sigmoid;
    double steepness = 12.0;
    double alpha_target = 1.0;
    int tempo = 5;
    std::vector<Tensor> tensors{};
    int counted = 0;
    bool straight_through = false;
    bool isolated = false;
    std::optional<std::string> scheduled_prune{};
    std::vector<ViewedEntry> history{};
    int epochs_total = 0;
    int epochs_in_stage = 0;
    std::optional<double> initial{};
    std::optional<double> current{};
    std::optional<double> best{};
    std::optional<double> at_stage_start{};
    std::optional<double> at_blending_start{};
    std::optional<double> dependence{};
    std::vector<double> readiness{};  ///< of the last five epochs
    std::vector<double> leads{};
    std::optional<double> contribution{};
    int contribution_count = 0;
    bool contribution_has_error = false;
    judge::MeasureKind contribution_by = judge::MeasureKind::none;
    std::optional<double> previous_contribution{};
    double velocity = 0.0;
    std::optional<double> gradient_ratio{};
    double norm_average = 0.0;
    std::optional<double> health{};
    bool vanishing = false;
    bool exploding = false;
    double interaction_sum = 0.0;
    double boost = 0.0;
    double upstream = 0.0;
    double downstream = 0.0;
    bool auto_pruned = false;
    std::string prune_reason{};

    // ---- tensors (I-6, A-6) -------------------------------------------------------------------

    [[nodiscard]] int parameters() const {
        int count = 0;
        for (const Tensor& tensor : tensors) count += tensor.size;
        return count;
    }

    /// A letter for each tensor: 1 for those that learn.
    [[nodiscard]] std::string trainable() const {
        std::string letters;
        for (const Tensor& tensor : tensors) {
            letters += tensor.by_hand || tensor.by_ramp ? '0' : '1';
        }
        return letters;
    }

    void freeze() {
        for (Tensor& tensor : tensors) tensor.by_ramp = true;
    }
    void thaw() {
        for (Tensor& tensor : tensors) tensor.by_ramp = false;
    }

    /// A-6 for width 4: a linear layer to 8, and one to 1, with biases.
    void add_gate_network() {
        for (const int size : {32, 8, 8, 1}) tensors.push_back({.size = size, .of_gate = true});
    }

    void change_algorithm(BlendAlgorithm to) {
        const bool was_gated = algorithm == BlendAlgorithm::gate;
        const bool is_gated = to == BlendAlgorithm::gate;
        if (is_gated && !was_gated) add_gate_network();
        if (was_gated && !is_gated) {
            std::erase_if(tensors, [](const Tensor& tensor) { return tensor.of_gate; });
        }
        algorithm = to;
        counted = parameters();
    }

    /// a gated amplitude ramps linearly whatever was asked.
    [[nodiscard]] AlphaCurve curve_for(AlphaCurve asked) const {
        return algorithm == BlendAlgorithm::gate ? AlphaCurve::linear : asked;
    }

    /// A straight-through does not run the gate network, so no backward pass reaches it (I-7).
    [[nodiscard]] bool is_reached(const Tensor& tensor, Stage stage) const {
        return !(tensor.of_gate && stage == Stage::training && straight_through);
    }

    /// Two backward passes.
    void warm_up(Stage stage) {
        for (Tensor& tensor : tensors) tensor.warm = tensor.warm || is_reached(tensor, stage);
    }

    // ---- measurements, of finite numbers ------------------------------------------------------

    /// S-12.
    void note_score(double accuracy) {
        current = accuracy;
        if (!initial) initial = accuracy;
        if (!best || accuracy > *best) best = accuracy;
        if (!at_stage_start) at_stage_start = accuracy;
    }

    /// G-10: over the last epochs, for the seed changes.
    void note_readiness(double points) {
        readiness.push_back(points);
        if (readiness.size() > 5) readiness.erase(readiness.begin());
    }

    /// J-1: averaged over the epochs in holding.
    void note_lead(double points, judge::MeasureKind by) {
        leads.push_back(points);
        const int count = static_cast<int>(leads.size());
        contribute(mean(leads), count, count >= 3, by);
    }

    /// J-1: what was measured before the epochs at full amplitude does not count.
    void forget_contribution() {
        leads.clear();
        contribution.reset();
        contribution_count = 0;
        contribution_has_error = false;
        contribution_by = judge::MeasureKind::none;
        previous_contribution.reset();
    }

    /// Section 11; what another measure said before is no earlier value of this one.
    void contribute(double points, int count, bool has_error, judge::MeasureKind by) {
        previous_contribution = contribution_by == by ? contribution : std::nullopt;
        contribution = points;
        contribution_count = count;
        contribution_has_error = has_error;
        contribution_by = by;
        if (previous_contribution) {
            velocity = 0.7 * velocity + 0.3 * (points - *previous_contribution);
        }
    }

    /// I-4 and I-7.
    void note_gradients(const SlotOperation& op, Stage stage) {
        const bool host_measured = (op.choice & host_unmeasured) == 0;
        const bool seed_measured = (op.choice & seed_unmeasured) == 0;
        if (!tensors.empty() && !seed_measured) return;
        if (tensors.empty()) {
            gradient_ratio = 0.0;
        } else if (!host_measured) {
            gradient_ratio.reset();
        } else if (op.other < 1e-8) {
            gradient_ratio = 0.0;
        } else {
            const double per_parameter =
                std::sqrt(static_cast<double>(host_parameters) / parameters());
            gradient_ratio = std::min(10.0, op.number / op.other * per_parameter);
        }
        norm_average = 0.9 * norm_average + 0.1 * op.number;
        const bool warm = std::none_of(tensors.begin(), tensors.end(), [&](const Tensor& tensor) {
            return is_reached(tensor, stage) && !tensor.warm;
        });
        if (!seed_measured || !warm) return;
        double faint = 0.0;
        double huge = 0.0;
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            const double norm = tensor_norm(op.choice, i);
            if (norm < 1e-7) faint += 1.0;
            if (norm > 10.0) huge += 1.0;
        }
        const double count = std::max<double>(1.0, static_cast<double>(tensors.size()));
        health = std::clamp(1.0 - 0.5 * faint / count - 0.8 * huge / count, 0.0, 1.0);
        vanishing = faint > 0.0;
        exploding = huge > 0.0;
    }

    /// What an observer should see of it, alive or not.
    void show(SlotView& view) const {
        view.has_record = true;
        view.seed_id = id;
        view.blueprint = blueprint;
        view.previous_stage = history.back().from;
        view.history_length = history.size();
        view.history_first = history.front();
        view.history_last = history.back();
        view.epochs_total = epochs_total;
        view.epochs_in_stage = epochs_in_stage;
        view.initial_score = initial;
        view.current_score = current;
        view.best_score = best;
        view.score_at_stage_start = at_stage_start;
        view.score_at_blending_start = at_blending_start;
        view.total_improvement = gain(current, initial);
        view.improvement_since_stage_start = gain(current, at_stage_start);
        view.blending_delta = gain(current, at_blending_start);
        view.dependence = dependence;
        if (!readiness.empty()) view.readiness = mean(readiness);
        view.readiness_count = static_cast<int>(readiness.size());
        view.readiness_has_error = readiness.size() >= 3;
        view.leads = leads.size();
        view.contribution = contribution;
        view.contribution_count = contribution_count;
        view.contribution_has_error = contribution_has_error;
        view.contribution_by = contribution_by;
        view.previous_contribution = previous_contribution;
        view.contribution_velocity = velocity;
        view.gradient_ratio = gradient_ratio;
        view.gradient_norm_average = norm_average;
        view.health = health;
        view.vanishing = vanishing;
        view.exploding = exploding;
        view.interaction_sum = interaction_sum;
        view.boost_received = boost;
        view.upstream = upstream;
        view.downstream = downstream;
        view.host_parameters = host_parameters;
        view.seed_parameters = counted;
        view.auto_pruned = auto_pruned;
        view.prune_reason = prune_reason;
    }

private:
    [[nodiscard]] static double gain(std::optional<double> now, std::optional<double> then) {
        return now && then ? *now - *then : 0.0;
    }

    [[nodiscard]] static double mean(const std::vector<double>& values) {
        double sum = 0.0;
        for (const double value : values) sum += value;
        return sum / static_cast<double>(values.size());
    }
};

}  // namespace kasmina::test
