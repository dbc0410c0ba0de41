// LifecycleModel: what a slot does, restated from the tables of the specification and from nothing
// of the slot's code. It is plain and slow, and holds beliefs, no tensors.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/comma_list.hpp>

#include "slot/believed_seed.hpp"
#include "slot/expectation.hpp"
#include "slot/ramp_model.hpp"
#include "slot/slot_operation.hpp"
#include "slot/slot_view.hpp"

namespace kasmina::test {

class LifecycleModel {
public:
    static constexpr int host_parameters = BelievedSeed::host_parameters;
    static constexpr int min_blending_epochs = 3;  // section 2, the default

    /// L-1. A test may believe otherwise.
    std::vector<LifecycleRow> table{lifecycle_rows.begin(), lifecycle_rows.end()};
    /// S-7: a prune is followed by this many ticks and the embargo. A test may believe otherwise.
    int cooldown_beside_embargo = 2;

    [[nodiscard]] Stage stage() const { return stage_; }
    [[nodiscard]] bool ramps() const { return !ramp_.holds(); }

    Expectation take(const SlotOperation& op) {
        switch (op.call) {
            case Call::new_slot: return new_slot(op);
            case Call::set_gates: return set_gates(op);
            case Call::germinate: return germinate(op);
            case Call::advance: return advance(op.target);
            case Call::ask_gate: return ask_gate();
            case Call::prune: return prune(std::string(prune_reasons[op.choice]));
            case Call::schedule_prune: return schedule_prune(op);
            case Call::set_alpha_target: return set_alpha_target(op);
            case Call::step_epoch: return step_epoch();
            case Call::record_score: return record_score(op.number);
            case Call::record_dependence: return record_dependence(op.number);
            case Call::record_readiness: return record_readiness(op.number);
            case Call::record_lead: return record_lead(op.number, measure_of(op.choice));
            case Call::record_contribution: return record_contribution(op);
            case Call::record_interactions: return record_interactions(op.number, op.other);
            case Call::record_neighbours: return record_neighbours(op.number, op.other);
            case Call::record_gradients: return record_gradients(op);
            case Call::backward_twice: return backward_twice();
            case Call::freeze_by_hand: return freeze_by_hand(op.steps);
            case Call::restore: return {};  // a slot goes on from its state as if nothing was
            case Call::take_and_plant: break;
        }
        return take_and_plant();
    }

    /// What an observer should see.
    [[nodiscard]] SlotView view() const {
        SlotView view;
        view.stage = stage_;
        view.gates_asked = gates_asked_;
        view.active = stage_ == Stage::training || stage_ == Stage::blending ||
                      stage_ == Stage::holding || stage_ == Stage::fossilized;  // L-5
        view.cooldown_ticks_left = cooldown_left_;
        view.alpha = ramp_.alpha;
        view.start = ramp_.start;
        view.target = ramp_.target;
        view.mode = ramp_.mode;
        view.curve = ramp_.curve;
        view.steepness = ramp_.steepness;
        view.steps_total = ramp_.total;
        view.steps_done = ramp_.done;
        view.time_to_target = ramp_.time_to_target();
        if (!seed_) return view;
        seed_->show(view);
        if (!is_live()) return view;
        const BelievedSeed& seed = *seed_;
        view.algorithm = seed.algorithm;
        view.isolated = seed.isolated;
        view.teaches = stage_ == Stage::training && !seed.straight_through;  // I-9
        view.runs_recording = view.active && !view.teaches;
        view.runs_evaluating =
            view.active && stage_ != Stage::training && ramp_.alpha != 0.0;  // S-10, A-8
        view.runs_overridden = view.accepts_override = view.active;
        view.target_amplitude = seed.alpha_target;
        view.blending_out = ramp_.mode == AlphaMode::down;
        view.prune_scheduled = seed.scheduled_prune.has_value();
        view.parameters = seed.parameters();
        view.trainable = seed.trainable();
        return view;
    }

private:
    // ---- the tables -------------------------------------------------------------------------

    [[nodiscard]] bool allows(Stage from, Stage to) const {
        return std::any_of(table.begin(), table.end(), [=](const LifecycleRow& row) {
            return row.from == from && row.to == to;
        });
    }

