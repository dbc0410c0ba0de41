// SlotUnderTest: a real slot with gates that open and shut, that takes operations and is looked at.
#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/blueprints/cnn/noop.hpp>
#include <kasmina/blueprints/cnn/norm.hpp>
#include <kasmina/blueprints/registry.hpp>
#include <kasmina/slot/slot.hpp>

#include "slot/lifecycle_model.hpp"
#include "slot/slot_operation.hpp"
#include "slot/slot_view.hpp"
#include "support/chosen_backend.hpp"

namespace kasmina::test {

/// A gate with a flag, which counts how often it was asked. Strict, so that auto-forward waits.
template <Gate G>
struct FlagGate {
    static constexpr Gate gate = G;
    static constexpr bool strict = true;
    bool open = true;
    mutable int asked = 0;

    GateResult operator()(const GateEvidence&, const GateThresholds&) const {
        ++asked;
        return GateResult(G).require("flag_is_up", open);
    }
};

struct FlagPolicies : DefaultPolicies {
    using Gates = GateSet<FlagGate<Gate::g0>, FlagGate<Gate::g1>, FlagGate<Gate::g2>,
                          FlagGate<Gate::g3>, FlagGate<Gate::g5>>;
};

/// A seed for transformers that owns one tensor and does nothing with it.
struct Gain {
    static constexpr std::string_view name = "gain";
    static constexpr Topology topology = Topology::transformer;
    static constexpr QuietBirth quiet_birth = QuietBirth::built_in;
    using Needs = kasmina::Needs<>;
    struct Options {};

    static constexpr void check(Index width, const Options& = {}) {
        require_at_least(name, "width", width, 1);
    }
    static constexpr Index parameter_count(Index width, const Options& = {}) { return width; }

    template <class B>
    struct Module : nn::Visitable<Module<B>> {
        Parameter<B> gain;

        Module(typename B::Context& context, Index width, const Options&, Generator&)
            : gain(nn::constant_parameter<B>(context, {width}, 1.0)) {}

        [[nodiscard]] Variable<B> forward(Pass<B>&, const Variable<B>& input) const {
            return input;
        }
        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"gain", &Module::gain});
        }
    };
};

class SlotUnderTest {
public:
    using B = Chosen64;
    using Blueprints = BlueprintList<cnn::Norm, cnn::Noop, Gain>;
    using SlotType = Slot<B, Blueprints, FlagPolicies>;
    static constexpr Index width = 4;

    SlotUnderTest() {
        services_.host_parameters = LifecycleModel::host_parameters;
        slot_.emplace("r0c0", Topology::cnn, width, SlotOptions{}, services_);
    }

    /// Does what the operation says; errors come back as answers.
    SlotAnswer take(const SlotOperation& op) {
        try {
            return answer(op);
        } catch (const LifecycleError& error) {
            return {.verdict = Verdict::lifecycle_error, .text = error.what()};
        } catch (const OptionError& error) {
            return {.verdict = Verdict::option_error, .text = error.what()};
        } catch (const NumericError& error) {
            return {.verdict = Verdict::numeric_error, .text = error.what()};
        } catch (const UnknownNameError& error) {
            return {.verdict = Verdict::unknown_name_error, .text = error.what()};
        } catch (const std::exception& error) {
            return {.verdict = Verdict::another_error, .text = error.what()};
        }
    }

