// Grower: the end of every epoch, from measurements through decisions to the tick.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/gates/gate_set.hpp>
#include <kasmina/judge/measure.hpp>
#include <kasmina/lifecycle/lifecycle.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/model/network_contents.hpp>
#include <kasmina/model/not_finite.hpp>
#include <kasmina/model/snapshot.hpp>
#include <kasmina/moved_from.hpp>
#include <kasmina/policy/controller.hpp>
#include <kasmina/policy/governor.hpp>
#include <kasmina/policy/grower_state.hpp>
#include <kasmina/policy/seed_effects.hpp>
#include <kasmina/reflect/check_enumerator.hpp>
#include <kasmina/slot/alpha_overrides.hpp>
#include <kasmina/slot/outcomes.hpp>
#include <kasmina/slot/refusals.hpp>
#include <kasmina/slot/report.hpp>
#include <kasmina/slot/seed_record.hpp>
#include <kasmina/topology.hpp>

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
    double score = 0.0;  ///< on held-out data, of the kind below; before the decisions
    ScoreKind score_kind = ScoreKind::accuracy();
    std::optional<Panic> panic{};
    std::vector<StageChange> changes{};
    std::vector<SlotReport> slots{};          ///< measured this epoch, before the decisions
    std::vector<Interaction> interactions{};  ///< of seeds that are blended, before the decisions
    /// What the gate on each slot's forward step said to that; nothing where there is no such step.
    std::vector<std::optional<GateResult>> verdicts{};
    /// What the judge makes of each slot's seed: undecided unless it is held.
    std::vector<judge::Verdict> judgements{};
    std::vector<std::string> notices{};  ///< told once each
};

/// The state of a grower with such a controller.
template <class B, RestorableController C>
using GrowerStateOf = GrowerState<B, typename C::State>;

/// Drives a model with a controller and a governor (spec section 11). Call `end_epoch` after the
/// last training step of an epoch, before gradients are zeroed. It keeps no hold of the model,
/// which may move between epochs, but knows it from others. Errors of all of it: LifetimeError when
/// it was moved from, or the model was; StateError for another model.
template <class Model, class C>
class Grower {
    static_assert(Controller<C>,
                  "Controller: give the controller `std::vector<Decision> decide(const "
                  "EpochObservation&)`");

public:
    using B = typename Model::Backend;

    /// What it is called in a checkpoint.
    static constexpr std::string_view part_name = "grower";

    /// Clean epochs between two snapshots.
    static constexpr int snapshot_interval = 5;

    /// `random_guess_loss` is ln(classes) for a classifier, and nothing where there is no such
    /// loss. Takes the first snapshot. Errors: OptionError from the governor, and for a
    /// controller's bound that cannot be in the unit of the model's score; NumericError when the
    /// network is not made of finite values; UnknownNameError, which lists the available ones, for
    /// a slot or a blueprint that the controller names and that does not exist; OptionError for a
    /// blueprint that fits none of the slots.
    Grower(Model& model, C controller, std::optional<double> random_guess_loss = std::nullopt,
           const GovernorOptions& governor = {})
        : controller_(std::move(controller)),
          governor_(random_guess_loss, governor),
          snapshot_(Snapshot<B>::of(model)),
          score_falls_(model.score_kind().falls),
          model_(model.identity()) {
        check_names(controller_, model);
        check_bounds(controller_, model);
    }

    /// `loss` is the epoch's mean training loss, or one on its way (`Variable::read`).
    /// `scores(configurations)` evaluates the network on held-out data once per configuration
    /// (`mean_scores` does it in one pass) and returns scores of the kind that the model was made
    /// for (`ModelOptions::score`; scores in percentage points by default). Seeds are judged by
    /// the learner's judge, and what a refused one did is undone; after this call the learner steps
    /// what there is then. Errors: UnknownNameError and ShapeError on a panic when the model is not
    /// one that the last snapshot fits, NumericError for a score that is not finite, and what
    /// `scores` throws: the epoch has not ended then, and nothing has changed. What the judge, the
    /// controller or one of its decisions throws comes when the epoch has been measured: it counts,
    /// decisions before that one have been carried out, and nothing has ticked.
    template <class Learner, class Loss, class Scores>
        requires(std::convertible_to<Loss, double> || PendingLoss<Loss>)
    EpochReport end_epoch(Model& model, Learner& learner, Loss&& loss, Scores&& scores) {
        KASMINA_REQUIRE_CONFIGURATION_MEASURE(Scores)
        return end(model, std::forward<Loss>(loss), scores, learner.judge(), learner);
    }

