// Options of a slot and of a germination.
#pragma once

#include <cmath>
#include <string>

#include <kasmina/alpha/blend_algorithm.hpp>
#include <kasmina/alpha/curve.hpp>
#include <kasmina/error.hpp>

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
};

/// Gates that a slot tries by itself on its tick (G-9); all off by default.
struct AutoForward {
    bool g1 = false;
    bool g2 = false;
    bool g3 = false;
};

struct SlotOptions {
    int embargo_ticks = 5;  ///< dwell in embargoed (S-7)
    AutoForward auto_forward{};
};

/// Errors: OptionError naming the option and the number.
inline void check_germination_options(const GerminationOptions& options, const std::string& where) {
    if (options.tempo_epochs < 1) {
        throw OptionError("a ramp needs time", where, "tempo_epochs of at least 1",
                          std::to_string(options.tempo_epochs), "use 1 for the fastest ramp");
    }
    if (!(options.alpha_target > 0.0 && options.alpha_target <= 1.0)) {
        throw OptionError("the alpha target is out of range", where, "a number in (0, 1]",
                          std::to_string(options.alpha_target),
                          "use 1, or less for a seed that shall stay partial");
    }
    if (!std::isfinite(options.steepness) || options.steepness < minimum_steepness) {
        throw OptionError("the steepness is out of range", where, "a finite number of at least 0.1",
                          std::to_string(options.steepness), "use the default of 12");
    }
}

}  // namespace kasmina