    [[nodiscard]] SlotView view() {
        const SlotReport report = slot_->report();
        const SeedMetrics& metrics = report.metrics;
        SlotView view;
        view.stage = slot_->stage();
        view.active = slot_->active();
        view.previous_stage = report.previous_stage;
        view.seed_id = report.seed_id;
        view.blueprint = report.blueprint;
        view.algorithm = report.algorithm;
        view.alpha = one_alpha(report);
        view.start = report.alpha.start;
        view.target = report.alpha.target;
        view.mode = report.alpha.mode;
        view.curve = report.alpha.curve;
        view.steepness = report.alpha.steepness;
        view.steps_total = report.alpha.steps_total;
        view.steps_done = report.alpha.steps_done;
        view.time_to_target = report.time_to_target;
        view.isolated = report.isolated && slot_->isolated();
        view.blending_out = report.blending_out;
        view.prune_scheduled = report.prune_scheduled;
        view.cooldown_ticks_left = report.cooldown_ticks_left;
        for (const auto& named : slot_->parameters()) {
            view.trainable += named.parameter->trainable() ? '1' : '0';
            view.parameters += static_cast<int>(named.parameter->size());
        }
        view.seed_parameters = static_cast<int>(metrics.seed_parameters);
        view.host_parameters = static_cast<int>(metrics.host_parameters);
        view.epochs_total = metrics.epochs_total;
        view.epochs_in_stage = metrics.epochs_in_stage;
        view.initial_score = metrics.initial_score;
        view.current_score = metrics.current_score;
        view.best_score = metrics.best_score;
        view.score_at_stage_start = metrics.score_at_stage_start;
        view.score_at_blending_start = metrics.score_at_blending_start;
        view.total_improvement = metrics.total_improvement();
        view.improvement_since_stage_start = slot_->evidence().improvement_since_stage_start;
        view.blending_delta = metrics.blending_delta();
        const AlphaOverride half{"r0c0", {0.5}};
        view.teaches = slot_->teaches();
        view.runs_recording = slot_->runs(true, nullptr);
        view.runs_evaluating = slot_->runs(false, nullptr);
        view.runs_overridden = slot_->runs(false, &half);
        view.accepts_override = accepts(half);
        view.target_amplitude = slot_->target_amplitude();
        view.dependence = metrics.dependence;
        if (metrics.readiness) {
            view.readiness = metrics.readiness->value;
            view.readiness_count = metrics.readiness->count;
            view.readiness_has_error = metrics.readiness->has_error();
        }
        if (metrics.contribution) {
            view.contribution = metrics.contribution->value;
            view.contribution_count = metrics.contribution->count;
            view.contribution_has_error = metrics.contribution->has_error();
        }
        view.contribution_by = metrics.contribution_by;
        view.previous_contribution = metrics.previous_contribution;
        view.contribution_velocity = metrics.contribution_velocity;
        view.gradient_ratio = metrics.gradient_ratio;
        view.gradient_norm_average = metrics.gradient_norm_average;
        if (metrics.parameter_health) {
            view.health = metrics.parameter_health->health;
            view.vanishing = metrics.parameter_health->vanishing;
            view.exploding = metrics.parameter_health->exploding;
        }
        view.interaction_sum = metrics.interaction_sum;
        view.boost_received = metrics.boost_received;
        view.upstream = metrics.upstream_alpha_sum;
        view.downstream = metrics.downstream_alpha_sum;
        view.auto_pruned = metrics.auto_pruned;
        view.prune_reason = metrics.prune_reason;
        view.gates_asked = {gate<Gate::g0>().asked, gate<Gate::g1>().asked, gate<Gate::g2>().asked,
                            gate<Gate::g3>().asked, gate<Gate::g5>().asked};
        if (const SeedRecord* record = slot_->record()) {
            view.has_record = true;
            view.history_length = record->history.size();
            view.leads = record->leads.size();
            view.history_first = entry(record->history.front());
            view.history_last = entry(record->history.back());
        }
        return view;
    }

    /// What a view leaves out and a refusal must not touch either: the random stream, and the
    /// values of all parameters.
    struct Innards {
        Generator::State generator;
        std::vector<double> values;
        friend bool operator==(const Innards&, const Innards&) = default;
    };

    [[nodiscard]] Innards innards() {
        Innards found{services_.generator.state(), {}};
        for (const auto& named : slot_->parameters()) {
            const std::vector<double> values = named.parameter->value().to_host(context_);
            found.values.insert(found.values.end(), values.begin(), values.end());
        }
        return found;
    }

private:
    template <Gate G>
    [[nodiscard]] FlagGate<G>& gate() {
        return services_.gates;
    }

    [[nodiscard]] static ViewedEntry entry(const StageEntry& entry) {
        return {entry.from, entry.to, entry.epochs_in_from};
    }

    /// all that tell an alpha tell the same; not a number where they do not.
    [[nodiscard]] double one_alpha(const SlotReport& report) const {
        const GateEvidence evidence = slot_->evidence();
        const bool one = report.alpha.alpha == slot_->alpha() && evidence.alpha == slot_->alpha() &&
                         evidence.alpha_target == report.alpha.target &&
                         evidence.alpha_mode == report.alpha.mode;
        return one ? slot_->alpha() : std::numeric_limits<double>::quiet_NaN();
    }

