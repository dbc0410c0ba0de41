// The sequential rule: judge as soon as the measurements suffice, at the latest at the patience.
#pragma once

#include <cstdint>

#include <kasmina/finite.hpp>
#include <kasmina/statistics/estimate.hpp>

namespace kasmina::judge {

enum class Verdict : std::uint8_t { undecided, helps, does_not_help };

/// When a measured contribution is enough to keep a seed or to refuse it (spec J-2).
struct SequentialRule {
    double bound = 0.25;           ///< in the score's unit; percentage points for accuracies
    double standard_errors = 2.0;  ///< how far from the bound is clear
    int minimum = 5;               ///< measurements before anything is decided
    int patience = 20;             ///< measurements after which the value decides by itself

    using Fields = reflect::List<&SequentialRule::bound, &SequentialRule::standard_errors,
                                 &SequentialRule::minimum, &SequentialRule::patience>;
    friend bool operator==(const SequentialRule&, const SequentialRule&) = default;

    /// A value that is not finite never helps (G-7), and is refused at the patience.
    [[nodiscard]] constexpr Verdict operator()(const Estimate& estimate) const noexcept {
        if (estimate.count < minimum) return Verdict::undecided;
        const bool known = is_finite(estimate.value);
        if (known && !is_nan(estimate.standard_error)) {
            const double margin = standard_errors * estimate.standard_error;
            if (estimate.value - margin > bound) return Verdict::helps;
            if (estimate.value + margin < bound) return Verdict::does_not_help;
        }
        if (estimate.count < patience) return Verdict::undecided;
        return known && estimate.value > bound ? Verdict::helps : Verdict::does_not_help;
    }
};

}  // namespace kasmina::judge
