// The sequential rule: judge as soon as the measurements suffice, at the latest at the patience.
#pragma once

#include <cstdint>

#include <kasmina/finite.hpp>
#include <kasmina/statistics/estimate.hpp>

namespace kasmina::judge {

enum class Verdict : std::uint8_t { undecided, helps, does_not_help };

/// When a measured contribution is enough to keep a seed or to refuse it (spec J-2). Two networks
/// that are equally good are never equal: of seeds that do nothing one in three leads by more than
/// the bound when the patience ends (docs/growth.md). So what is not clear by then is kept only if
/// it is at least likely: beyond the bound by half as many errors.
struct SequentialRule {
    double bound = 0.25;           ///< in the score's unit; percentage points for accuracies
    double standard_errors = 2.0;  ///< how far from the bound is clear
    int minimum = 5;               ///< measurements before anything is decided
    int patience = 20;             ///< measurements after which half as many errors are enough

    using Fields = reflect::List<&SequentialRule::bound, &SequentialRule::standard_errors,
                                 &SequentialRule::minimum, &SequentialRule::patience>;
    friend bool operator==(const SequentialRule&, const SequentialRule&) = default;

    /// By how much a contribution has to be above the bound to be kept, or below it to be refused
    /// before the patience. From the patience on an error that is not known is none.
    [[nodiscard]] constexpr double margin(const Estimate& estimate) const noexcept {
        if (estimate.count < patience) return standard_errors * estimate.standard_error;
        return estimate.has_error() ? 0.5 * standard_errors * estimate.standard_error : 0.0;
    }

    /// A value that is not finite never helps (G-7), and is refused at the patience.
    [[nodiscard]] constexpr Verdict operator()(const Estimate& estimate) const noexcept {
        if (estimate.count < minimum) return Verdict::undecided;
        const bool known = is_finite(estimate.value);
        const double asked = margin(estimate);
        if (known && !is_nan(asked)) {
            if (estimate.value - asked > bound) return Verdict::helps;
            if (estimate.value + asked < bound) return Verdict::does_not_help;
        }
        return estimate.count < patience ? Verdict::undecided : Verdict::does_not_help;
    }
};

}  // namespace kasmina::judge