    [[nodiscard]] bool accepts(const AlphaOverride& chosen) const {
        try {
            slot_->check_override(chosen, 2);
            return true;
        } catch (const OptionError&) {
            return false;
        }
    }

    [[nodiscard]] static SlotAnswer answer_of(const AdvanceResult& result) {
        if (result.advanced != result.gate.passed() || result.verdict_differed) {
            return {.verdict = Verdict::another_error, .text = "not what the gate said"};
        }
        return {.verdict = result.advanced ? Verdict::done : Verdict::gate_refused,
                .gate = result.gate.gate(),
                .from = result.from,
                .to = result.to};
    }

    [[nodiscard]] static SlotAnswer answer_of(const Outcome& outcome) {
        return {.verdict = outcome.done ? Verdict::done : Verdict::refused, .text = outcome.reason};
    }

    SlotAnswer answer(const SlotOperation& op) {
        SlotType& slot = *slot_;
        switch (op.call) {
            case Call::new_slot: make_slot(op); break;
            case Call::set_gates:
                gate<Gate::g0>().open = (op.choice & 1) == 0;
                gate<Gate::g1>().open = (op.choice & 2) == 0;
                gate<Gate::g2>().open = (op.choice & 4) == 0;
                gate<Gate::g3>().open = (op.choice & 8) == 0;
                gate<Gate::g5>().open = (op.choice & 16) == 0;
                break;
            case Call::germinate:
                return answer_of(
                    slot.germinate(blueprint_names[op.choice],
                                   {.algorithm = op.algorithm.value_or(BlendAlgorithm::add),
                                    .curve = op.curve,
                                    .steepness = op.other,
                                    .tempo_epochs = op.steps,
                                    .alpha_target = op.number,
                                    .incubation = op.straight_through ? Incubation::straight_through
                                                                      : Incubation::feedback}));
            case Call::advance: return answer_of(slot.advance(op.target));
            case Call::ask_gate: {
                const GateResult result = slot.ask_gate();
                return {.verdict = result.passed() ? Verdict::done : Verdict::gate_refused,
                        .gate = result.gate()};
            }
            case Call::prune: return answer_of(slot.prune(std::string(prune_reasons[op.choice])));
            case Call::schedule_prune:
                return answer_of(slot.schedule_prune(op.steps, op.curve, op.other,
                                                     std::string(prune_reasons[op.choice])));
            case Call::set_alpha_target:
                return answer_of(
                    slot.set_alpha_target(op.number, op.steps, op.curve, op.other, op.algorithm));
            case Call::step_epoch: {
                const TickResult result = slot.step_epoch();
                return {.from = result.from, .to = result.to, .ramp_ended = result.ramp_ended};
            }
            case Call::record_score: slot.record_score(op.number); break;
            case Call::record_dependence: slot.record_dependence(op.number); break;
            case Call::record_readiness: slot.record_readiness(op.number); break;
            case Call::record_lead: slot.record_lead(op.number, measure_of(op.choice)); break;
            case Call::record_contribution:
                slot.record_contribution({op.number, op.other, count_of(op.choice)},
                                         measure_of(op.choice));
                break;
            case Call::record_interactions: slot.record_interactions(op.number, op.other); break;
            case Call::record_neighbours: slot.record_neighbours(op.number, op.other); break;
            case Call::record_gradients: record_gradients(op); break;
            case Call::backward_twice:
                // What a second backward pass leaves behind in each parameter that it reaches
                // (I-7).
                for (const auto& named : slot.parameters()) {
                    const bool of_gate = named.name.starts_with("gate/");
                    const bool behind = slot.stage() == Stage::training && !slot.teaches();
                    if (of_gate && behind) continue;
                    named.parameter->state()->warm = true;
                }
                break;
            case Call::freeze_by_hand: freeze_by_hand(op.steps); break;
            case Call::restore: return restore();
            case Call::take_and_plant: return take_and_plant();
        }
        return {};
    }

    void make_slot(const SlotOperation& op) {
        SlotType made("r0c0", op.transformer ? Topology::transformer : Topology::cnn, width,
                      {.embargo_ticks = op.steps,
                       .auto_forward = {.g1 = (op.choice & 1) != 0,
                                        .g2 = (op.choice & 2) != 0,
                                        .g3 = (op.choice & 4) != 0}},
                      services_);
        slot_ = std::move(made);
    }

