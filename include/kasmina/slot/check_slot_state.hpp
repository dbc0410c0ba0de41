// What a stored state of a slot may be: the parts that its stage has, and no two that contradict.
#pragma once

#include <string>
#include <string_view>

#include <kasmina/alpha/check_alpha_state.hpp>
#include <kasmina/lifecycle/stage_encoding.hpp>
#include <kasmina/number_text.hpp>
#include <kasmina/slot/check_record.hpp>
#include <kasmina/slot/slot_state.hpp>

/// \file
/// Nothing here knows a backend or a blueprint; what only the rebuilt seed can tell is checked when
/// it stands (slot/restore_stage.hpp).
namespace kasmina::slot_detail {

/// Errors: StateError for a part that a stage has not, or lacks.
inline void check_presence(const std::string& where, std::string_view part, bool there, bool due,
                           Stage stage) {
    if (there == due) return;
    const std::string in = " in " + std::string(name_of(stage));
    refuse_state(where, part, (due ? "a value" : "nothing") + in, there ? "a value" : "nothing");
}

/// Errors: StateError for another slot's state.
inline void check_place(const SlotState& state, const std::string& where, std::string_view name,
                        Topology topology, Index width) {
    if (state.name != name) refuse_state(where, "name", std::string(name), state.name);
    if (state.topology != topology) {
        refuse_state(where, "topology", std::string(name_of(topology)),
                     std::string(name_of(state.topology)));
    }
    if (state.width != width) {
        refuse_state(where, "width", std::to_string(width), std::to_string(state.width));
    }
}

/// Errors: StateError, or OptionError for options that no germination takes.
inline void check_live_seed(const SlotState& state, const std::string& where) {
    const LiveSeedState& seed = *state.seed;
    check_germination_options(seed.blend, where + ", blend");
    if (seed.has_gate_network != (seed.blend.algorithm == BlendAlgorithm::gate)) {
        refuse_state(where, "seed.has_gate_network",
                     "a gate network with the algorithm gate, and only then",
                     std::string(seed.has_gate_network ? "one" : "none") + " with " +
                         std::string(name_of(seed.blend.algorithm)));
    }
    const bool never = state.stage == Stage::germinated || state.stage == Stage::holding ||
                       state.stage == Stage::fossilized;
    if ((state.stage == Stage::training && !seed.isolated) || (never && seed.isolated)) {
        refuse_state(where, "seed.isolated", never ? "false" : "true",
                     std::string(seed.isolated ? "true" : "false") + " in " +
                         std::string(name_of(state.stage)));
    }
    if (seed.random.word > 3) {
        refuse_state(where, "seed.random.word", "0 to 3", std::to_string(seed.random.word));
    }
    const bool blends_out = state.alpha && state.alpha->mode == AlphaMode::down;
    for (const ParameterFlags& flags : seed.parameters) {
        if (!flags.thaws_after_ramp || blends_out) continue;
        refuse_state(where, "seed.parameters." + flags.name + ".thaws_after_ramp",
                     "false without a ramp down", "true");
    }
}

/// Errors: StateError, for an amplitude that a seed of that stage has not.
inline void check_amplitude(const SlotState& state, const std::string& where) {
    const AlphaState& alpha = *state.alpha;
    check_alpha_state(alpha, where);
    const bool full = state.stage == Stage::holding || state.stage == Stage::fossilized;
    if (full && (alpha.alpha != 1.0 || alpha.mode != AlphaMode::hold)) {
        refuse_state(where, "alpha.alpha", "1 and no ramp in " + std::string(name_of(state.stage)),
                     number_text(alpha.alpha) + ", mode " + std::string(name_of(alpha.mode)));
    }
    const bool gated = state.seed->blend.algorithm == BlendAlgorithm::gate;
    if (gated && alpha.mode != AlphaMode::hold && alpha.curve != AlphaCurve::linear) {
        refuse_state(where, "alpha.curve", "linear with the algorithm gate",
                     std::string(name_of(alpha.curve)));
    }
    const bool to_nothing = alpha.mode == AlphaMode::down && alpha.target == 0.0;
    if (to_nothing != state.scheduled_prune.has_value()) {
        refuse_state(where, "scheduled_prune", "a scheduled prune with a ramp to 0, and only then",
                     std::string(to_nothing ? "none" : "one") + " with a target of " +
                         number_text(alpha.target));
    }
}

/// Errors: StateError naming the field, for a state that no slot comes to; OptionError for options
/// that no slot or germination takes.
inline void check_slot_state(const SlotState& state, const std::string& where) {
    if (!reflect::is_enumerator(state.stage) || state.stage == Stage::unknown) {
        refuse_state(where, "stage", "a stage that a slot rests in",
                     std::to_string(static_cast<int>(state.stage)) +
                         (static_cast<int>(state.stage) == 5 ? " (retired)" : ""));
    }
    const Stage stage = state.stage;
    const bool lives = stage != Stage::dormant && !is_failure(stage);
    const bool blended = is_active(stage) && stage != Stage::training;
    check_slot_options(state.options, where);
    check_presence(where, "record", state.record.has_value(), stage != Stage::dormant, stage);
    check_presence(where, "seed", state.seed.has_value(), lives, stage);
    check_presence(where, "alpha", state.alpha.has_value(), blended, stage);
    check_presence(where, "embargo_ticks_left", state.embargo_ticks_left.has_value(),
                   stage == Stage::embargoed, stage);
    if (stage != Stage::blending) {
        check_presence(where, "scheduled_prune", state.scheduled_prune.has_value(), false, stage);
    }
    if (state.embargo_ticks_left && (*state.embargo_ticks_left < 1 ||
                                     *state.embargo_ticks_left > state.options.embargo_ticks)) {
        refuse_state(where, "embargo_ticks_left",
                     "1 to " + std::to_string(state.options.embargo_ticks),
                     std::to_string(*state.embargo_ticks_left));
    }
    if (state.record) check_record(*state.record, stage, where + ", record");
    if (lives) check_live_seed(state, where);
    if (blended) check_amplitude(state, where);
}

}  // namespace kasmina::slot_detail
