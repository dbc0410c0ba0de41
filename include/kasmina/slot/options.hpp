// Options of a slot and of a germination.
#pragma once

#include <string>

#include <kasmina/alpha/blend_algorithm.hpp>
#include <kasmina/alpha/curve.hpp>
#include <kasmina/check_option.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/reflect/check_enumerator.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/slot/incubation.hpp>

namespace kasmina {

/// How a seed will be blended in (S-1). The amplitude ramp of the gate algorithm is linear
/// whatever curve is asked for.
struct GerminationOptions {
    std::string seed_id{};  ///< empty: "slot-blueprint"
    BlendAlgorithm algorithm = BlendAlgorithm::add;
    AlphaCurve curve = AlphaCurve::sigmoid;
    double steepness = default_steepness;
    int tempo_epochs = 5;       ///< length of the ramp
    double alpha_target = 1.0;  ///< in (0, 1]
    Incubation incubation = Incubation::feedback;
    using Fields =
        reflect::List<&GerminationOptions::seed_id, &GerminationOptions::algorithm,
                      &GerminationOptions::curve, &GerminationOptions::steepness,
                      &GerminationOptions::tempo_epochs, &GerminationOptions::alpha_target,
                      &GerminationOptions::incubation>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;

    friend bool operator==(const GerminationOptions&, const GerminationOptions&) = default;
};

/// Gates that a slot tries by itself on its tick (G-9); all off by default.
struct AutoForward {
    bool g1 = false;
    bool g2 = false;
    bool g3 = false;
    using Fields = reflect::List<&AutoForward::g1, &AutoForward::g2, &AutoForward::g3>;

    friend bool operator==(const AutoForward&, const AutoForward&) = default;
};

struct SlotOptions {
    int embargo_ticks = 5;  ///< dwell in embargoed (S-7)
    AutoForward auto_forward{};
    using Fields = reflect::List<&SlotOptions::embargo_ticks, &SlotOptions::auto_forward>;

    friend bool operator==(const SlotOptions&, const SlotOptions&) = default;
};

/// Errors: OptionError naming the option and the number.
KASMINA_RARE inline void check_slot_options(const SlotOptions& options, const std::string& where) {
    if (options.embargo_ticks >= 1) return;
    throw OptionError("the embargo has no length", where, "embargo_ticks of at least 1",
                      std::to_string(options.embargo_ticks), "use 1 for the shortest cooldown");
}

/// Errors: OptionError naming the option and the number.
KASMINA_RARE inline void check_germination_options(const GerminationOptions& options,
                                                   const std::string& where) {
    reflect::check_enumerator(options.algorithm, "algorithm", where);
    reflect::check_enumerator(options.curve, "curve", where);
    reflect::check_enumerator(options.incubation, "incubation", where);
    if (options.tempo_epochs < 1) {
        throw OptionError("a ramp needs time", where, "tempo_epochs of at least 1",
                          std::to_string(options.tempo_epochs), "use 1 for the fastest ramp");
    }
    check_option(where, "the alpha target", options.alpha_target,
                 OptionRange::above(0.0).at_most(1.0),
                 "use 1, or less for a seed that shall stay partial");
    check_option(where, "the steepness", options.steepness,
                 OptionRange::at_least(minimum_steepness), "use the default of 12");
}

}  // namespace kasmina