    void record_gradients(const SlotOperation& op) {
        GradientNorm seed{.norm = op.number, .measured = (op.choice & seed_unmeasured) == 0};
        const GradientNorm host{.norm = op.other,
                                .parameters = LifecycleModel::host_parameters,
                                .measured = (op.choice & host_unmeasured) == 0};
        std::vector<double> norms;
        for (const auto& named : slot_->parameters()) {
            seed.parameters += named.parameter->size();
            norms.push_back(tensor_norm(op.choice, norms.size()));
        }
        bool warm = true;
        for (const auto& named : slot_->learning_parameters()) {
            warm = warm && named.parameter->state()->warm;
        }
        slot_->record_gradients(host, seed, norms, warm);
    }

    /// Turns one tensor's flag as a user may; not while the slot itself holds all of them frozen.
    void freeze_by_hand(int index) {
        const auto parameters = slot_->parameters();
        if (parameters.empty() || slot_->report().blending_out) return;
        const auto& parameter =
            parameters[static_cast<std::size_t>(index) % parameters.size()].parameter;
        parameter->set_trainable(!parameter->trainable());
    }

    /// Goes on in a new slot, with the state of the old one and the values of its tensors.
    SlotAnswer restore() {
        const SlotState state = slot_->state();
        const Generator::State stream = services_.generator.state();
        // The new one is not empty: it has a seed of its own, which the state replaces.
        SlotType fresh("r0c0", slot_->topology(), width, SlotOptions{.embargo_ticks = 9},
                       services_);
        const int asked = gate<Gate::g0>().asked;
        const bool open = std::exchange(gate<Gate::g0>().open, true);
        fresh.germinate(blueprint_names[slot_->topology() == Topology::cnn ? 1 : 2]);
        gate<Gate::g0>().open = open;
        gate<Gate::g0>().asked = asked;
        services_.generator = Generator::from_state(stream);

        fresh.restore(state);
        const auto from = slot_->parameters();
        const auto to = fresh.parameters();
        for (std::size_t i = 0; i < to.size(); ++i) {
            to[i].parameter->value().copy_from(context_, from.at(i).parameter->value());
        }
        const bool same = fresh.state() == state && services_.generator.state() == stream;
        slot_ = std::move(fresh);
        if (same) return {};
        return {.verdict = Verdict::another_error, .text = "restored, and another"};
    }

    /// The seed as a typed one, and back.
    SlotAnswer take_and_plant() {
        const Stage stage = slot_->stage();
        const bool is_gain = slot_->topology() == Topology::transformer;
        const bool is_noop = slot_->record() != nullptr && slot_->record()->blueprint == "noop";
        if (is_gain) return take_and_plant<Gain>(stage);
        if (is_noop) return take_and_plant<cnn::Noop>(stage);
        return take_and_plant<cnn::Norm>(stage);
    }

    template <class Blueprint>
    SlotAnswer take_and_plant(Stage stage) {
        switch (stage) {
            case Stage::germinated: return take_and_plant<Stage::germinated, Blueprint>();
            case Stage::training: return take_and_plant<Stage::training, Blueprint>();
            case Stage::blending: return take_and_plant<Stage::blending, Blueprint>();
            case Stage::holding: return take_and_plant<Stage::holding, Blueprint>();
            case Stage::fossilized: return take_and_plant<Stage::fossilized, Blueprint>();
            default: return take_and_plant<Stage::training, Blueprint>();  // refused
        }
    }

    template <Stage S, class Blueprint>
    SlotAnswer take_and_plant() {
        const SlotState before = slot_->state();
        if (!gate<Gate::g0>().open && before.seed && !before.scheduled_prune) return {};
        auto taken = slot_->template take<S, Blueprint>();
        const bool empty = slot_->stage() == Stage::dormant && slot_->record() == nullptr;
        const bool planted = slot_->plant(std::move(taken)).advanced;
        if (empty && planted && slot_->state() == before) return {};
        return {.verdict = Verdict::another_error, .text = "taken and planted, and another"};
    }

    B::Context context_{};
    SlotServices<B, FlagPolicies> services_{.context = &context_, .generator = Generator(7)};
    std::optional<SlotType> slot_{};
};

}  // namespace kasmina::test