    /// L-7 and section 2: where an advance goes, and the gate on the way.
    [[nodiscard]] static std::optional<std::pair<Stage, Gate>> forward(Stage from) {
        switch (from) {
            case Stage::germinated: return std::pair(Stage::training, Gate::g1);
            case Stage::training: return std::pair(Stage::blending, Gate::g2);
            case Stage::blending: return std::pair(Stage::holding, Gate::g3);
            case Stage::holding: return std::pair(Stage::fossilized, Gate::g5);
            default: return std::nullopt;  // dormant germinates, and that is another call
        }
    }

    [[nodiscard]] static int place_of(Gate gate) {
        return gate == Gate::g5 ? 4 : static_cast<int>(gate);
    }

    /// What a step that L-1 does not have is told: both stages and the allowed ones (L-4).
    [[nodiscard]] std::vector<std::string> words_of_illegal_step(Stage to) const {
        std::vector<std::string> words{std::string(name_of(stage_)) + " to " +
                                       std::string(name_of(to))};
        add_allowed(words);
        return words;
    }

    void add_allowed(std::vector<std::string>& words) const {
        std::string list;
        for (const LifecycleRow& row : table) {
            if (row.from == stage_) append_to_list(list, name_of(row.to));
        }
        words.push_back(list.empty() ? "final" : list);
    }

    [[nodiscard]] static Expectation refuse(Verdict verdict, Why why,
                                            std::vector<std::string> words = {}) {
        return {.answer = {.verdict = verdict}, .words = std::move(words), .why = why};
    }

    [[nodiscard]] bool is_cooling() const { return cooldown_left_ > 0; }
    [[nodiscard]] bool is_live() const { return seed_ && !is_cooling(); }

    // ---- what surrounds the slot ------------------------------------------------------------

    Expectation new_slot(const SlotOperation& op) {
        if (op.steps < 1) return refuse(Verdict::option_error, Why::none, {"embargo"});
        stage_ = Stage::dormant;
        seed_.reset();
        ramp_ = {};
        cooldown_left_ = 0;
        embargo_ = op.steps;
        auto_forward_ = op.choice;
        transformer_ = op.transformer;
        return {};
    }

    Expectation set_gates(const SlotOperation& op) {
        shut_gates_ = op.choice;
        return {};
    }

    bool ask(Gate gate) {
        ++gates_asked_[static_cast<std::size_t>(place_of(gate))];
        return (shut_gates_ >> place_of(gate) & 1) == 0;
    }

    // ---- steps ------------------------------------------------------------------------------

    /// L-8, and what the stage that is entered sets up.
    void enter(Stage to) {
        BelievedSeed& seed = *seed_;
        seed.history.push_back({stage_, to, seed.epochs_in_stage});
        if (seed.history.size() > 100) seed.history.erase(seed.history.begin());
        seed.epochs_in_stage = 0;
        seed.at_stage_start = seed.current;
        const Stage from = std::exchange(stage_, to);
        switch (to) {
            case Stage::training: seed.isolated = true; break;  // I-3
            case Stage::blending:
                if (from == Stage::holding) break;
                seed.isolated = !transformer_;          // I-3
                seed.at_blending_start = seed.current;  // S-3
                ramp_.retarget(seed.alpha_target, seed.tempo, seed.curve_for(seed.curve),
                               seed.steepness);
                break;
            case Stage::holding:        // S-3
                seed.isolated = false;  // I-3
                seed.forget_contribution();
                ramp_.hold_at(1.0);
                seed.scheduled_prune.reset();
                seed.thaw();
                break;
            case Stage::pruned:
                seed.tensors.clear();
                ramp_ = {};
                cooldown_left_ = embargo_ + cooldown_beside_embargo;
                break;
            default: break;
        }
    }