    /// The same for a loop that steps the model by itself. Such a loop trains no shadow, so seeds
    /// are judged by `measure`, by default by how much the network depends on them, which is not
    /// help. After this call parameters may have come or gone: synchronise the optimiser; after a
    /// panic clear its state too.
    template <class Loss, class Scores, class Measure = judge::Ablation>
        requires(std::convertible_to<Loss, double> || PendingLoss<Loss>)
    EpochReport end_epoch(Model& model, Loss&& loss, Scores&& scores, Measure measure = {}) {
        KASMINA_REQUIRE_CONFIGURATION_MEASURE(Scores)
        static_assert(judge::Measure<Measure, Model>,
                      "Measure: give the measure `judge(model, slot, double score, "
                      "scores)`, which records what it finds with the slot");
        NoLearner nobody;
        EpochReport report = end(model, std::forward<Loss>(loss), scores, measure, nobody);
        if constexpr (std::same_as<Measure, judge::Ablation>) tell_of_dependence(report);
        return report;
    }

    /// When training is over: seeds that nobody has judged by now are pruned, and with a shadow at
    /// hand leave no trace, so that what is left is the host and what has been kept for good.
    template <class Learner>
    std::vector<StageChange> finish(Model& model, Learner& learner) {
        check(model);
        EpochReport report;
        for (auto& slot : model.slots()) {
            const Stage from = slot.stage();
            if (!is_allowed(from, Stage::pruned)) continue;
            const std::string reason = "not_judged_in_time";
            slot.prune(reason, "grower");
            note_change(slot, from, reason, report);
        }
        learner.settle(model);
        return std::move(report.changes);
    }

    [[nodiscard]] C& controller() noexcept { return controller_; }

    /// Epochs that have ended.
    [[nodiscard]] int epoch() const noexcept { return epoch_; }

    /// All that it remembers, the snapshot as copies on the backend. Take it between epochs.
    [[nodiscard]] auto state(typename B::Context& context) const
        requires RestorableController<C>
    {
        moved_.check("a grower");
        return GrowerStateOf<B, C>{epoch_,
                                   governor_.state(),
                                   controller_.state(),
                                   snapshot_.clone(context),
                                   told_of_dependence_,
                                   score_falls_};
    }

    /// Goes on where `state` stood, with a model that has been restored to the same epoch. Errors:
    /// StateError and OptionError for parts that cannot be, and for scores that went the other way
    /// than the model's; those of `Snapshot::check_fits` for a
    /// snapshot of another network, and UnknownNameError as at the beginning. Nothing is changed
    /// then.
    template <class State>
        requires RestorableController<C> && std::same_as<State, GrowerStateOf<B, C>>
    void restore(Model& model, const State& state) {
        auto next = prepare(model, state);
        exchange(next);
    }

    /// What a grower is to be made of.
    template <class ControllerState>
    struct Prepared {
        int epoch;
        Governor governor;
        ControllerState controller;
        Snapshot<B> snapshot;
        bool told_of_dependence;
        std::weak_ptr<const void> model;
    };

    /// The part of `restore` that changes nothing, for those who restore several things together.
    /// Errors: as `restore`, but for what the controller refuses.
    /// Of a state that is moved here the snapshot is taken over, of another one copied.
    template <class State>
        requires RestorableController<C> &&
                 std::same_as<std::remove_cvref_t<State>, GrowerStateOf<B, C>>
    [[nodiscard]] auto prepare(Model& model, State&& state) const {
        moved_.check("a grower");
        if (state.epoch < 0) {
            throw StateError("a grower cannot have this state: epoch", "Grower::restore",
                             "at least 0", std::to_string(state.epoch),
                             "restore what state() returned");
        }
        if (state.score_falls.value_or(score_falls_) != model.score_kind().falls) {
            refuse_direction(model.score_kind());
        }
        state.snapshot.check_fits(model);
        Prepared<typename C::State> ready{
            state.epoch,     governor_, state.controller, {}, state.told_of_dependence,
            model.identity()};
        if constexpr (std::is_lvalue_reference_v<State>) {
            ready.snapshot = state.snapshot.clone(model.context());
        } else {
            ready.snapshot = std::move(state.snapshot);
        }
        ready.governor.restore(state.governor);
        if constexpr (NamesWhatItGrows<C> && std::copy_constructible<C>) {
            C candidate = controller_;
            candidate.restore(state.controller);
            check_names(candidate, model);
            check_bounds(candidate, model);
        }
        return ready;
    }

