// Grower: the end of every epoch, from measurements through decisions to the tick.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/model/snapshot.hpp>
#include <kasmina/policy/controller.hpp>
#include <kasmina/policy/governor.hpp>
#include <kasmina/policy/seed_effects.hpp>

namespace kasmina {

/// A change of stage, for those who tell the story.
struct StageChange {
    std::string slot;
    std::string blueprint;
    Stage from;
    Stage to;
    std::string reason;  ///< of a prune
};

/// What happened at the end of an epoch.
struct EpochReport {
    int epoch = 0;
    double accuracy = 0.0;  ///< percentage points; before the decisions
    std::optional<Panic> panic{};
    std::vector<StageChange> changes{};
    std::vector<SlotReport> slots{};          ///< measured this epoch, before the decisions
    std::vector<Interaction> interactions{};  ///< of seeds that are blended, before the decisions
    /// What the gate on each slot's forward step said to that; nothing where there is no such step.
    std::vector<std::optional<GateResult>> verdicts{};
    std::vector<std::string> notices{};  ///< of the ticks
};

/// Drives a model with a controller and a governor (spec section 11). Call `end_epoch` after the
/// last training step of an epoch, before gradients are zeroed.
template <class Model, Controller C>
class Grower {
public:
    using B = typename Model::Backend;

    /// Clean epochs between two snapshots.
    static constexpr int snapshot_interval = 5;

    /// `random_guess_loss` is ln(classes). Takes the first snapshot.
    Grower(Model& model, C controller, double random_guess_loss)
        : model_(&model),
          controller_(std::move(controller)),
          governor_(random_guess_loss),
          snapshot_(Snapshot<B>::of(model)) {}

    /// `loss` is the epoch's mean training loss. `accuracies(configurations)` evaluates the network
    /// on held-out data once per configuration (`evaluate_each` does it in one pass) and returns
    /// the accuracies in percentage points. After this call parameters may have come or gone:
    /// synchronise the optimiser; after a panic clear its state too.
    template <ConfigurationMeasure Accuracies>
    EpochReport end_epoch(typename B::Context& context, double loss, Accuracies&& accuracies) {
        EpochReport report;
        report.epoch = ++epoch_;
        report.panic = governor_.observe(loss);
        if (report.panic) {
            recover(*report.panic, report);
            report.accuracy = accuracies(std::array{AlphaOverrides{}})[0];
            tick(report);
            return report;
        }
        measure(context, accuracies, report);
        const bool fossilized = act(report);
        tick(report);
        if (fossilized || epoch_ % snapshot_interval == 0) snapshot_ = Snapshot<B>::of(*model_);
        return report;
    }

    [[nodiscard]] C& controller() noexcept { return controller_; }

private:
    /// Back to the last snapshot, then every live seed goes.
    void recover(Panic panic, EpochReport& report) {
        snapshot_.restore();
        governor_.recover();
        for (auto& slot : model_->slots()) {
            const Stage from = slot.stage();
            if (!is_allowed(from, Stage::pruned)) continue;
            const std::string blueprint = slot.record()->blueprint;
            const std::string reason{prune_reason(panic)};
            if (slot.prune(reason, "governor")) {
                report.changes.push_back({slot.name(), blueprint, from, slot.stage(), reason});
            }
        }
    }

    template <class Accuracies>
    void measure(typename B::Context& context, Accuracies& accuracies, EpochReport& report) {
        model_->record_gradient_health(context);
        model_->record_neighbours();
        SeedEffects effects = measure_seed_effects(*model_, accuracies);
        report.accuracy = effects.accuracy;
        model_->record_accuracy(report.accuracy);
        record_seed_effects(*model_, effects);
        report.interactions = std::move(effects.interactions);
        for (const auto& slot : model_->slots()) report.slots.push_back(slot.report());
    }

    /// True when a seed fossilized.
    bool act(EpochReport& report) {
        const std::size_t count = model_->slots().size();
        const auto passes = std::make_unique<bool[]>(count);
        for (std::size_t i = 0; i < count; ++i) {
            const auto& slot = model_->slots()[i];
            const bool live = slot.stage() != Stage::dormant && next_stage(slot.stage());
            report.verdicts.push_back(live ? std::optional(slot.ask_gate()) : std::nullopt);
            passes[i] = live && report.verdicts.back()->passed();
        }
        const EpochObservation seen{epoch_, report.accuracy, report.slots, {passes.get(), count}};
        bool fossilized = false;
        for (const Decision& decision : controller_.decide(seen)) {
            auto& slot = model_->slot(decision.slot);
            const Stage from = slot.stage();
            switch (decision.action) {
                case Decision::Action::germinate: slot.germinate(decision.blueprint); break;
                case Decision::Action::advance: slot.advance(); break;
                case Decision::Action::prune: slot.prune(decision.reason, "controller"); break;
            }
            note_change(slot, from, decision.reason, report);
            fossilized = fossilized || (slot.stage() != from && slot.stage() == Stage::fossilized);
        }
        return fossilized;
    }

    void tick(EpochReport& report) {
        const std::vector<TickResult> results = model_->step_epoch();
        for (std::size_t i = 0; i < results.size(); ++i) {
            note_change(model_->slots()[i], results[i].from, {}, report);
            if (!results[i].notice.empty()) report.notices.push_back(results[i].notice);
        }
    }

    template <class SlotType>
    static void note_change(const SlotType& slot, Stage from, const std::string& reason,
                            EpochReport& report) {
        if (slot.stage() == from) return;
        const SeedRecord* record = slot.record();
        report.changes.push_back(
            {slot.name(), record == nullptr ? "" : record->blueprint, from, slot.stage(), reason});
    }

    Model* model_;
    C controller_;
    Governor governor_;
    Snapshot<B> snapshot_;
    int epoch_ = 0;
};

}  // namespace kasmina