    Expectation germinate(const SlotOperation& op) {
        if (stage_ != Stage::dormant) {
            return refuse(Verdict::lifecycle_error, Why::not_dormant,
                          words_of_illegal_step(Stage::germinated));
        }
        const std::string name(blueprint_names[op.choice]);
        const bool known = transformer_ ? name == "gain" : name == "norm" || name == "noop";
        if (!known) {
            return refuse(Verdict::unknown_name_error, Why::unknown_blueprint,
                          {name, transformer_ ? "gain" : "norm, noop"});
        }
        if (op.steps < 1) {
            return refuse(Verdict::option_error, Why::tempo_too_short,
                          {"tempo", std::to_string(op.steps)});
        }
        if (!(op.number > 0.0 && op.number <= 1.0)) {
            return refuse(Verdict::option_error, Why::target_out_of_range, {"alpha target"});
        }
        if (!std::isfinite(op.other) || op.other < 0.1) {
            return refuse(Verdict::option_error, Why::steepness_out_of_range, {"steepness"});
        }
        Expectation result;
        result.answer = {.gate = Gate::g0, .from = Stage::dormant, .to = Stage::germinated};
        if (!ask(Gate::g0)) {
            result.answer.verdict = Verdict::gate_refused;
            result.why = Why::gate_shut;
            return result;
        }
        BelievedSeed seed;
        seed.id = "r0c0-" + name;
        seed.blueprint = name;
        seed.algorithm = op.algorithm.value_or(BlendAlgorithm::add);
        seed.curve = op.curve;
        seed.steepness = op.other;
        seed.tempo = op.steps;
        seed.alpha_target = op.number;
        seed.straight_through = op.straight_through;
        if (name == "norm") seed.tensors = {{.size = 4}, {.size = 4}, {.size = 1}};
        if (name == "gain") seed.tensors = {{.size = 4}};
        seed_ = std::move(seed);
        if (seed_->algorithm == BlendAlgorithm::gate) seed_->add_gate_network();
        seed_->counted = seed_->parameters();
        enter(Stage::germinated);
        return result;
    }

    Expectation advance(std::optional<Stage> target) {
        const auto step = forward(stage_);
        if (!step || (target && *target != step->first)) return refuse_advance(step, target);
        Expectation result;
        result.answer = {.gate = step->second, .from = stage_, .to = step->first};
        if (ask(step->second)) {
            enter(step->first);
        } else {
            result.answer.verdict = Verdict::gate_refused;
            result.why = Why::gate_shut;
        }
        return result;
    }

    /// The verdict alone; nothing is done on it.
    Expectation ask_gate() {
        const auto step = forward(stage_);
        if (!step) return refuse_advance(step, std::nullopt);
        Expectation result;
        result.answer.gate = step->second;
        if (!ask(step->second)) {
            result.answer.verdict = Verdict::gate_refused;
            result.why = Why::gate_shut;
        }
        return result;
    }

    Expectation refuse_advance(const std::optional<std::pair<Stage, Gate>>& step,
                               std::optional<Stage> target) const {
        std::vector<std::string> words{std::string(name_of(stage_)) + " to " +
                                       (target ? std::string(name_of(*target)) : "")};
        if (step) words.push_back("forward step to " + std::string(name_of(step->first)));
        if (stage_ == Stage::dormant) words.push_back("germinate");
        add_allowed(words);
        return refuse(Verdict::lifecycle_error,
                      step ? Why::not_the_forward_step : Why::no_forward_step, std::move(words));
    }

    /// S-4.
    Expectation prune(const std::string& reason) {
        if (is_cooling()) {
            return refuse(Verdict::refused, Why::cooling_already, {std::string(name_of(stage_))});
        }
        if (!allows(stage_, Stage::pruned)) {
            return refuse(Verdict::lifecycle_error, Why::cannot_be_pruned,
                          words_of_illegal_step(Stage::pruned));
        }
        seed_->prune_reason = reason;
        seed_->auto_pruned = reason.rfind("governor_", 0) == 0;
        enter(Stage::pruned);
        return {};
    }

    /// A seed that is taken out and planted again is where it was, and G0 has been asked.
    Expectation take_and_plant() {
        if (!is_live() || seed_->scheduled_prune) {
            return refuse(Verdict::lifecycle_error, Why::not_to_be_taken,
                          {is_live() ? "waits to be pruned" : std::string(name_of(stage_))});
        }
        if ((shut_gates_ & 1) == 0) ask(Gate::g0);  // the test leaves the seed where G0 is shut
        return {};
    }