    /// The rest: what the grower was is in `other` after it. Errors: those of the controller's
    /// `restore`; nothing is changed then.
    template <class ControllerState>
    void exchange(Prepared<ControllerState>& other) {
        ControllerState before = controller_.state();
        controller_.restore(other.controller);
        other.controller = std::move(before);
        std::swap(model_, other.model);
        std::swap(epoch_, other.epoch);
        std::swap(governor_, other.governor);
        std::swap(snapshot_, other.snapshot);
        std::swap(told_of_dependence_, other.told_of_dependence);
    }

private:
    /// Errors: LifetimeError and StateError, as said above.
    void check(const Model& model) const {
        moved_.check("a grower");
        const std::weak_ptr<const void> given = model.identity();
        if (given.expired()) MovedFrom::refuse("a model");
        if (!given.owner_before(model_) && !model_.owner_before(given)) return;
        throw StateError("the grower was made for another model", "Grower",
                         "the model that it was made or restored with, wherever that moved",
                         "another one", "make a grower for it");
    }

    [[noreturn]] KASMINA_COLD static void refuse_direction(const ScoreKind& kind) {
        throw StateError("the controller was told scores of the other direction: score_falls",
                         "Grower::restore",
                         std::string(kind.falls ? "scores that fall" : "scores that rise") +
                             ", as the model's, which is " + std::string(kind.name.view()),
                         kind.falls ? "scores that rise" : "scores that fall",
                         "make the model with the ModelOptions::score that it was saved with");
    }

    /// Errors: UnknownNameError for what the controller names and the model does not have;
    /// OptionError for a blueprint that fits none of the slots.
    static void check_names(const C& controller, const Model& model) {
        if constexpr (NamesWhatItGrows<C>) {
            for (const std::string& name : controller.slots()) static_cast<void>(model.slot(name));
            for (const std::string& name : controller.blueprints()) {
                check_fits(name, controller.slots(), model);
            }
        }
    }

    KASMINA_RARE static void check_fits(const std::string& blueprint,
                                        std::span<const std::string> slots, const Model& model) {
        constexpr Topology topology = Model::Host::topology;
        static_cast<void>(Model::Registry::find(topology, blueprint));
        std::exception_ptr misfit;
        for (const std::string& slot : slots) {
            try {
                return Model::Registry::check(topology, blueprint, model.slot(slot).width());
            } catch (const OptionError&) {
                misfit = std::current_exception();
            }
        }
        if (misfit) std::rethrow_exception(misfit);
    }

    /// Errors: OptionError for bounds that no gain of the model's score reaches.
    static void check_bounds(const C& controller, const Model& model) {
        if constexpr (ChecksScoreKind<C>) controller.check_score_kind(model.score_kind());
    }

    /// Whether what the network's output is made of is no number any more: then the next loss would
    /// not be one, and nothing of it may get into a snapshot.
    [[nodiscard]] static bool broken(Model& model) {
        const auto is_heard = [](Stage stage) {
            return stage == Stage::blending || stage == Stage::holding ||
                   stage == Stage::fossilized;
        };
        return find_not_finite<B>(model.context(), network_contents(model, is_heard)).has_value();
    }

    /// Stands for the learner of a loop that steps the model by itself.
    struct NoLearner {
        bool settle(Model&) const noexcept { return false; }
    };

    template <class Loss, class Scores, class Measure, class Learner>
    EpochReport end(Model& model, Loss&& loss, Scores& scores, Measure& measure, Learner& learner) {
        check(model);
        EpochReport report;
        Governor governor = governor_;
        report.panic = governor.observe(std::forward<Loss>(loss));
        if (!report.panic && broken(model)) report.panic = Panic::nan;
        if (report.panic) snapshot_.check_fits(model);
        SeedEffects effects;
        if (!report.panic) effects = this->measure(model, scores);
        governor_ = governor;
        report.epoch = ++epoch_;
        report.score_kind = model.score_kind();
        if (report.panic) {
            recover(model, *report.panic, report, measure, learner);
            tick(model, report);
            report.score = scores(std::array{AlphaOverrides{}})[0];
            return report;
        }
        record(model, std::move(effects), report);
        judge(model, scores, measure, report);
        const bool fossilized = act(model, report);
        learner.settle(model);
        tick(model, report);
        if constexpr (requires { measure.take_notice(); }) {
            if (auto notice = measure.take_notice()) report.notices.push_back(std::move(*notice));
        }
        if (fossilized || epoch_ % snapshot_interval == 0) snapshot_ = Snapshot<B>::of(model);
        return report;
    }

