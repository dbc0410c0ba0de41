// What a stored state of an amplitude may be: only what a controller comes to.
#pragma once

#include <algorithm>
#include <string>

#include <kasmina/alpha/state.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/number_text.hpp>
#include <kasmina/reflect/check_enumerator.hpp>

namespace kasmina {
namespace alpha_detail {

[[noreturn]] KASMINA_COLD inline void refuse_state(const std::string& where, const char* field,
                                                   std::string expected, std::string got) {
    throw StateError(std::string("the field alpha.") + field + " cannot be", where,
                     std::move(expected), std::move(got), "store what AlphaController::state gave");
}

inline void check_amplitude(const std::string& where, const char* field, double value) {
    if (is_within(value, 0.0, 1.0)) return;
    refuse_state(where, field, "a number in [0, 1]", number_text(value));
}

}  // namespace alpha_detail

/// Errors: StateError naming the field, for numbers out of range and for fields that contradict
/// each other: a hold that is not at its target, a ramp that is over or leads the other way, an
/// amplitude outside its ramp.
inline void check_alpha_state(const AlphaState& state, const std::string& where) {
    using alpha_detail::refuse_state;
    if (!reflect::is_enumerator(state.mode)) {
        refuse_state(where, "mode", reflect::in_words(reflect::enumerators<AlphaMode>),
                     std::to_string(static_cast<int>(state.mode)));
    }
    if (!reflect::is_enumerator(state.curve)) {
        refuse_state(where, "curve", reflect::in_words(reflect::enumerators<AlphaCurve>),
                     std::to_string(static_cast<int>(state.curve)));
    }
    alpha_detail::check_amplitude(where, "alpha", state.alpha);
    alpha_detail::check_amplitude(where, "start", state.start);
    alpha_detail::check_amplitude(where, "target", state.target);
    if (is_nan(state.steepness) || state.steepness < minimum_steepness) {
        refuse_state(where, "steepness", "a number of at least 0.1", number_text(state.steepness));
    }
    if (state.mode == AlphaMode::hold) {
        if (state.alpha != state.target) {
            refuse_state(where, "target", "alpha itself in hold, " + number_text(state.alpha),
                         number_text(state.target));
        }
        if (state.steps_total < 0 || state.steps_done != state.steps_total) {
            refuse_state(
                where, "steps_done", "all steps in hold",
                std::to_string(state.steps_done) + " of " + std::to_string(state.steps_total));
        }
        return;
    }
    const bool up = state.mode == AlphaMode::up;
    if (up ? state.target <= state.start : state.target >= state.start) {
        refuse_state(where, "mode",
                     up ? "down, or a target above the start" : "up, or a target below the start",
                     std::string(name_of(state.mode)) + " from " + number_text(state.start) +
                         " to " + number_text(state.target));
    }
    if (state.steps_done < 0 || state.steps_done >= state.steps_total) {
        refuse_state(where, "steps_done", "fewer than all steps in a ramp",
                     std::to_string(state.steps_done) + " of " + std::to_string(state.steps_total));
    }
    const auto [low, high] = std::minmax(state.start, state.target);
    if (state.alpha < low || state.alpha > high) {
        refuse_state(where, "alpha", "a number between start and target", number_text(state.alpha));
    }
}

}  // namespace kasmina