    /// S-5.
    Expectation schedule_prune(const SlotOperation& op) {
        if (std::isnan(op.other)) return refuse_steepness();
        const std::string reason(prune_reasons[op.choice]);
        const bool has_ramp = stage_ == Stage::blending || stage_ == Stage::holding;
        if (!has_ramp || op.steps <= 0 || ramp_.alpha == 0.0) return prune(reason);
        if (!ramp_.holds()) return refuse_ramp();
        if (stage_ == Stage::holding) enter(Stage::blending);
        seed_->scheduled_prune = reason;
        ramp_.retarget(0.0, op.steps, seed_->curve_for(op.curve), op.other);
        seed_->freeze();
        return {};
    }

    /// S-6.
    Expectation set_alpha_target(const SlotOperation& op) {
        if (!(op.number > 0.0 && op.number <= 1.0)) {
            return refuse(Verdict::option_error, Why::target_out_of_range,
                          {"alpha target", "above 0 and at most 1"});
        }
        if (std::isnan(op.other)) return refuse_steepness();
        if (stage_ != Stage::blending && stage_ != Stage::holding) {
            return refuse(Verdict::refused, Why::not_blended,
                          {"blending or holding", std::string(name_of(stage_))});
        }
        if (!ramp_.holds()) return refuse_ramp();
        if (op.algorithm) seed_->change_algorithm(*op.algorithm);
        if (stage_ == Stage::holding) {
            if (op.number == 1.0) return {};
            enter(Stage::blending);
        }
        ramp_.retarget(op.number, op.steps, seed_->curve_for(op.curve), op.other);
        if (ramp_.mode == AlphaMode::down) seed_->freeze();
        return {};
    }

    [[nodiscard]] static Expectation refuse_steepness() {
        return refuse(Verdict::option_error, Why::steepness_out_of_range, {"steepness", "finite"});
    }

    [[nodiscard]] static std::string words(double number) {
        char text[32];
        return {text, std::to_chars(text, text + sizeof text, number).ptr};
    }

    [[nodiscard]] Expectation refuse_ramp() const {
        return refuse(
            Verdict::refused, Why::ramp_under_way,
            {"ramp to", words(ramp_.target), std::to_string(ramp_.total - ramp_.done) + " ticks"});
    }

    // ---- the tick (S-7) -----------------------------------------------------------------------

    Expectation step_epoch() {
        Expectation result;
        result.answer.from = stage_;
        if (is_cooling()) {
            cool();
        } else if (seed_) {
            ++seed_->epochs_in_stage;
            ++seed_->epochs_total;
            result.answer.ramp_ended = tick_ramp();
            if (stage_ == *result.answer.from && tries_to_advance()) {
                advance(std::nullopt);
                // I-8: the epoch in which blending begins is a tick of its ramp.
                if (stage_ == Stage::blending && *result.answer.from == Stage::training) {
                    result.answer.ramp_ended = tick_ramp();
                }
            }
        }
        result.answer.to = stage_;
        return result;
    }

    /// A cooldown is a number of ticks, and they say the stage: the first is pruned, the last
    /// resetting, those between are embargoed.
    void cool() {
        --cooldown_left_;
        ++seed_->epochs_in_stage;  // L-8
        const Stage next = cooldown_left_ == 0   ? Stage::dormant
                           : cooldown_left_ == 1 ? Stage::resetting
                                                 : Stage::embargoed;
        if (next == Stage::dormant) {
            stage_ = next;
            seed_.reset();
        } else if (next != stage_) {
            enter(next);
        }
    }

    bool tick_ramp() {
        if (stage_ != Stage::blending || !ramp_.tick()) return false;
        seed_->thaw();
        if (seed_->scheduled_prune && ramp_.alpha == 0.0) prune(*seed_->scheduled_prune);
        return true;
    }