    /// Back to the network as it would be without the seed that is judged, where that is sound,
    /// else to the last snapshot; then every live seed goes.
    template <class Measure, class Learner>
    void recover(Model& model, Panic panic, EpochReport& report, Measure& measure,
                 Learner& learner) {
        bool shadow = false;
        if constexpr (requires { measure.has_sound(model); }) shadow = measure.has_sound(model);
        if (!shadow) snapshot_.restore(model);
        governor_.recover();
        for (auto& slot : model.slots()) {
            const Stage from = slot.stage();
            if (!is_allowed(from, Stage::pruned)) continue;
            const std::string blueprint = slot.record()->blueprint;
            const std::string reason{prune_reason(panic)};
            if (slot.prune(reason, "governor")) {
                report.changes.push_back({slot.name(), blueprint, from, slot.stage(), reason});
            }
        }
        if (shadow) {
            learner.settle(model);
            return;
        }
        if constexpr (requires { measure.forget(); }) measure.forget();
        if constexpr (requires { learner.optimiser().clear_state(); }) {
            learner.settle(model);
            learner.optimiser().clear_state();
        }
    }

    /// What the network and its seeds achieve. Changes nothing, so that an epoch whose measurement
    /// fails has not ended. Errors: those of `scores`; NumericError for what is no number.
    template <class Scores>
    [[nodiscard]] static SeedEffects measure(const Model& model, Scores& scores) {
        SeedEffects effects = measure_seed_effects(model, scores);
        measure_readiness(model, scores, effects);
        const auto check = [](double number, const char* what) {
            slot_detail::check_finite("Grower::end_epoch", number, what);
        };
        check(effects.score, "a score");
        for (const auto& effect : effects.dependences) check(effect.gain, "a dependence");
        for (const auto& effect : effects.readiness) check(effect.gain, "a readiness");
        return effects;
    }

    static void record(Model& model, SeedEffects effects, EpochReport& report) {
        model.record_gradient_health();
        model.record_neighbours();
        report.score = effects.score;
        model.record_score(report.score);
        record_seed_effects(model, effects);
        report.interactions = std::move(effects.interactions);
    }

    template <class Scores, class Measure>
    static void judge(Model& model, Scores& scores, Measure& measure, EpochReport& report) {
        for (auto& slot : model.slots()) {
            if (slot.stage() != Stage::holding) continue;
            measure.judge(model, slot, report.score, scores);
        }
        for (const auto& slot : model.slots()) report.slots.push_back(slot.report());
    }

    void tell_of_dependence(EpochReport& report) {
        const bool judged = std::ranges::any_of(report.slots, [](const SlotReport& slot) {
            return slot.metrics.contribution_by == judge::MeasureKind::ablation;
        });
        if (!judged || told_of_dependence_) return;
        told_of_dependence_ = true;
        report.notices.emplace_back(
            "seeds are judged by how much the network depends on them, which is not help: step the "
            "model with a train::Learner, and pass it to end_epoch, for a judge that can say no");
    }

    /// True when a seed fossilized.
    bool act(Model& model, EpochReport& report) {
        const std::size_t count = model.slots().size();
        const auto passes = std::make_unique<bool[]>(count);
        for (std::size_t i = 0; i < count; ++i) {
            const auto& slot = model.slots()[i];
            const bool live = slot.stage() != Stage::dormant && next_stage(slot.stage());
            report.verdicts.push_back(live ? std::optional(slot.ask_gate()) : std::nullopt);
            passes[i] = live && report.verdicts.back()->passed();
            report.judgements.push_back(slot.stage() == Stage::holding
                                            ? judgement(slot.evidence(), model.gates().thresholds)
                                            : judge::Verdict::undecided);
        }
        const EpochObservation seen{
            epoch_,           report.score, report.slots, {passes.get(), count}, report.judgements,
            report.score_kind};
        bool fossilized = false;
        for (const Decision& decision : controller_.decide(seen)) {
            auto& slot = model.slot(decision.slot);
            const Stage from = slot.stage();
            switch (decision.action) {
                case Decision::Action::germinate:
                    slot.germinate(decision.blueprint, decision.options);
                    break;
                case Decision::Action::advance: slot.advance(); break;
                case Decision::Action::prune: slot.prune(decision.reason, "controller"); break;
                default: reflect::check_enumerator(decision.action, "action", "Controller");
            }
            note_change(slot, from, decision.reason, report);
            fossilized = fossilized || (slot.stage() != from && slot.stage() == Stage::fossilized);
        }
        return fossilized;
    }

    static void tick(Model& model, EpochReport& report) {
        const std::vector<TickResult> results = model.step_epoch();
        for (std::size_t i = 0; i < results.size(); ++i) {
            note_change(model.slots()[i], results[i].from, {}, report);
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

    C controller_;
    Governor governor_;
    Snapshot<B> snapshot_;
    bool score_falls_;  ///< of the scores that the controller has been told
    std::weak_ptr<const void> model_;
    MovedFrom moved_;
    int epoch_ = 0;
    bool told_of_dependence_ = false;
};

}  // namespace kasmina
