// What a slot says when it cannot do what it is asked: its typed errors, and reasons of refusals.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <kasmina/alpha/controller.hpp>
#include <kasmina/check_option.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/lifecycle/check_transition.hpp>
#include <kasmina/number_text.hpp>
#include <kasmina/reflect/check_enumerator.hpp>
#include <kasmina/slot/alpha_overrides.hpp>
#include <kasmina/statistics/estimate.hpp>
#include <kasmina/tensor/index.hpp>
#include <kasmina/topology.hpp>

/// \file
/// `where` is the slot, as "slot r0c1". Nothing here knows a backend or a blueprint, so that all of
/// it is compiled once and not once per kind of slot.
namespace kasmina::slot_detail {

/// Errors: LifecycleError unless the slot is dormant (S-1).
KASMINA_RARE inline void check_dormant(const std::string& where, Stage stage) {
    if (stage == Stage::dormant) return;
    throw LifecycleError("a seed can germinate in a dormant slot only", where, allowed_steps(stage),
                         std::string(name_of(stage)) + " to germinated",
                         "prune the seed and wait for the cooldown, or use another slot");
}

[[noreturn]] KASMINA_COLD inline void throw_sees_all_positions(const std::string& where) {
    throw StateError("a pass behind a cache has no place for this seed", where,
                     "a seed that takes one position at a time, not blended by a gate",
                     "one that asks for all positions at once",
                     "run the whole sequence in a plain pass, or leave the seed out with an alpha "
                     "override of 0");
}

/// Errors: OptionError for a seed of another topology or width than the slot's.
KASMINA_RARE inline void check_fits(const std::string& where, Topology topology, Topology wanted,
                                    Index width, Index wanted_width) {
    if (topology == wanted && width == wanted_width) return;
    throw OptionError("the seed is not made for this place", where,
                      std::string(name_of(wanted)) + ", width " + std::to_string(wanted_width),
                      std::string(name_of(topology)) + ", width " + std::to_string(width),
                      "make the seed for the slot's topology and width");
}

/// Errors: LifecycleError that says why the slot does not hand its seed out as that typed one.
KASMINA_RARE inline void check_taken(const std::string& where, Stage wanted,
                                     std::string_view wanted_blueprint, Stage stage,
                                     std::string_view blueprint, bool is_of_blueprint,
                                     bool prune_scheduled) {
    const auto described = [](std::string_view seed, Stage in) {
        return std::string(seed) + " in " + std::string(name_of(in));
    };
    if (stage != wanted || !is_of_blueprint) {
        throw LifecycleError("the slot does not hold that seed", where,
                             described(wanted_blueprint, wanted), described(blueprint, stage),
                             "ask the slot's report for the stage and the blueprint of its seed");
    }
    if (prune_scheduled) {
        throw LifecycleError("the slot's seed waits to be pruned", where,
                             "a seed without a scheduled prune", "one that ramps down to it",
                             "let the ramp end, or advance the seed, which drops the prune");
    }
}

/// Errors: LifecycleError that names both stages and the allowed ones (L-4). `next` is the forward
/// step from `from`; `target` what was asked for.
[[noreturn]] KASMINA_COLD inline void throw_not_forward(const std::string& where, Stage from,
                                                        std::optional<Stage> next,
                                                        std::optional<Stage> target) {
    std::string expected = next ? "the forward step to " + std::string(name_of(*next))
                                : std::string("a stage with a forward step");
    expected += "; " + allowed_steps(from);
    throw LifecycleError(
        "not a forward step", where, std::move(expected),
        std::string(name_of(from)) + " to " +
            (target ? std::string(name_of(*target)) : "its next stage"),
        from == Stage::dormant ? "call germinate" : "advance without a target, or prune");
}

/// Errors: LifecycleError; `what` needs a seed, and there is none.
[[noreturn]] KASMINA_COLD inline void throw_no_seed(const std::string& where, const char* what,
                                                    Stage stage) {
    throw LifecycleError(std::string(what) + " needs a seed", where, "a slot with a live seed",
                         std::string(name_of(stage)), "germinate a seed first");
}

/// Errors: LifecycleError; `what` is for a seed in another stage.
[[noreturn]] KASMINA_COLD inline void throw_wrong_stage(const std::string& where, const char* what,
                                                        Stage wanted, Stage stage) {
    throw LifecycleError(std::string(what) + " is for another stage", where,
                         "a seed in " + std::string(name_of(wanted)), std::string(name_of(stage)),
                         "ask the slot for its stage first");
}

/// Errors: LifecycleError; there is nobody to give a lesson to.
[[noreturn]] inline void throw_not_taught(const std::string& where, Stage stage) {
    throw LifecycleError("there is no seed to give a lesson to", where,
                         "a seed in training that is incubated by feedback",
                         std::string(name_of(stage)),
                         "give lessons before the seed is advanced or pruned");
}

/// Errors: NumericError for a measurement that is not finite.
KASMINA_RARE inline void check_finite(const std::string& where, double value, const char* what) {
    if (is_finite(value)) return;
    throw NumericError(std::string(what) + " is not finite", where,
                       "a finite number of percentage points", number_text(value),
                       "find out where the measurement goes wrong");
}

/// Errors: OptionError for what no measure gives: none as its name, or an error or a count below 0.
KASMINA_RARE inline void check_measured(const std::string& where, const judge::Estimate& estimate,
                                        judge::MeasureKind by) {
    reflect::check_enumerator(by, "measure", where);
    const bool has_sense = !is_nan(estimate.standard_error) && estimate.standard_error >= 0.0;
    if (by != judge::MeasureKind::none && has_sense && estimate.count >= 0) return;
    throw OptionError("no measure measures that", where,
                      "a measure, and a standard error and a count of 0 or more",
                      std::string(name_of(by)) + ", " + number_text(estimate.standard_error) +
                          ", " + std::to_string(estimate.count),
                      "name the measure, and leave the error infinite where it is not known");
}

/// Errors: OptionError for a target of alpha outside (0, 1] (S-6).
KASMINA_RARE inline void check_alpha_target(const std::string& where, double target) {
    check_option(where, "the alpha target", target, OptionRange::above(0.0).at_most(1.0),
                 "use schedule_prune to go to 0");
}

/// Errors: OptionError for a curve that does not exist, or a steepness that is not finite.
KASMINA_RARE inline void check_ramp(const std::string& where, AlphaCurve curve, double steepness) {
    reflect::check_enumerator(curve, "curve", where);
    if (is_finite(steepness)) return;
    throw OptionError("the steepness is not finite", where, "a finite number, used as 0.1 or more",
                      number_text(steepness), "use the default of 12");
}

/// Errors: OptionError for an override above 0 without an active seed, or with neither one value
/// nor one per sample.
inline void check_override(const std::string& where, Stage stage, const AlphaOverride& chosen,
                           Index samples) {
    if (!is_active(stage) && !chosen.all_zero()) {
        throw OptionError("an alpha override needs an active seed", where,
                          "training, blending, holding or fossilized, or an override of 0",
                          std::string(name_of(stage)), "leave this slot out of the overrides");
    }
    if (chosen.per_sample() && static_cast<Index>(chosen.values.size()) != samples) {
        throw OptionError("an alpha override does not fit the batch", where,
                          samples == 1 ? "1 value" : "1 or " + std::to_string(samples) + " values",
                          std::to_string(chosen.values.size()),
                          "pass one value, or one per sample");
    }
}

/// Why alpha cannot be scheduled while it moves.
[[nodiscard]] KASMINA_RARE inline std::string ramp_under_way(const AlphaController& controller) {
    return "a ramp to " + number_text(controller.target()) + " is under way for another " +
           std::to_string(controller.time_to_target()) + " ticks";
}

/// Why alpha cannot be scheduled in a stage that has none.
[[nodiscard]] KASMINA_RARE inline std::string nothing_to_ramp(Stage stage) {
    return "alpha can be set in blending or holding only; the slot is " +
           std::string(name_of(stage));
}

/// Why a pruned seed is not pruned again (S-4).
[[nodiscard]] KASMINA_RARE inline std::string pruned_before(Stage stage) {
    return "the seed was pruned before and is cooling down (" + std::string(name_of(stage)) + ")";
}

}  // namespace kasmina::slot_detail