    /// G-9 for strict gates. A seed that is on its way out is not pushed forward.
    [[nodiscard]] bool tries_to_advance() const {
        const bool long_enough = seed_->epochs_in_stage >= min_blending_epochs;
        if (stage_ == Stage::germinated) return (auto_forward_ & 1) != 0;
        if (stage_ == Stage::training) return (auto_forward_ & 2) != 0 && long_enough;
        if (stage_ == Stage::blending) {
            return (auto_forward_ & 4) != 0 && long_enough && !seed_->scheduled_prune;
        }
        return false;
    }

    // ---- tensors (I-6, A-6) -------------------------------------------------------------------

    Expectation freeze_by_hand(int index) {
        if (!is_live() || seed_->tensors.empty() || ramp_.mode == AlphaMode::down) return {};
        auto& tensor = seed_->tensors[static_cast<std::size_t>(index) % seed_->tensors.size()];
        tensor.by_hand = !tensor.by_hand;
        return {};
    }

    Expectation backward_twice() {
        if (is_live()) seed_->warm_up(stage_);
        return {};
    }

    // ---- measurements -------------------------------------------------------------------------

    [[nodiscard]] static Expectation refuse_number() {
        return refuse(Verdict::numeric_error, Why::not_finite, {"finite"});
    }
    [[nodiscard]] Expectation refuse_without_seed() const {
        return refuse(Verdict::lifecycle_error, Why::no_live_seed,
                      {"live seed", std::string(name_of(stage_))});
    }

    Expectation record_score(double accuracy) {
        if (!std::isfinite(accuracy)) return refuse_number();
        if (!is_live()) return {.why = Why::ignored};
        seed_->note_score(accuracy);
        return {};
    }

    [[nodiscard]] Expectation refuse_in_another_stage(Stage wanted) const {
        return refuse(Verdict::lifecycle_error, Why::another_stage,
                      {"seed in " + std::string(name_of(wanted)), std::string(name_of(stage_))});
    }
    [[nodiscard]] static Expectation refuse_measure() {
        return refuse(Verdict::option_error, Why::not_measured, {"measure"});
    }

    Expectation record_dependence(double points) {
        if (!std::isfinite(points)) return refuse_number();
        if (!is_live()) return refuse_without_seed();
        seed_->dependence = points;
        return {};
    }

    Expectation record_readiness(double points) {
        if (!std::isfinite(points)) return refuse_number();
        if (stage_ != Stage::training) return refuse_in_another_stage(Stage::training);
        seed_->note_readiness(points);
        return {};
    }

    Expectation record_lead(double points, judge::MeasureKind by) {
        if (!std::isfinite(points)) return refuse_number();
        if (by == judge::MeasureKind::none) return refuse_measure();
        if (stage_ != Stage::holding) return refuse_in_another_stage(Stage::holding);
        seed_->note_lead(points, by);
        return {};
    }

    Expectation record_contribution(const SlotOperation& op) {
        const judge::MeasureKind by = measure_of(op.choice);
        const int count = count_of(op.choice);
        if (!std::isfinite(op.number)) return refuse_number();
        if (by == judge::MeasureKind::none || op.other < 0.0 || count < 0) return refuse_measure();
        if (!is_live()) return refuse_without_seed();
        seed_->contribute(op.number, count, std::isfinite(op.other), by);
        return {};
    }

    Expectation record_interactions(double sum, double boost) {
        if (!std::isfinite(sum) || !std::isfinite(boost)) return refuse_number();
        if (!is_live()) return refuse_without_seed();
        seed_->interaction_sum = sum;
        seed_->boost = boost;
        return {};
    }

    Expectation record_neighbours(double upstream, double downstream) {
        if (!is_live()) return {.why = Why::ignored};
        seed_->upstream = upstream;
        seed_->downstream = downstream;
        return {};
    }

    Expectation record_gradients(const SlotOperation& op) {
        if (!is_live()) return {.why = Why::ignored};
        seed_->note_gradients(op, stage_);
        return {};
    }

    Stage stage_ = Stage::dormant;
    std::optional<BelievedSeed> seed_{};
    RampModel ramp_{};
    int cooldown_left_ = 0;  ///< ticks until dormant (S-7)
    int embargo_ = 5;
    int auto_forward_ = 0;
    bool transformer_ = false;
    int shut_gates_ = 0;
    std::array<int, 5> gates_asked_{};
};

}  // namespace kasmina::test
