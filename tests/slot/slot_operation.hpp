// SlotOperation: one call on a slot as a value, to be printed, replayed and made simpler.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/alpha/blend_algorithm.hpp>
#include <kasmina/alpha/curve.hpp>
#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/statistics/estimate.hpp>

namespace kasmina::test {

enum class Call : std::uint8_t {
    new_slot,
    set_gates,
    germinate,
    advance,
    ask_gate,
    prune,
    schedule_prune,
    set_alpha_target,
    step_epoch,
    record_score,
    record_dependence,
    record_readiness,
    record_lead,
    record_contribution,
    record_interactions,
    record_neighbours,
    record_gradients,
    backward_twice,
    freeze_by_hand,
    restore,
    take_and_plant,
};

inline constexpr int call_count = 21;

[[nodiscard]] constexpr std::string_view name_of(Call call) noexcept {
    constexpr std::string_view names[call_count]{"new_slot",
                                                 "set_gates",
                                                 "germinate",
                                                 "advance",
                                                 "ask_gate",
                                                 "prune",
                                                 "schedule_prune",
                                                 "set_alpha_target",
                                                 "step_epoch",
                                                 "record_score",
                                                 "record_dependence",
                                                 "record_readiness",
                                                 "record_lead",
                                                 "record_contribution",
                                                 "record_interactions",
                                                 "record_neighbours",
                                                 "record_gradients",
                                                 "backward_twice",
                                                 "freeze_by_hand",
                                                 "restore",
                                                 "take_and_plant"};
    return names[static_cast<int>(call)];
}

/// Names that germinations ask for: the last is no blueprint's. `gain` is for transformers.
inline constexpr std::string_view blueprint_names[]{"norm", "noop", "gain", "conv_huge"};
inline constexpr std::string_view prune_reasons[]{"slow",
                                                  "governor_nan",
                                                  "governor_lobotomy",
                                                  "governor_divergence",
                                                  "governor_rollback",
                                                  "a governor_ inside"};

/// The arguments of any call; what a call does not read keeps its neutral value.
struct SlotOperation {
    Call call = Call::step_epoch;
    std::optional<Stage> target{};  ///< of an advance
    double number = 1.0;            ///< alpha target, accuracy, points, seed's norm
    double other = 12.0;            ///< steepness, boost, downstream, host's norm
    int steps = 1;                  ///< tempo, ramp, embargo ticks, index of a tensor
    int choice = 0;                 ///< index into the names above, or bits (below)
    AlphaCurve curve = AlphaCurve::linear;
    std::optional<BlendAlgorithm> algorithm{};
    bool transformer = false;       ///< topology of a new slot
    bool straight_through = false;  ///< incubation of a germination

    friend bool operator==(const SlotOperation&, const SlotOperation&) = default;
};

// `choice` as bits: auto-forward of G1, G2, G3 for new_slot; which of G0, G1, G2, G3, G5 are shut
// for set_gates; the measure for record_lead and record_contribution, none to own, then the count;
// whether host and seed were left unmeasured for record_gradients, then two bits
// per tensor for its norm.
inline constexpr int host_unmeasured = 1;
inline constexpr int seed_unmeasured = 2;

/// What a lead or a contribution was measured by, and how often.
[[nodiscard]] constexpr judge::MeasureKind measure_of(int choice) noexcept {
    return static_cast<judge::MeasureKind>(choice & 3);
}
[[nodiscard]] constexpr int count_of(int choice) noexcept {
    return (choice >> 2) - 1;
}

/// The gradient norm of a tensor in record_gradients: vanishing, sane, or exploding.
[[nodiscard]] constexpr double tensor_norm(int choice, std::size_t tensor) noexcept {
    constexpr double norms[]{1.0, 1e-8, 20.0, 0.5};
    return norms[(choice >> (2 + 2 * tensor)) & 3];
}

/// One line: the call and the arguments that it reads.
[[nodiscard]] inline std::string text_of(const SlotOperation& op) {
    std::ostringstream text;
    text.precision(17);
    text << name_of(op.call);
    const auto blend = [&] {
        if (op.algorithm) text << " algorithm=" << name_of(*op.algorithm);
        text << " curve=" << name_of(op.curve) << " steepness=" << op.other;
    };
    switch (op.call) {
        case Call::new_slot:
            text << (op.transformer ? " transformer" : " cnn") << " embargo_ticks=" << op.steps
                 << " auto_forward:" << ((op.choice & 1) != 0 ? " G1" : "")
                 << ((op.choice & 2) != 0 ? " G2" : "") << ((op.choice & 4) != 0 ? " G3" : "");
            break;
        case Call::set_gates:
            text << " shut:";
            for (int gate = 0; gate < 5; ++gate) {
                if ((op.choice >> gate & 1) != 0) text << " G" << (gate == 4 ? 5 : gate);
            }
            break;
        case Call::germinate:
            text << ' ' << blueprint_names[op.choice] << " tempo=" << op.steps
                 << " alpha_target=" << op.number;
            blend();
            if (op.straight_through) text << " straight_through";
            break;
        case Call::advance:
            if (op.target) text << " to " << name_of(*op.target);
            break;
        case Call::schedule_prune:
            text << ' ' << op.steps << " reason=\"" << prune_reasons[op.choice] << '"';
            blend();
            break;
        case Call::prune: text << " reason=\"" << prune_reasons[op.choice] << '"'; break;
        case Call::set_alpha_target:
            text << ' ' << op.number << " steps=" << op.steps;
            blend();
            break;
        case Call::record_score:
        case Call::record_dependence:
        case Call::record_readiness: text << ' ' << op.number; break;
        case Call::record_lead:
        case Call::record_contribution:
            text << ' ' << op.number << " by " << name_of(measure_of(op.choice));
            if (op.call == Call::record_contribution) {
                text << " count=" << count_of(op.choice) << " error=" << op.other;
            }
            break;
        case Call::record_interactions:
        case Call::record_neighbours: text << ' ' << op.number << ' ' << op.other; break;
        case Call::record_gradients:
            text << " seed=" << op.number << " host=" << op.other << " bits=" << op.choice;
            break;
        case Call::freeze_by_hand: text << " tensor " << op.steps; break;
        case Call::ask_gate:
        case Call::step_epoch:
        case Call::backward_twice:
        case Call::restore:
        case Call::take_and_plant: break;
    }
    return text.str();
}

/// Simpler versions of an operation, the simplest first: one argument neutral, or its number
/// rounded, or its steps fewer. Each differs from the operation.
[[nodiscard]] inline std::vector<SlotOperation> simpler(const SlotOperation& op) {
    std::vector<SlotOperation> candidates;
    const SlotOperation neutral{.call = op.call};
    const auto with = [&](auto member, auto value) {
        SlotOperation candidate = op;
        candidate.*member = value;
        if (!(candidate.*member == op.*member)) candidates.push_back(candidate);
    };
    with(&SlotOperation::target, neutral.target);
    with(&SlotOperation::algorithm, neutral.algorithm);
    with(&SlotOperation::curve, neutral.curve);
    with(&SlotOperation::transformer, neutral.transformer);
    with(&SlotOperation::straight_through, neutral.straight_through);
    with(&SlotOperation::choice, neutral.choice);
    for (int bit = 0; bit < 12; ++bit) {
        if ((op.choice >> bit & 1) != 0) with(&SlotOperation::choice, op.choice & ~(1 << bit));
    }
    with(&SlotOperation::other, neutral.other);
    if (std::isfinite(op.number)) {
        with(&SlotOperation::number, neutral.number);
        if (op.number != 1.0) with(&SlotOperation::number, std::floor(op.number));
        if (op.number != 1.0 && op.number != std::floor(op.number)) {
            with(&SlotOperation::number, 0.5);
        }
    }
    with(&SlotOperation::steps, neutral.steps);
    if (op.steps > 1) with(&SlotOperation::steps, op.steps - 1);
    if (op.steps < 0) with(&SlotOperation::steps, op.steps + 1);
    return candidates;
}

}  // namespace kasmina::test
